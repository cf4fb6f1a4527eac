// What a person can do to the drawing: add, wire, remove, copy, paste, tidy, walk with the keys.
import { NODE_H, NODE_W, RANK, asked, below, byId, edgeId, incoming, isNote, makeNode, outgoing, portsOf, refuse, renamed, tidy } from "./graph.js";
import { commit, flushFields, get, getView, go, nodeOf, redo, select, set, toast, undo } from "./store.js";

const ports = (id) => portsOf(get().types[nodeOf(id).kind] ?? { kind: nodeOf(id).kind }, nodeOf(id), get().spec);
const only = () => (get().selection.nodes.length === 1 ? get().selection.nodes[0] : null);

// ---------- adding

/** The first port of a step that leads nowhere yet. */
export function freePort(id) {
  const wired = new Set((outgoing(get().spec).get(id) ?? []).map((e) => e.port)), own = ports(id);
  return own.find((p) => !wired.has(p)) ?? own[0] ?? "out";
}
const inputsFor = (type, spec) => {
  const inputs = asked(type, spec);
  return inputs ? [{ op: "set", id: null, path: ["inputs"], value: inputs }] : [];
};
function put(kind, position, edges = (id) => []) {
  const { types, spec } = get(), node = makeNode(types[kind], spec, position);
  commit([...inputsFor(types[kind], spec), { op: "add", nodes: [node], edges: edges(node.id) }]);
  select([node.id]);
  getView()?.reveal(node.id);
  return node.id;
}
/** At a point of the drawing: the point is the centre of the new card. */
export const addAt = (kind, point) => put(kind, { x: point.x - NODE_W / 2, y: point.y - NODE_H / 2 });

/** Below the selected step and wired to it; else in the middle of what is seen. */
export function addBelow(kind, from = only()) {
  const { types, spec } = get(), source = from && nodeOf(from);
  if (!source || isNote(types, source) || isNote(types, { kind }) || !ports(from).length) return addLoose(kind);
  const port = freePort(from);
  return put(kind, below(types, spec, source, port), (id) => [{ source: from, port, target: id }]);
}
function addLoose(kind) {
  const { spec } = get();
  if (!spec.nodes.length) return put(kind, { x: 0, y: 0 });
  const c = getView()?.center() ?? { x: 0, y: 0 };
  let x = c.x - NODE_W / 2, y = c.y - NODE_H / 2;
  while (spec.nodes.some((n) => Math.abs(n.position.x - x) < NODE_W && Math.abs(n.position.y - y) < NODE_H)) y += NODE_H + 24;
  return put(kind, { x, y });
}
/** Where a drawn edge ended in the open: the point is the middle of the new card's upper edge. */
export const addWired = (kind, from, port, point) => put(kind, { x: point.x - NODE_W / 2, y: point.y }, (id) => [{ source: from, port, target: id }]);
/** Into the middle of an edge; everything below makes room. */
export function insertOn(edge, kind) {
  const { types, spec } = get(), a = nodeOf(edge.source), b = nodeOf(edge.target);
  if (!a || !b || isNote(types, { kind })) return;
  const node = makeNode(types[kind], spec, { x: b.position.x, y: b.position.y > a.position.y ? b.position.y : a.position.y + RANK });
  const makes = portsOf(types[kind], node, spec)[0], room = b.position.y > a.position.y ? spec.nodes.filter((n) => n.position.y >= b.position.y) : [];
  const ops = [...inputsFor(types[kind], spec), { op: "remove", nodes: [], edges: [edge] }];
  if (room.length) ops.push({ op: "move", items: room.map((n) => ({ id: n.id, x: n.position.x, y: n.position.y + RANK + 14 })) });
  ops.push({ op: "add", nodes: [node], edges: [{ source: edge.source, port: edge.port, target: node.id }, ...(makes ? [{ source: node.id, port: makes, target: edge.target }] : [])] });
  commit(ops);
  select([node.id]);
}
export function connect(edge, loud = false) {
  const { types, spec } = get(), reason = refuse(types, spec, edge);
  if (reason) return loud && toast(reason, { status: "waiting" });
  commit([{ op: "add", nodes: [], edges: [edge] }]);
}

let carried = null;
export const drag = (kind) => (carried = kind);
export const dragged = () => carried;

// ---------- removing, copying

