// The drawing: React Flow around the client store. While the hand moves React Flow owns the picture; what is settled
// becomes operations. The pointer that drops a new step is the centre of its card.
import React, { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Background, ReactFlow, ReactFlowProvider, applyEdgeChanges, applyNodeChanges, useReactFlow, useStore, useStoreApi } from "@xyflow/react";
import * as act from "./actions.js";
import { StepEdge } from "./edge.jsx";
import { NODE_H, NODE_W, byId, edgeId, freeColumn, incoming, isNote, lanesFor, outgoing, portsOf, ranks, refuse, upward } from "./graph.js";
import { NoteNode, StepNode } from "./node.jsx";
import { Icon, IconButton } from "./parts.jsx";
import { handlesOf, onPress, onTap, portX } from "./ports.jsx";
import { flowOf } from "./inside.js";
import { StepMenu } from "./palette.jsx";
import { WireMenu } from "./wire.jsx";
import { commit, get, getView, go, here, nodeOf, scoped, select, selected, setView, useEditor } from "./store.js";
import { summary } from "./words.js";

const NODE_TYPES = Object.freeze({ step: StepNode, note: NoteNode });
const EDGE_TYPES = Object.freeze({ step: StepEdge });
const MULTI = ["Meta", "Control", "Shift"];
const NOTE = { width: 188, height: 76 };
const DOTS = <Background gap={20} size={1.4} />;
const PRO = Object.freeze({ hideAttribution: true });

// ---------- from the spec to React Flow's arrays; what did not change keeps its identity

function worst(problems, path) {
  const map = new Map();
  for (const p of problems) {
    const id = here(p.node_id, path);
    if (id && (!map.has(id) || (p.severity === "error" && map.get(id).severity !== "error"))) map.set(id, p);
  }
  return map;
}
function makeNodes(before, cache, { spec, path, problems, types, readOnly }, want) {
  const old = new Map(before.map((n) => [n.id, n])), faults = worst(problems, path);
  const next = inOrder(types, spec).map((node) => {
    const type = types[node.kind], note = isNote(types, node), problem = faults.get(node.id);
    const wiredIn = incoming(spec).get(node.id) ?? [], wiredOut = outgoing(spec).get(node.id) ?? [];
    const sides = sidesOf(wiredIn, spec, types);
    const key = `${wiredIn.length > 0}|${[...new Set(wiredOut.map((e) => e.port))].join()}|${problem ? problem.severity + problem.message : ""}|${sides}|${readOnly}|${!!type}|${path.join("/")}`;
    let made = cache.get(node.id);
    if (!made || made.node !== node || made.key !== key) {
      const data = note ? { config: node.config, kind: node.kind } : {
        name: scoped(node.id, path), kind: node.kind, type, title: node.title || type?.title || node.kind, summary: summary(type, node.config), ports: portsOf(type ?? { kind: node.kind }, node, spec),
        wired: { in: wiredIn.length > 0, ...Object.fromEntries(wiredOut.map((e) => [e.port, true])) }, start: !wiredIn.length, problem, readOnly,
        sides: { left: sides.includes("left"), right: sides.includes("right") },
      };
      made = { node, key, data: made?.node?.config === node.config && note ? made.data : data };
      cache.set(node.id, made);
    }
    const was = old.get(node.id), isSelected = want ? want.nodes.has(node.id) : was?.selected ?? false;
    if (was && was.data === made.data && was.at === node.position && was.selected === isSelected) return was;
    const ports = note ? [] : made.data.ports, size = note ? { width: Number(node.config.width) || type?.defaults?.width || NOTE.width, height: Number(node.config.height) || type?.defaults?.height || NOTE.height } : { width: NODE_W, height: NODE_H };
    return { ...was, id: node.id, type: note ? "note" : "step", data: made.data, at: node.position, position: was && was.at === node.position ? was.position : { ...node.position }, selected: isSelected, zIndex: note ? -1 : 0, ...size, measured: size, handles: note ? [] : handlesFor(ports) };
  });
  return next.length === before.length && next.every((n, i) => n === before[i]) ? before : next;
}
/** As a run comes by them: so the Tab key walks them. */
function inOrder(types, spec) {
  const { rank } = ranks(spec), place = (n) => (isNote(types, n) ? Infinity : rank.get(n.id));
  return [...spec.nodes].sort((a, b) => place(a) - place(b) || 0);
}
const kept = new Map();
const handlesFor = (ports) => kept.get(ports.join()) ?? kept.set(ports.join(), handlesOf(ports)).get(ports.join());
const sideFor = (types, node) => (node?.kind === "approval" ? "right" : "left");
const sidesOf = (edges, spec, types) => [...new Set(edges.filter((e) => upward(spec, e)).map((e) => sideFor(types, byId(spec).get(e.source))))].join();

