// The client store: the graph of the open workflow, its history, selection, problems and save state. One per tab.
import { useRef, useSyncExternalStore } from "react";
import { apply, byId, complete, edgeId, inverse } from "./graph.js";
import { levels, outward } from "./inside.js";

/** `root` is the whole workflow, `path` the subflows that one stands in, `spec` the flow that is drawn there. */
function at(root, path) {
  const found = levels(root, path);
  return { root, path: path.slice(0, found.length - 1), spec: found.at(-1) };
}
const blank = () => ({
  workflowId: null, version: null, readOnly: false, loaded: false, failure: null,
  ...at(complete({ name: "", nodes: [], edges: [] }), []),
  selection: { nodes: [], edges: [] },
  undo: [], redo: [],
  problems: [], saveState: "saved",
  tab: "configure", dialog: null, dock: null, visit: null, target: null,
});
let state = { ...blank(), types: {}, groups: [] };
const listeners = new Set();

export const get = () => state;
export function set(patch) {
  state = { ...state, ...patch };
  for (const listen of listeners) listen();
}
export const subscribe = (listen) => (listeners.add(listen), () => listeners.delete(listen));

/** A piece of the store; `select` may build new objects as long as they are shallowly equal. */
export function useEditor(select) {
  const last = useRef(undefined);
  const read = () => {
    const next = select(state);
    return shallow(last.current, next) ? last.current : (last.current = next);
  };
  return useSyncExternalStore(subscribe, read, read);
}
function shallow(a, b) {
  if (Object.is(a, b)) return true;
  if (!a || !b || typeof a !== "object" || typeof b !== "object" || Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(b);
  return keys.length === Object.keys(a).length && keys.every((k) => Object.is(a[k], b[k]));
}

export const reset = (patch) => set({ ...blank(), ...patch });
/** The kinds there are, told once by the page: ports, schema, sample, summary, group, icon. */
export function setTypes(list) {
  if (state.typeList === list) return;
  const known = list.map((t) => ({ ...t, silent: t.shape === "silent", picks: t.shape === "route" || t.shape === "pause", ports: t.ports.filter((p) => p !== "error") }));
  set({ typeList: list, types: Object.fromEntries(known.map((t) => [t.kind, t])) });
}
/** What to set so that this workflow is shown, at the place where one is if it is still there. */
export const shown = (root, path = state.path) => at(root, path);
/** Into the flow of these subflow steps, one inside the other; [] is the workflow itself. */
export function go(path) {
  if (path.join("/") === state.path.join("/")) return;
  flushFields();
  const left = state.path;
  select([]);
  set(at(state.root, path));
  if (left.length > path.length && left.join("/").startsWith(path.join("/"))) select([left[path.length]]);
}
/** The name of a step of the flow that is shown, as runs and problems have it. */
export const scoped = (id, path = state.path) => (path.length ? `${path.join("/")}/${id}` : id);
const parts = (name) => (name ?? "").split("/").map((part) => part.replace(/\[.*$/, "")).filter(Boolean);
/** The step of the flow that is shown, in which a step of that name is; null when it is elsewhere. */
export function here(name, path = state.path) {
  const steps = parts(name);
  return path.every((part, i) => part === steps[i]) ? steps[path.length] ?? null : null;
}
export const nodeOf = (id) => byId(state.spec).get(id);
export const typeOf = (id) => state.types[nodeOf(id)?.kind];

// ---------- the one commit path

let send = () => {};
/** sync.js takes over what is to be sent. */
export const onCommit = (fn) => (send = fn);

const SAME_FIELD_MS = 4000;
/** Apply `ops`, remember how to take them back, send them. Commits under one `key` in a row are one undo step. */
export function commit(done, { key: field = null, path = state.path } = {}) {
  if (state.readOnly || !state.loaded || !done.length) return;
  const ops = outward(state.root, path, done), key = field && scoped(field, path);
  const back = inverse(state.root, ops), last = state.undo[state.undo.length - 1], now = Date.now();
  const merge = key && last?.key === key && now - last.at < SAME_FIELD_MS;
  const entry = merge ? { ops: last.ops.concat(ops), back: back.concat(last.back), key, path, at: now } : { ops, back, key, path, at: now };
  set({ ...shown(apply(state.root, ops)), undo: [...(merge ? state.undo.slice(0, -1) : state.undo), entry].slice(-200), redo: [] });
  send(ops);
}
function travel(from, to, side) {
  const entry = state[from][state[from].length - 1];
  if (!entry || state.readOnly) return;
  go(entry.path);
  set({ ...shown(apply(state.root, entry[side])), [from]: state[from].slice(0, -1), [to]: [...state[to], { ...entry, key: null }] });
  prune();
  send(entry[side]);
}
/** The operation that takes `op` back, if it was made in this tab. */
export function opposite(op) {
  for (const entry of [...state.undo, ...state.redo])
    for (const [one, other] of [[entry.ops, entry.back], [entry.back, entry.ops]]) {
      const at = one.indexOf(op);
      if (at >= 0) return other[other.length - 1 - at];
    }
}
export const undo = () => (flushFields(), travel("undo", "redo", "back"));
export const redo = () => (flushFields(), travel("redo", "undo", "ops"));

/** Fields hold what is being typed for a moment; whoever needs the graph whole asks them to hand it over. */
const pendingFields = new Set();
export const fieldPending = (flush) => (pendingFields.add(flush), () => pendingFields.delete(flush));
export function flushFields() {
  for (const flush of [...pendingFields]) flush();
}

// ---------- selection

let view = null;
/** The canvas, once it is there: select, reveal, focus. */
export const setView = (v) => (view = v);
export const getView = () => view;

export function select(nodes, edges = []) {
  set({ selection: { nodes, edges }, ...fresh(nodes) });
  view?.select(nodes, edges);
}
/** What the canvas says is selected now. */
export function selected(nodes, edges) {
  const s = state.selection;
  if (s.nodes.join() === nodes.join() && s.edges.join() === edges.join()) return;
  flushFields();
  set({ selection: { nodes, edges }, ...fresh(nodes) });
}
/** Another step begins at its first tab and its latest visit. */
const fresh = (nodes) => (nodes.join() === state.selection.nodes.join() ? {} : { tab: "configure", visit: null });
function prune() {
  const nodes = byId(state.spec), edges = new Set(state.spec.edges.map(edgeId)), s = state.selection;
  const kept = { nodes: s.nodes.filter((id) => nodes.has(id)), edges: s.edges.filter((id) => edges.has(id)) };
  if (kept.nodes.length !== s.nodes.length || kept.edges.length !== s.edges.length) select(kept.nodes, kept.edges);
}

/** To the step, and in it to the field, that a problem speaks of. */
export function jump(problem) {
  const steps = parts(problem.node_id), inner = /^config\.flow\.(?=inputs|outputs)/;
  const own = inner.test(problem.field ?? ""), id = own ? null : steps.pop() ?? null;
  go(steps);
  const known = id && nodeOf(id);
  select(known ? [id] : []);
  if (known) view?.reveal(id);
  const path = (problem.field ?? "").replace(own ? inner : /^config\./, "");
  set({ tab: /^(retry|timeout_s|max_visits|join)/.test(path) ? "reliability" : "configure" });
  if (!path) return void (known && setTimeout(() => view?.focus(id), 60));
  set({ target: path });
  setTimeout(() => seek(path.split("."), 8, () => (path === "target" ? document.querySelector('[data-testid="target-switch"] [aria-checked="true"]').focus() : known && view?.focus(id))), 60);
}
/** Lists open the row that holds `target` meanwhile; after some tries what holds the field will do, else `otherwise`. */
function seek(names, tries, otherwise) {
  for (let n = names.length; n > 0; n -= tries ? names.length : 1) {
    const found = document.querySelector(`[data-testid="field-${CSS.escape(names.slice(0, n).join("."))}"]`);
    if (found) return set({ target: null }), found.focus();
  }
  if (tries) setTimeout(() => seek(names, tries - 1, otherwise), 40);
  else set({ target: null }), otherwise();
}

// ---------- toasts: at most three, errors stay

let toasts = [], toastId = 0;
const toastListeners = new Set();
const tell = (next) => ((toasts = next), toastListeners.forEach((f) => f()));
export function toast(title, { text = "", status = "completed", action = null } = {}) {
  const id = ++toastId;
  tell([...toasts.filter((t) => t.title !== title), { id, title, text, status, action }].slice(-3));
  if (status !== "failed") setTimeout(() => dismiss(id), 5000);
}
export const dismiss = (id) => tell(toasts.filter((t) => t.id !== id));
export const useToasts = () => useSyncExternalStore((f) => (toastListeners.add(f), () => toastListeners.delete(f)), () => toasts, () => toasts);