const picked = () => {
  const { spec, selection } = get(), ids = new Set(selection.nodes), cut = new Set(selection.edges);
  return { nodes: spec.nodes.filter((n) => ids.has(n.id)), edges: spec.edges.filter((e) => cut.has(edgeId(e)) || ids.has(e.source) || ids.has(e.target)), ids };
};
export function remove() {
  const { nodes, edges } = picked();
  if (!nodes.length && !edges.length) return;
  commit([{ op: "remove", nodes: nodes.map((n) => n.id), edges }]);
  select([]);
}
export function copied() {
  const { nodes, ids } = picked();
  return nodes.length ? { nexod_clip: 1, nodes, edges: get().spec.edges.filter((e) => ids.has(e.source) && ids.has(e.target)) } : null;
}
let pasted = 0;
/** A clip, or a whole workflow as JSON text. Answers whether it was one. */
export function paste(clip, repeat = ++pasted) {
  if (!clip?.nodes?.length || !Array.isArray(clip.nodes) || !clip.nodes.every((n) => n?.id && n.kind)) return false;
  const { spec } = get(), known = clip.nodes.some((n) => byId(spec).has(n.id));
  const xs = clip.nodes.map((n) => n.position?.x ?? 0), ys = clip.nodes.map((n) => n.position?.y ?? 0), c = getView()?.center();
  const shift = known || !c ? { x: 40 * repeat, y: 40 * repeat } : { x: c.x - (Math.min(...xs) + Math.max(...xs) + NODE_W) / 2, y: c.y - (Math.min(...ys) + Math.max(...ys) + NODE_H) / 2 };
  const whole = clip.nodes.map((n) => ({ v: 1, title: "", join: "all", config: {}, ...n, position: n.position ?? { x: 0, y: 0 } }));
  const added = renamed({ nodes: whole, edges: (clip.edges ?? []).map((e) => ({ source: e.source, port: e.port ?? "out", target: e.target })) }, spec, shift);
  commit([{ op: "add", nodes: added.nodes, edges: added.edges }]);
  select(added.nodes.map((n) => n.id));
  return true;
}
export const duplicate = () => copied() && paste(copied(), 1);
export const selectAll = () => select(get().spec.nodes.map((n) => n.id), get().spec.edges.map(edgeId));

let clipboard = null;
const typing = (target) => target?.closest?.("input, textarea, select, [contenteditable=true], dialog");
const chosenText = () => String(window.getSelection?.() ?? "") !== "";
export function onCopy(event) {
  if (typing(event.target) || chosenText()) return;
  const clip = copied();
  if (!clip) return;
  clipboard = clip;
  pasted = 0;
  event.clipboardData?.setData("text/plain", JSON.stringify(clip, null, 1));
  event.preventDefault();
  if (event.type === "cut") remove();
}
let pasteSeen = 0;
export function onPaste(event) {
  pasteSeen = Date.now();
  if (typing(event.target)) return;
  let clip = null;
  try { clip = JSON.parse(event.clipboardData?.getData("text/plain") ?? ""); } catch { clip = null; }
  if (paste(clip?.nexod_clip || clip?.nexod ? clip : clipboard)) event.preventDefault();
}

// ---------- layout

export function tidyUp() {
  const { types, spec } = get(), items = tidy(types, spec).filter((i) => {
    const { x, y } = nodeOf(i.id).position;
    return x !== i.x || y !== i.y;
  });
  if (items.length) commit([{ op: "move", items }]);
  requestAnimationFrame(() => requestAnimationFrame(() => getView()?.fit({ duration: 180 })));
}
const bounds = (nodes) => {
  const xs = nodes.map((n) => n.position.x), ys = nodes.map((n) => n.position.y);
  return { left: Math.min(...xs), right: Math.max(...xs) + NODE_W, top: Math.min(...ys), bottom: Math.max(...ys) + NODE_H };
};
const LANE_BESIDE = 70;
/** All of it, at 100 % and from the top if it fits, else as large as it goes. Needs no card to be drawn yet. */
export function showAll(rf, home) {
  const b = bounds(get().spec.nodes), box = home?.getBoundingClientRect();
  if (!box?.width) return;
  const width = b.right - b.left + 150, height = b.bottom - b.top + 84, middle = (b.left + b.right) / 2;
  const zoom = Math.max(0.05, Math.min(1, box.width / width, box.height / height));
  const top = height > box.height ? (box.height - (b.bottom - b.top) * zoom) / 2 : Math.max(44, Math.min((box.height - (b.bottom - b.top)) / 2, 120));
  const left = box.width / 2 - (middle - b.left) * zoom, low = top + (b.bottom - b.top) * zoom > box.height - 56;
  const bar = low ? home.querySelector(".zoom")?.offsetWidth ?? 0 : 0, aside = bar ? Math.max(0, Math.min(bar + LANE_BESIDE - left, left - 24)) : 0;
  rf.setViewport({ x: Math.round(box.width / 2 + aside - middle * zoom), y: Math.round(top - b.top * zoom), zoom });
}
/** Make the whole drawing visible again when panels took its place; leaves alone what is seen already. */
export function keepInSight() {
  const { rf, fit } = getView() ?? {}, box = document.querySelector('[data-testid="canvas"]')?.getBoundingClientRect(), { nodes } = get().spec;
  if (!rf || !box || !nodes.length) return;
  const b = bounds(nodes), a = rf.flowToScreenPosition({ x: b.left, y: b.top }), z = rf.flowToScreenPosition({ x: b.right, y: b.bottom });
  if (a.x < box.left || a.y < box.top || z.x > box.right || z.y > box.bottom) fit({ duration: 180 });
}
/** Bring a step into sight if it is not. */
export function reveal(rf, home, id) {
  const node = nodeOf(id), box = home?.getBoundingClientRect();
  if (!node || !box) return;
  const a = rf.flowToScreenPosition(node.position), z = rf.getZoom();
  if (a.x < box.left + 8 || a.y < box.top + 8 || a.x + NODE_W * z > box.right - 8 || a.y + NODE_H * z > box.bottom - 8) rf.setCenter(node.position.x + NODE_W / 2, node.position.y + NODE_H / 2, { zoom: z, duration: 180 });
}

