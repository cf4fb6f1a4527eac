// The graph as plain data: typed operations with inverses, rules of connecting, ids, layout. No React, no DOM.

export const NODE_W = 220;
export const NODE_H = 72;
export const COLUMN = 260;
export const RANK = 124;
export const RANK_PORTS = 138;

export const edgeId = (e) => `${e.source}-${e.port}-${e.target}`;
const sameEdge = (a, b) => a.source === b.source && a.port === b.port && a.target === b.target;

const indexes = new WeakMap();
/** id → node, made once per immutable list of nodes. */
export function byId(spec) {
  let map = indexes.get(spec.nodes);
  if (!map) indexes.set(spec.nodes, (map = new Map(spec.nodes.map((n) => [n.id, n]))));
  return map;
}

const outs = new WeakMap();
/** id → edges leaving it, made once per immutable list of edges. */
export function outgoing(spec) {
  let map = outs.get(spec.edges);
  if (!map) {
    map = new Map();
    for (const e of spec.edges) map.has(e.source) ? map.get(e.source).push(e) : map.set(e.source, [e]);
    outs.set(spec.edges, map);
  }
  return map;
}

const ins = new WeakMap();
export function incoming(spec) {
  let map = ins.get(spec.edges);
  if (!map) {
    map = new Map();
    for (const e of spec.edges) map.has(e.target) ? map.get(e.target).push(e) : map.set(e.target, [e]);
    ins.set(spec.edges, map);
  }
  return map;
}

/** A spec as the file may leave it: every default written out. */
export function complete(raw) {
  return {
    nexod: 1, description: "", target: "langgraph", inputs: null, outputs: {}, ...raw,
    nodes: (raw.nodes ?? []).map((n) => ({ v: 1, title: "", join: "all", config: {}, ...n, position: n.position ?? { x: 0, y: 0 } })),
    edges: (raw.edges ?? []).map((e) => ({ source: e.source, port: e.port ?? "out", target: e.target })),
  };
}

// ---------- operations

/** A copy of `value` with the place inside it set, or taken away by undefined; what is missing on the way is made. */
export function setPath(value, [head, ...rest], leaf) {
  const copy = Array.isArray(value) ? value.slice() : { ...(value ?? {}) };
  if (rest.length) copy[head] = setPath(copy[head], rest, leaf);
  else if (leaf === undefined) delete copy[head];
  else copy[head] = leaf;
  return copy;
}
export const getPath = (value, path) => path.reduce((v, key) => v?.[key], value);

function applyOne(spec, op) {
  if (op.op === "add") return { ...spec, nodes: spec.nodes.concat(op.nodes ?? []), edges: spec.edges.concat(op.edges ?? []) };
  if (op.op === "remove") {
    const gone = new Set(op.nodes ?? []), cut = new Set((op.edges ?? []).map(edgeId));
    const edges = spec.edges.filter((e) => !cut.has(edgeId(e)) && !gone.has(e.source) && !gone.has(e.target));
    return { ...spec, nodes: gone.size ? spec.nodes.filter((n) => !gone.has(n.id)) : spec.nodes, edges };
  }
  if (op.op === "move") {
    const to = new Map(op.items.map((i) => [i.id, i]));
    return { ...spec, nodes: spec.nodes.map((n) => (to.has(n.id) ? { ...n, position: { x: to.get(n.id).x, y: to.get(n.id).y } } : n)) };
  }
  if (op.id === null) return setPath(spec, op.path, op.value);
  return { ...spec, nodes: spec.nodes.map((n) => (n.id === op.id ? setPath(n, op.path, op.value) : n)) };
}
export const apply = (spec, ops) => ops.reduce(applyOne, spec);