function makeEdges(before, { spec, path, types, readOnly }, chosen, want) {
  const old = new Map(before.map((e) => [e.id, e])), nodes = byId(spec), lanes = lanesOf(spec, types), closing = ranks(spec).back;
  return spec.edges.map((edge) => {
    const id = edgeId(edge), was = old.get(id), source = nodes.get(edge.source), target = nodes.get(edge.target);
    if (!source || !target) return null;
    const ports = portsOf(types[source.kind] ?? { kind: source.kind }, source, spec), several = ports.length > 1 && edge.port !== "error", hot = chosen.has(edge.source) || chosen.has(edge.target);
    const bound = (target.max_visits ?? 25) - 1, side = sideFor(types, source), isSelected = want ? want.edges.has(id) : was?.selected ?? false;
    const x1 = portAt(types, spec, edge), up = upward(spec, edge);
    const out = lanes.get(id) ?? 0, free = up || edge.port === "error" ? "" : freeColumn(spec, edge, x1);
    const d = was?.data, scope = path.join("/"), looping = closing.has(id);
    if (d && d.out === out && d.free === free && d.several === several && d.hot === hot && d.bound === bound && d.looping === looping && d.readOnly === readOnly && d.scope === scope && was.selected === isSelected) return was;
    return { ...was, id, type: "step", source: edge.source, sourceHandle: edge.port, target: edge.target, targetHandle: "in", selected: isSelected, data: { edge, scope, run: { source: scoped(edge.source, path), port: edge.port, target: scoped(edge.target, path) }, several, hot, bound, side, out, free, looping, readOnly, onInsert } };
  }).filter(Boolean);
}
const portAt = (types, spec, e) => {
  const node = byId(spec).get(e.source), ports = portsOf(types[node.kind] ?? { kind: node.kind }, node, spec);
  return node.position.x + (e.port === "error" ? NODE_W : portX(Math.max(0, ports.indexOf(e.port)), ports.length));
};
const lanesOf = (spec, types) => lanesFor(spec, (e) => sideFor(types, byId(spec).get(e.source)), (e) => portAt(types, spec, e));
let openInsert = () => {};
const onInsert = (edge, event) => openInsert(edge, event);

// ---------- drawing an edge

function Wire({ fromX, fromY, toX, toY, fromNode, fromHandle }) {
  const spec = get().spec, over = useStore(useCallback((s) => {
    for (const n of s.nodeLookup.values()) {
      const { x, y } = n.internals.positionAbsolute;
      if (toX >= x && toX <= x + n.measured.width && toY >= y - 12 && toY <= y + n.measured.height + 6) return n.id;
    }
    return null;
  }, [toX, toY]));
  const out = fromHandle.type === "source", from = fromNode.id;
  const target = over && (over !== from || (Math.abs(toX - fromX) > 30 || Math.abs(toY - fromY) > 30)) ? over : null;
  const c = target && (out ? { source: from, port: fromHandle.id, target } : { source: target, port: act.freePort(target), target: from });
  const reason = c && refuse(get().types, spec, c);
  const y1 = out ? fromY - 12 : fromY + 12;
  return (
    <g>
      <path className={`w ${reason ? "bad" : "hot"}`} d={`M ${fromX} ${y1} C ${fromX} ${y1 + (out ? 1 : -1) * Math.max(20, Math.abs(toY - y1) / 2)}, ${toX} ${toY - (out ? 1 : -1) * Math.max(20, Math.abs(toY - y1) / 2)}, ${toX} ${toY}`} />
      {reason && <foreignObject x={toX + 14} y={toY + 8} width="280" height="60"><span className="refused" role="alert">{reason}</span></foreignObject>}
    </g>
  );
}

// ---------- the canvas itself

const some = (s) => s.nodes.length > 0;
const near = (s) => (s.transform[2] < 0.25 ? "far" : s.transform[2] < 0.5 ? "mid" : "near");
const percent = (s) => Math.round(s.transform[2] * 100);