// ---------- keys

export function openInspector(id) {
  if (id) select([id]);
  set({ tab: "configure" });
  setTimeout(() => document.querySelector('[data-testid="inspector"] .form :is(input, textarea, select)')?.focus(), 60);
}
const focused = () => document.activeElement?.closest?.(".react-flow__node")?.dataset.id ?? only();

function walk(id, key) {
  const { spec } = get(), here = nodeOf(id), at = (i) => nodeOf(i).position;
  const pick = (ids) => ids.map((i) => [Math.abs(at(i).x - here.position.x) + Math.abs(at(i).y - here.position.y) / 10, i]).sort((a, b) => a[0] - b[0])[0]?.[1];
  if (key === "ArrowDown") return pick((outgoing(spec).get(id) ?? []).map((e) => e.target).filter((i) => i !== id));
  if (key === "ArrowUp") return pick((incoming(spec).get(id) ?? []).map((e) => e.source).filter((i) => i !== id));
  const side = key === "ArrowLeft" ? -1 : 1;
  return pick(spec.nodes.filter((n) => (n.position.x - here.position.x) * side > 20 && Math.abs(n.position.y - here.position.y) < RANK / 2).map((n) => n.id));
}
function nudge(key) {
  const by = { ArrowUp: [0, -20], ArrowDown: [0, 20], ArrowLeft: [-20, 0], ArrowRight: [20, 0] }[key], { nodes } = picked();
  const id = focused(), moved = nodes.length ? nodes : id ? [nodeOf(id)] : [];
  if (moved.length) commit([{ op: "move", items: moved.map((n) => ({ id: n.id, x: n.position.x + by[0], y: n.position.y + by[1] })) }], { key: `nudge:${moved.map((n) => n.id).join()}` });
}
/** Keys while the focus is on the drawing. */
export function onCanvasKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || event.target.closest("button, .menu")) return;
  const id = focused(), key = event.key;
  if (key.startsWith("Arrow")) {
    event.preventDefault();
    if (event.shiftKey) return nudge(key);
    const next = id && walk(id, key);
    if (next) select([next]), getView()?.reveal(next), getView()?.focus(next);
  } else if (key === "Enter" && id) event.preventDefault(), openInspector(id);
  else if (key === " " && id) event.preventDefault(), select([id]);
}
/** Keys anywhere on the editor page. */
export function onKey(event) {
  const mod = event.ctrlKey || event.metaKey, key = event.key.toLowerCase();
  const dialog = document.querySelector("dialog[open]");
  if (mod && key === "enter") return event.preventDefault(), dialog ? dialog.querySelector("form")?.requestSubmit() : set({ dialog: "run" });
  if (dialog) return;
  if (mod && key === "s") return event.preventDefault(), flushFields(); // it saves by itself; the browser would save the page
  if (typing(event.target)) return;
  if (mod && key === "z") event.preventDefault(), event.shiftKey ? redo() : undo();
  else if (mod && key === "y") event.preventDefault(), redo();
  else if (mod && key === "a") event.preventDefault(), selectAll();
  else if (mod && key === "d") event.preventDefault(), duplicate();
  else if (mod && key === "v") setTimeout(() => Date.now() - pasteSeen > 200 && clipboard && paste(clipboard), 80);
  else if (mod) return;
  else if (event.key === "?") event.preventDefault(), set({ dialog: "help" });
  else if (event.key === "/") event.preventDefault(), document.querySelector('[data-testid="palette-search"]')?.focus();
  else if (key === "escape") !get().selection.nodes.length && get().path.length ? go(get().path.slice(0, -1)) : select([]), getView()?.menu(null);
  else if (event.target.closest?.(".insp, .dock, .menu")) return;
  else if (event.key === "Delete" || event.key === "Backspace") event.preventDefault(), remove();
  else if (key === "a" && !event.altKey) addMenu(event);
  else if (key === "c" && !event.altKey) wireMenu(event);
}
const cardOf = (id) => id && document.querySelector(`[data-testid="node-${CSS.escape(id)}"]`)?.getBoundingClientRect();
function addMenu(event) {
  const id = focused(), card = cardOf(id);
  event.preventDefault();
  if (card) getView()?.menu({ x: card.left + card.width / 2, y: card.bottom + 12, pick: (kind) => addBelow(kind, id), home: id });
  else document.querySelector('[data-testid="palette-search"]')?.focus();
}
function wireMenu(event) {
  const id = focused(), card = cardOf(id);
  if (!card || get().readOnly || !ports(id).length) return;
  event.preventDefault();
  getView()?.menu({ x: card.left + card.width / 2, y: card.bottom + 12, from: id, home: id });
}