function inverseOne(spec, op) {
  const nodes = byId(spec);
  if (op.op === "add") return { op: "remove", nodes: (op.nodes ?? []).map((n) => n.id), edges: op.edges ?? [] };
  if (op.op === "remove") {
    const gone = new Set(op.nodes ?? []), cut = new Set((op.edges ?? []).map(edgeId));
    return {
      op: "add", nodes: spec.nodes.filter((n) => gone.has(n.id)),
      edges: spec.edges.filter((e) => cut.has(edgeId(e)) || gone.has(e.source) || gone.has(e.target)),
    };
  }
  if (op.op === "move") return { op: "move", items: op.items.filter((i) => nodes.has(i.id)).map((i) => ({ id: i.id, ...nodes.get(i.id).position })) };
  const before = getPath(op.id === null ? spec : nodes.get(op.id), op.path);
  return before === undefined ? { op: "set", id: op.id, path: op.path } : { op: "set", id: op.id, path: op.path, value: before };
}
/** The operations that take `ops` back, in the order in which to apply them. */
export function inverse(spec, ops) {
  const back = [];
  for (const op of ops) {
    back.unshift(inverseOne(spec, op));
    spec = applyOne(spec, op);
  }
  return back;
}

/** Whether `ops` still mean something on this spec; asked after somebody else changed it. */
export function fits(spec, ops) {
  for (const op of ops) {
    const nodes = byId(spec), edges = new Set(spec.edges.map(edgeId));
    const known = (id) => nodes.has(id) || (op.nodes ?? []).some((n) => n.id === id);
    if (op.op === "add" && ((op.nodes ?? []).some((n) => nodes.has(n.id)) || (op.edges ?? []).some((e) => edges.has(edgeId(e)) || !known(e.source) || !known(e.target)))) return false;
    if (op.op === "remove" && ((op.nodes ?? []).some((id) => !nodes.has(id)) || (op.edges ?? []).some((e) => !edges.has(edgeId(e))))) return false;
    if (op.op === "move" && op.items.some((i) => !nodes.has(i.id))) return false;
    if (op.op === "set" && op.id !== null && !nodes.has(op.id)) return false;
    spec = applyOne(spec, op);
  }
  return true;
}

// ---------- kinds and ports

/** Ports besides `error`, in drawing order; a port that is wired is never hidden. */
export function portsOf(type, node, spec) {
  const wired = (outgoing(spec).get(node.id) ?? []).map((e) => e.port);
  const own = ownPorts(type, node.config ?? {});
  return own.concat([...new Set(wired)].filter((p) => p !== "error" && !own.includes(p)));
}
function ownPorts(type, config) {
  if (type?.kind === "condition") return [...new Set((Array.isArray(config.cases) ? config.cases : []).map((c) => c?.port).filter(Boolean))].concat("else");
  if (type?.kind === "approval") return config.deadline_s == null || config.deadline_s === "" ? ["approved", "rejected"] : ["approved", "rejected", "timeout"];
  return type?.ports ?? ["out"];
}
export const isNote = (types, node) => types[node?.kind]?.silent ?? node?.kind === "note";
const pickers = new Set(["condition", "approval", "wait"]);
const picks = (types, spec, id, port) => {
  const node = byId(spec).get(id);
  return (types[node?.kind]?.picks ?? pickers.has(node?.kind)) || port === "error" || (outgoing(spec).get(id) ?? []).some((e) => e.port === "error");
};

/** Why this connection is refused, in words for the one who draws it; null when it is fine. */
export function refuse(types, spec, c) {
  const nodes = byId(spec);
  if (!c.source || !c.target || !nodes.has(c.source) || !nodes.has(c.target)) return "There is no step here";
  if (isNote(types, nodes.get(c.target)) || isNote(types, nodes.get(c.source))) return "A note is never run";
  if (spec.edges.some((e) => sameEdge(e, c))) return "These two are connected already";
  if (looseCycle(types, spec, c)) return "This loop could never end: it needs a condition or an approval";
  return null;
}
function looseCycle(types, spec, c) {
  if (picks(types, spec, c.source, c.port)) return false;
  if (c.source === c.target) return true;
  const stack = [c.target], seen = new Set();
  while (stack.length) {
    const id = stack.pop();
    if (id === c.source) return true;
    if (seen.has(id) || picks(types, spec, id)) continue;
    seen.add(id);
    for (const e of outgoing(spec).get(id) ?? []) stack.push(e.target);
  }
  return false;
}