function Flow({ children, minimal }) {
  const { spec, path, problems, types, readOnly, loaded, selection } = useEditor((s) => ({ spec: s.spec, path: s.path, problems: s.problems, types: s.types, readOnly: s.readOnly, loaded: s.loaded, selection: s.selection }));
  const [nodes, setNodes] = useState([]);
  const [edges, setEdges] = useState([]);
  const [menu, setMenu] = useState(null);
  const rf = useReactFlow(), cache = useRef(new Map()), want = useRef(null), start = useRef(null), home = useRef(null), fitted = useRef(null);
  const zoom = useStore(near), drawn = useStore(some), store = useStoreApi();
  useState(() => store.setState({ updateNodeInternals: () => {} })); // sizes and ports are told: measuring a thousand cards again would cost a second

  useEffect(() => {
    const wanted = want.current;
    const place = [get().workflowId, ...path].join("/");
    if (loaded && spec.nodes.length && fitted.current !== place) {
      fitted.current = place;
      act.showAll(rf, home.current);
    }
    setNodes((before) => makeNodes(before, cache.current, { spec, path, problems, types, readOnly }, wanted));
    setEdges((before) => makeEdges(before, { spec, path, types, readOnly }, new Set(selection.nodes), wanted));
    want.current = null;
  }, [spec, path, problems, types, readOnly, selection, loaded, rf]);

  const fit = useCallback((options = {}) => rf.fitView({ padding: 0.1, maxZoom: 1, minZoom: 0.05, duration: 0, ...options }), [rf]);

  useEffect(() => {
    const choose = (ids, edgeIds = []) => {
      const picked = { nodes: new Set(ids), edges: new Set(edgeIds) };
      want.current = picked;
      setNodes((before) => before.map((n) => (n.selected === picked.nodes.has(n.id) ? n : { ...n, selected: picked.nodes.has(n.id) })));
      setEdges((before) => before.map((e) => (e.selected === picked.edges.has(e.id) ? e : { ...e, selected: picked.edges.has(e.id) })));
    };
    setView({
      select: choose, fit, rf,
      center: () => {
        const box = home.current.getBoundingClientRect();
        return rf.screenToFlowPosition({ x: box.left + box.width / 2, y: box.top + box.height / 2 });
      },
      reveal: (id) => act.reveal(rf, home.current, id),
      focus: (id) => home.current?.querySelector(`[data-testid="node-${CSS.escape(id)}"]`)?.focus({ preventScroll: true }),
      menu: (m) => setMenu(m),
    });
    openInsert = (edge, event) => setMenu({ x: event.clientX, y: event.clientY, pick: (kind) => act.insertOn(edge, kind) });
    return () => setView(null);
  }, [rf, fit]);

  const onNodesChange = useCallback((changes) => setNodes((before) => applyNodeChanges(changes.filter((c) => c.type !== "remove"), before)), []);
  const onEdgesChange = useCallback((changes) => setEdges((before) => applyEdgeChanges(changes.filter((c) => c.type !== "remove"), before)), []);
  const onSelectionChange = useCallback(({ nodes: n, edges: e }) => selected(n.map((x) => x.id), e.map((x) => x.id)), []);
  const onDragStart = useCallback((_e, _n, moved) => (start.current = new Map(moved.map((n) => [n.id, n.position]))), []);
  const onDragStop = useCallback((_e, _n, moved) => {
    const items = moved.map((n) => ({ id: n.id, x: Math.round(n.position.x), y: Math.round(n.position.y) }));
    const changed = items.filter((i) => start.current?.get(i.id) && (Math.round(start.current.get(i.id).x) !== i.x || Math.round(start.current.get(i.id).y) !== i.y));
    if (changed.length) commit([{ op: "move", items: changed }]);
  }, []);
  // None of what React Flow is given may be new at every render: it would draw every card again.
  const onBoxStart = useCallback((e, moved) => onDragStart(e, null, moved), [onDragStart]), onBoxStop = useCallback((e, moved) => onDragStop(e, null, moved), [onDragStop]);
  const closeMenu = useCallback(() => {
    const chosen = get().selection.nodes, id = chosen.length === 1 ? chosen[0] : menu?.home;
    setMenu(null);
    if (id) requestAnimationFrame(() => requestAnimationFrame(() => document.activeElement === document.body && getView()?.focus(id)));
  }, [menu]);
  const onPaneClick = useCallback(() => setMenu(null), []);
  const isValid = useCallback((c) => !refuse(get().types, get().spec, { source: c.source, port: c.sourceHandle ?? "out", target: c.target }), []);
  const onConnect = useCallback((c) => act.connect({ source: c.source, port: c.sourceHandle ?? "out", target: c.target }), []);
  const onConnectEnd = useCallback((event, how) => {
    if (how.isValid || !how.fromNode) return;
    const point = event.changedTouches?.[0] ?? event, card = document.elementFromPoint(point.clientX, point.clientY)?.closest(".react-flow__node");
    const id = card?.dataset.id;
    if (!card && how.fromHandle.type === "source" && home.current.contains(document.elementFromPoint(point.clientX, point.clientY)) && movedFar(how, point)) {
      const place = rf.screenToFlowPosition({ x: point.clientX, y: point.clientY });
      return setMenu({ x: point.clientX - 110, y: point.clientY, pick: (kind) => act.addWired(kind, how.fromNode.id, how.fromHandle.id, place) });
    }
    if (!id || (id === how.fromNode.id && !how.toNode && !movedFar(how, point))) return;
    act.connect(how.fromHandle.type === "source" ? { source: how.fromNode.id, port: how.fromHandle.id, target: id } : { source: id, port: act.freePort(id), target: how.fromNode.id }, true);
  }, [rf]);
  const onDrop = useCallback((event) => {
    const kind = event.dataTransfer.getData("application/nexod-kind") || act.dragged();
    if (!kind || get().readOnly) return;
    event.preventDefault();
    act.addAt(kind, rf.screenToFlowPosition({ x: event.clientX, y: event.clientY }));
  }, [rf]);
  const onDragOver = useCallback((event) => (event.preventDefault(), (event.dataTransfer.dropEffect = "copy")), []);
  const style = useMemo(() => ({ width: "100%", height: "100%" }), []);

  return (
    <div className="canvas" data-testid={loaded && (drawn || !spec.nodes.length) ? "canvas" : undefined} data-zoom={zoom} data-readonly={readOnly} ref={home} onKeyDown={readOnly ? undefined : act.onCanvasKey} tabIndex={-1} onMouseDown={(e) => onPress(store, e)} onTouchStart={(e) => onPress(store, e)} onClick={(e) => onTap(store, e)}>
      <ReactFlow
        style={style} nodes={nodes} edges={edges} nodeTypes={NODE_TYPES} edgeTypes={EDGE_TYPES} onNodesChange={onNodesChange} onEdgesChange={onEdgesChange}
        onSelectionChange={onSelectionChange} onNodeDragStart={onDragStart} onNodeDragStop={onDragStop}
        onSelectionDragStart={onBoxStart} onSelectionDragStop={onBoxStop}
        onConnect={onConnect} onConnectEnd={onConnectEnd} isValidConnection={isValid} connectionLineComponent={Wire} connectionRadius={14}
        onDrop={onDrop} onDragOver={onDragOver} onPaneClick={onPaneClick} onNodeDoubleClick={onNodeDoubleClick}
        nodesDraggable={!readOnly} nodesConnectable={!readOnly} elementsSelectable nodesFocusable={false} edgesFocusable={false} disableKeyboardA11y
        deleteKeyCode={null} multiSelectionKeyCode={MULTI} selectionKeyCode="Shift" zoomOnDoubleClick={false} minZoom={0.05} maxZoom={2} nodeDragThreshold={0}
        proOptions={PRO} colorMode="tokens"
      >
        {DOTS}
      </ReactFlow>
      {loaded && !spec.nodes.length && !readOnly && <div className="empty hollow"><span className="em"><Icon name="flow" size={22} /></span><b className="strong">Nothing here yet</b><p className="hide-m">Drag a step from the left, or press / and type its name.</p><p className="only-m">Press the plus above and choose a step.</p></div>}
      {path.length > 0 && <div className="float back"><button type="button" className="btn" data-testid="leave-button" onClick={() => go(path.slice(0, -1))}><Icon name="left" size={16} />Back to {path.length > 1 ? "the flow around it" : "the workflow"}</button></div>}
      <Zoom fit={fit} tidy={!readOnly} />
      {menu && (menu.from ? <WireMenu {...menu} onClose={closeMenu} /> : <StepMenu {...menu} onClose={closeMenu} />)}
      {children}
    </div>
  );
}
const onNodeDoubleClick = (_event, { id }) => (flowOf(nodeOf(id)) ? go([...get().path, id]) : act.openInspector(id));
function movedFar(how, point) {
  const from = document.querySelector(`.react-flow__node[data-id="${CSS.escape(how.fromNode.id)}"] [data-handleid="${CSS.escape(how.fromHandle.id)}"]`)?.getBoundingClientRect();
  return !from || Math.hypot(point.clientX - from.x - from.width / 2, point.clientY - from.y - from.height / 2) > 36;
}

function Zoom({ fit, tidy }) {
  const rf = useReactFlow(), value = useStore(percent);
  return (
    <div className="float zoom">
      <button type="button" className="btn icon" title="Zoom out" aria-label="Zoom out" onClick={() => rf.zoomOut()}><Icon name="minus" /></button>
      <button type="button" className="btn num" style={{ padding: "0 4px", fontSize: 12, minWidth: 44 }} title="Zoom to 100 %" onClick={() => rf.zoomTo(1)}>{value}%</button>
      <button type="button" className="btn icon" title="Zoom in" aria-label="Zoom in" onClick={() => rf.zoomIn()}><Icon name="plus" /></button>
      <span className="vr" style={{ margin: "0 3px" }} />
      <button type="button" className="btn icon" title="Fit" aria-label="Fit" onClick={() => fit({ duration: 180 })}><Icon name="fit" /></button>
      {tidy && <button type="button" className="btn icon" title="Tidy up" aria-label="Tidy up" onClick={act.tidyUp}><Icon name="tidy" /></button>}
    </div>
  );
}

export function Canvas(props) {
  return <ReactFlowProvider><Flow {...props} /></ReactFlowProvider>;
}
