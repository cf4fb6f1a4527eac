// Loading and saving: the graph comes by REST, settled operations go up one batch at a time and outlive a reload.
import { apply, byId, complete, fits } from "./graph.js";
import { flushFields, get, onCommit, opposite, reset, select, set, shown, toast } from "./store.js";

const API = "/api/v1";
const RETRY_MS = [500, 1000, 2000, 4000, 8000];

/** A request of our REST API; throws {status, code, message, details, error} when refused, status 0 when offline. */
export async function api(path, { method = "GET", body, headers = {}, keepalive } = {}) {
  let answer;
  try {
    answer = await fetch(API + path, {
      method, credentials: "same-origin", keepalive,
      headers: body === undefined ? headers : { "Content-Type": "application/json", ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw { status: 0, code: "offline", message: "The server did not answer.", details: [] };
  }
  const data = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) throw { status: answer.status, code: "failed", message: `The server answered ${answer.status}.`, details: [], ...data?.error, error: data?.error };
  return data;
}

// The browser was told to fetch the graph together with the page (nexod_app/early.py): good for the first look, and
// stale for every other. Another address is another request.
let early = true;
const newest = (id) => api(`/workflows/${id}${early ? "" : "?now"}`).finally(() => (early = false));

// {client, seq, batch: {client, seq, rev, ops} | null, waiting: [op, …]} of the open workflow, kept in sessionStorage
let queue = null, rev = 0, busy = null, failures = 0, timer = null, idle = [];

const storeKey = (id) => `nexod.ops.${id}`;
const newId = () => globalThis.crypto?.randomUUID?.() ?? Math.random().toString(36).slice(2) + Date.now().toString(36);
function remember() {
  const id = get().workflowId;
  if (!id || !queue) return;
  try {
    if (queue.batch || queue.waiting.length) sessionStorage.setItem(storeKey(id), JSON.stringify(queue));
    else sessionStorage.removeItem(storeKey(id));
  } catch { /* a full or forbidden storage only costs the reload safety */ }
}
function recall(id) {
  const fresh = { client: newId(), seq: 0, batch: null, waiting: [] };
  try {
    const kept = JSON.parse(sessionStorage.getItem(storeKey(id)) ?? "null");
    return kept ? { ...fresh, batch: kept.batch, waiting: kept.waiting ?? [] } : fresh;
  } catch { return fresh; }
}

/** Open a workflow: what an earlier life of this tab had not sent goes first, then the graph is fetched. */
export async function open(id) {
  if (busy || queue?.batch) await Promise.race([saved(), new Promise((f) => setTimeout(f, 3000))]);
  clearTimeout(timer);
  reset({ workflowId: id, saveState: "saved" });
  queue = recall(id);
  failures = 0;
  await load(id);
}
async function load(id) {
  try {
    if (queue.batch) await resend(id), (early = false);
    const found = await newest(id);
    if (get().workflowId !== id) return;
    rev = found.rev;
    let spec = complete(found.spec);
    const kept = queue.waiting;
    if (kept.length && fits(spec, kept)) spec = apply(spec, kept);
    else queue.waiting = [];
    set({ ...shown(spec), loaded: true, failure: null, version: found.version ?? null, problems: found.problems ?? [] });
    remember();
    if (kept.length && !queue.waiting.length) toast("Some changes could not be kept", { status: "failed", text: "Somebody else changed the same steps meanwhile." });
    if (queue.waiting.length) pump();
  } catch (e) {
    if (get().workflowId !== id) return;
    if (e.status === 0 || e.status >= 500) {
      set({ failure: get().loaded ? null : { status: e.status, message: "The server does not answer. Trying again." } });
      timer = setTimeout(() => load(id), RETRY_MS[Math.min(failures++, 4)]);
    } else set({ failure: { status: e.status, message: e.message } });
  }
}
async function resend(id) {
  try {
    await api(`/workflows/${id}/ops`, { method: "POST", body: queue.batch });
  } catch (e) {
    if (e.status === 0 || e.status >= 500 || e.status === 401) throw e;
    if (e.status === 409) queue.waiting = queue.batch.ops.concat(queue.waiting);
  }
  queue.batch = null;
  remember();
}

// ---------- saving

function pump() {
  const id = get().workflowId;
  if (busy || !queue || get().saveState === "conflict") return;
  if (!queue.batch) {
    if (!queue.waiting.length) return settle();
    queue.batch = { client: queue.client, seq: ++queue.seq, rev, ops: queue.waiting };
    queue.waiting = [];
  }
  remember();
  set({ saveState: failures ? "unsaved" : "saving" });
  clearTimeout(timer);
  busy = post(id).finally(() => {
    busy = null;
    if (get().workflowId === id && !failures) pump();
  });
}
async function post(id) {
  try {
    const small = JSON.stringify(queue.batch.ops).length < 50_000; // the browser's limit for what may outlive the page
    const answer = await api(`/workflows/${id}/ops`, { method: "POST", body: queue.batch, keepalive: small });
    if (get().workflowId !== id) return;
    rev = answer.rev;
    failures = 0;
    queue.batch = null;
    remember();
    if (!queue.waiting.length) set({ problems: answer.problems ?? [] });
  } catch (e) {
    if (get().workflowId !== id) return;
    if (e.status === 409) return rebase(id);
    if (e.status && e.status < 500 && e.status !== 401 && e.status !== 429) return conflict(e.message);
    failures++;
    set({ saveState: "unsaved" });
    if (failures === 3) toast("Could not save", { status: "failed", text: e.status === 401 ? "You are signed out. Sign in again in another tab; your changes are kept here." : "The server did not answer. Your changes are kept in this tab.", action: { title: "Try again", run: retryNow } });
    timer = setTimeout(retryNow, RETRY_MS[Math.min(failures, 4)]);
  }
}
function retryNow() {
  failures = Math.max(failures, 0);
  clearTimeout(timer);
  if (!busy && queue?.batch) pump();
}
/** Whether `ops` would set a flow inside a step that somebody else has changed meanwhile: it is set as a whole. */
function buries(theirs, ops) {
  const seen = new Set(), same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
  return ops.some((op) => {
    if (op.op !== "set" || seen.has(op.id) || op.path.join() !== "config,flow") return false;
    const before = opposite(op), now = byId(theirs).get(op.id)?.config.flow;
    seen.add(op.id);
    return before !== undefined && !same(complete(before.value ?? {}), complete(now ?? {}));
  });
}
/** Somebody else was first: take theirs, put ours on top if it still fits. */
async function rebase(id) {
  try {
    const found = await newest(id), theirs = complete(found.spec), ours = queue.batch.ops.concat(queue.waiting);
    if (!fits(theirs, ours) || buries(theirs, ours)) return conflict("Somebody else changed the same steps.");
    rev = found.rev;
    failures = 0;
    queue.batch = null;
    queue.waiting = ours;
    remember();
    set({ ...shown(apply(theirs, ours)), problems: found.problems ?? [], version: found.version ?? null });
  } catch {
    failures++;
    set({ saveState: "unsaved" });
    timer = setTimeout(retryNow, RETRY_MS[Math.min(failures, 4)]);
  }
}
function conflict(text) {
  set({ saveState: "conflict" });
  idle.splice(0).forEach((done) => done(false));
  toast("This workflow changed elsewhere", { status: "failed", text: `${text} Reload to see it; what you did since is dropped.`, action: { title: "Reload", run: reload } });
}
/** Give up what was not saved and show what the server has. */
export async function reload() {
  const id = get().workflowId;
  queue = { client: newId(), seq: 0, batch: null, waiting: [] };
  remember();
  failures = 0;
  select([]);
  set({ saveState: "saved", undo: [], redo: [] });
  await load(id);
}
function settle() {
  set({ saveState: "saved" });
  idle.splice(0).forEach((done) => done(true));
}
/** Resolves true once everything is on the server, false when that cannot be. */
export function saved() {
  flushFields();
  if (get().saveState === "conflict") return Promise.resolve(false);
  if (!busy && !queue?.batch && !queue?.waiting.length) return Promise.resolve(true);
  return new Promise((done) => idle.push(done));
}

onCommit((ops) => {
  queue.waiting = queue.waiting.concat(ops);
  remember();
  if (get().saveState !== "conflict" && get().saveState !== "unsaved") set({ saveState: "saving" });
  pump();
});
if (typeof window !== "undefined") {
  window.addEventListener("online", retryNow);
  window.addEventListener("pagehide", () => {
    flushFields();
    remember();
  });
}