/** Every step in the past of `id`, nearest first. */
export function ancestors(spec, id) {
  const seen = new Set(), queue = [id], found = [];
  while (queue.length) {
    for (const e of incoming(spec).get(queue.shift()) ?? []) {
      if (seen.has(e.source)) continue;
      seen.add(e.source);
      found.push(e.source);
      queue.push(e.source);
    }
  }
  return found;
}

// ---------- making and copying

const RESERVED = new Set("input item index run as break const continue else false for function if import in let loop package namespace null return true var void while error".split(" "));
export function freshId(kind, taken) {
  const base = kind.toLowerCase().replace(/[^a-z0-9_]/g, "_").replace(/^[^a-z]+/, "") || "step";
  for (let n = 1; ; n++) {
    const id = n === 1 ? base : `${base}_${n}`;
    if (!taken.has(id) && !RESERVED.has(id)) return id;
  }
}
/** A preset is a type `of` a kind, with a `name` and a config of its own. */
export function makeNode(type, spec, position) {
  const id = freshId(type.name ?? type.kind, byId(spec));
  return { id, kind: type.of ?? type.kind, v: type.v ?? 1, title: type.title, position: { x: Math.round(position.x), y: Math.round(position.y) }, join: "all", config: structuredClone(type.sample ?? {}) };
}

/** The workflow's inputs with those that a preset reads; null when it has them all. */
export function asked(type, spec) {
  const had = spec.inputs?.properties ?? {}, fresh = Object.entries(type.inputs ?? {}).filter(([name]) => !(name in had));
  if (!fresh.length) return null;
  return { ...spec.inputs, type: "object", properties: { ...had, ...Object.fromEntries(fresh) }, required: [...(spec.inputs?.required ?? []), ...fresh.map(([name]) => name)] };
}

/** The nodes and edges of a clip under new ids, every reference among them rewritten. */
export function renamed(clip, spec, shift) {
  const taken = new Map(byId(spec)), names = new Map();
  for (const n of clip.nodes) {
    const id = freshId(n.id.replace(/_\d+$/, ""), taken);
    taken.set(id, n);
    names.set(n.id, id);
  }
  const nodes = clip.nodes.map((n) => ({
    ...n, id: names.get(n.id), config: rename(n.config, names),
    position: { x: Math.round(n.position.x + shift.x), y: Math.round(n.position.y + shift.y) },
  }));
  const edges = clip.edges.filter((e) => names.has(e.source) && names.has(e.target)).map((e) => ({ source: names.get(e.source), port: e.port, target: names.get(e.target) }));
  return { nodes, edges };
}
const EXPRESSIONS = new Set(["when", "over", "until", "seconds"]);
function rename(value, names, bare = false) {
  if (typeof value === "string") return bare ? renameNames(value, names) : value.replace(/\{\{[\s\S]*?\}\}/g, (part) => renameNames(part, names));
  if (Array.isArray(value)) return value.map((v) => rename(v, names, bare));
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, k === "flow" ? v : rename(v, names, EXPRESSIONS.has(k))]));
  return value;
}
const renameNames = (text, names) => text.replace(/("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?<![.\w])[a-z][a-z0-9_]*/g, (hit, quoted) => (quoted ? hit : names.get(hit) ?? hit));

/** Why a step cannot have this name; null when it can. */
export function refuseName(spec, name) {
  if (!/^[a-z][a-z0-9_]{0,63}$/.test(name)) return "A name has lower-case letters, digits and _, a letter first";
  if (RESERVED.has(name)) return `${name} means something else in expressions`;
  return byId(spec).has(name) ? `Another step is called ${name}` : null;
}
/** The operations that give a step another name, wherever it is read. A flow inside a step has names of its own. */
export function renameStep(spec, id, name) {
  const names = new Map([[id, name]]), node = byId(spec).get(id), wired = spec.edges.filter((e) => e.source === id || e.target === id);
  const turned = wired.map((e) => ({ ...e, source: names.get(e.source) ?? e.source, target: names.get(e.target) ?? e.target }));
  const changed = (before, path, owner) => {
    const value = rename(before, names);
    return JSON.stringify(value) === JSON.stringify(before) ? [] : [{ op: "set", id: owner, path, value }];
  };
  return [
    { op: "remove", nodes: [id], edges: wired },
    { op: "add", nodes: [{ ...node, id: name, config: rename(node.config, names) }], edges: turned },
    ...spec.nodes.filter((n) => n.id !== id).flatMap((n) => changed(n.config, ["config"], n.id)),
    ...changed(spec.outputs ?? {}, ["outputs"], null),
  ];
}

// ---------- layout

const ranked = new WeakMap();
/** `rankOf` of all steps, made once per immutable list of edges and of nodes. */
export function ranks(spec) {
  let kept = ranked.get(spec.edges);
  if (kept?.nodes !== spec.nodes) ranked.set(spec.edges, (kept = { nodes: spec.nodes, ...rankOf(spec) }));
  return kept;
}
/** Ranks from the entries down; edges back up a loop are left out. */
function rankOf(spec, skip = () => false) {
  const ids = spec.nodes.filter((n) => !skip(n)).map((n) => n.id), state = new Map(), rank = new Map(ids.map((id) => [id, 0]));
  const order = [], back = new Set();
  const visit = (root) => {
    const stack = [[root, 0]];
    state.set(root, 1);
    while (stack.length) {
      const top = stack[stack.length - 1], next = (outgoing(spec).get(top[0]) ?? [])[top[1]++];
      if (!next) { state.set(top[0], 2); order.push(top[0]); stack.pop(); continue; }
      if (!rank.has(next.target)) continue;
      if (state.get(next.target) === 1) back.add(edgeId(next));
      else if (!state.has(next.target)) { state.set(next.target, 1); stack.push([next.target, 0]); }
    }
  };
  const entry = ids.filter((id) => !(incoming(spec).get(id) ?? []).length);
  for (const id of entry.concat(ids)) if (!state.has(id)) visit(id);
  order.reverse();
  for (const id of order) for (const e of outgoing(spec).get(id) ?? []) {
    if (rank.has(e.target) && !back.has(edgeId(e))) rank.set(e.target, Math.max(rank.get(e.target), rank.get(id) + 1));
  }
  return { rank, order, back };
}

/** Where tidy up puts every step: ranks downward, siblings beside one another, parents above their children. */
export function tidy(types, spec) {
  const { rank, order, back } = rankOf(spec, (n) => isNote(types, n));
  const rows = [];
  for (const id of order) (rows[rank.get(id)] ??= []).push(id);
  const slot = new Map();
  for (const row of rows) row.forEach((id, i) => slot.set(id, i - (row.length - 1) / 2));
  const mean = (id, edges, end) => {
    const near = (edges.get(id) ?? []).filter((e) => !back.has(edgeId(e)) && slot.has(e[end])).map((e) => slot.get(e[end]) + lean(types, spec, e, end));
    return near.length ? near.reduce((a, b) => a + b, 0) / near.length : slot.get(id);
  };
  for (let pass = 0; pass < 4; pass++) {
    for (const row of rows) settle(row, slot, (id) => mean(id, incoming(spec), "source"));
    for (const row of rows.slice().reverse()) settle(row, slot, (id) => mean(id, outgoing(spec), "target"));
  }
  let y = 0;
  const items = [];
  rows.forEach((row) => {
    for (const id of row) items.push({ id, x: Math.round(slot.get(id) * COLUMN), y });
    y += row.some((id) => portsOf(types[byId(spec).get(id).kind], byId(spec).get(id), spec).length > 1) ? RANK_PORTS : RANK;
  });
  return items;
}
function lean(types, spec, e, end) {
  if (end === "target") return 0;
  const node = byId(spec).get(e.source), ports = portsOf(types[node.kind], node, spec), i = ports.indexOf(e.port);
  return ports.length > 1 && i >= 0 ? (i - (ports.length - 1) / 2) * 0.01 : 0;
}
function settle(row, slot, want) {
  const wish = new Map(row.map((id) => [id, want(id)]));
  row.sort((a, b) => wish.get(a) - wish.get(b));
  let last = -Infinity;
  for (const id of row) slot.set(id, (last = Math.max(wish.get(id), last + 1)));
  const drift = row.reduce((sum, id) => sum + slot.get(id) - wish.get(id), 0) / row.length;
  for (const id of row) slot.set(id, Math.round((slot.get(id) - drift) * 2) / 2);
  for (let i = 1; i < row.length; i++) if (slot.get(row[i]) < slot.get(row[i - 1]) + 1) slot.set(row[i], slot.get(row[i - 1]) + 1);
}

/** A free place under `node` for one more step. */
export function below(types, spec, node, port) {
  const ports = portsOf(types[node.kind], node, spec), i = Math.max(0, ports.indexOf(port));
  const y = node.position.y + (ports.length > 1 ? RANK_PORTS : RANK);
  let x = node.position.x + (ports.length > 1 ? (i - (ports.length - 1) / 2) * COLUMN : 0);
  const clash = () => spec.nodes.some((n) => Math.abs(n.position.x - x) < NODE_W + 20 && Math.abs(n.position.y - y) < NODE_H + 20);
  while (clash()) x += COLUMN;
  return { x: Math.round(x), y: Math.round(y) };
}

// ---------- ways of edges round the cards

const LANE = 36;
/** Whether an edge goes back up: then it takes a lane at the side. */
export const upward = (spec, e) => (byId(spec).get(e.target)?.position.y ?? 0) < (byId(spec).get(e.source)?.position.y ?? 0) + NODE_H + 20;

/** How far each edge's lane lies outside its two ends: 36 outside the outermost card that it passes, and clear of other lanes. */
export function lanesFor(spec, sideOf, portOf) {
  const nodes = byId(spec), taken = [], found = new Map();
  const loops = spec.edges.filter((e) => nodes.has(e.source) && nodes.has(e.target) && upward(spec, e)).map((e) => {
    const a = nodes.get(e.source).position, b = nodes.get(e.target).position;
    return { e, b, left: sideOf(e) === "left", x1: portOf(e), top: b.y, bottom: a.y + NODE_H + 30 };
  });
  for (const { e, b, left, x1, top, bottom } of loops.sort((p, q) => p.bottom - p.top - (q.bottom - q.top))) {
    const end = left ? Math.min(x1, b.x) : Math.max(x1, b.x + NODE_W);
    let lane = end;
    for (const n of spec.nodes) {
      if (n.kind === "note" || n.position.y > bottom || n.position.y + NODE_H < top || Math.abs(n.position.x - b.x) > 780) continue;
      lane = left ? Math.min(lane, n.position.x) : Math.max(lane, n.position.x + NODE_W);
    }
    lane += left ? -LANE : LANE;
    while (taken.some((t) => Math.abs(t.lane - lane) < 20 && t.top < bottom && t.bottom > top)) lane += left ? -24 : 24;
    taken.push({ lane, top, bottom });
    found.set(edgeId(e), Math.abs(lane - end));
  }
  return found;
}
/** Of a long way down, the column that has no cards in it: "target", "source", or "" for neighbours and dense drawings. */
export function freeColumn(spec, e, x1) {
  const a = byId(spec).get(e.source).position, b = byId(spec).get(e.target).position, x2 = b.x + NODE_W / 2;
  if (b.y - a.y - NODE_H < 150) return "";
  let target = true, source = true;
  for (const n of spec.nodes) {
    const { x, y } = n.position;
    if (n.id === e.source || n.id === e.target || n.kind === "note" || y + NODE_H <= a.y + NODE_H || y >= b.y) continue;
    if (x - 8 < x2 && x + NODE_W + 8 > x2) target = false;
    if (x - 8 < x1 && x + NODE_W + 8 > x1) source = false;
  }
  return target ? "target" : source ? "source" : "";
}
