// A run to read: timeline, one step's input and output, result, raw events. The dock and the run page show the same.
import React, { useState } from "react";
import { clock, duration, ended, says, took } from "./fold.js";
import { ancestors, byId } from "./graph.js";
import { chosenVisit, useRun } from "./live.js";
import { Badge, Chip, CopyButton, Icon, IconButton, Json, Read, Seg, Tile } from "./parts.jsx";
import { go, here, select, set, toast, useEditor } from "./store.js";
import { api } from "./sync.js";

/** The step at `sub[2]/inner`, with the item of each map on the way. */
function stepAt(spec, path) {
  let flow = spec, node = null;
  const items = [];
  for (const part of path.split("/")) {
    const [, id, item] = /^([^[]+)(?:\[(\d+)\])?$/.exec(part) ?? [];
    node = flow?.nodes?.find((n) => n.id === id) ?? null;
    if (item !== undefined) items.push(Number(item) + 1);
    flow = node?.config?.flow;
  }
  return { node, items, depth: path.split("/").length - 1 };
}
/** As its card says it: a step without a title of its own has that of its kind. */
const titleOf = (node, types) => node?.title || types[node?.kind]?.title || node?.id;
export const label = (spec, path, types) => {
  const { node, items } = stepAt(spec, path);
  return (titleOf(node, types) || path.split("/").at(-1)) + (items.length ? ` · item ${items.join(".")}` : "");
};
/** A crew's member as people know it. */
const member = (spec, path, id) => stepAt(spec, path).node?.config?.members?.find((m) => m.id === id)?.role ?? (id === "manager" ? "Manager" : id);
const typeOf = (s, path) => s.types[stepAt(s.root, path).node?.kind];

function chip(visit, many) {
  if (visit.retries.length) return `${visit.retries.length} ${visit.retries.length === 1 ? "retry" : "retries"}`;
  if (visit.port && visit.port !== "out") return visit.port;
  return many ? `pass ${visit.visit}` : null;
}
const MIN = 60, HOUR = 3600, DAY = 86400;
const LONG = [MIN, 1.5 * MIN, 2 * MIN, 3 * MIN, 4 * MIN, 5 * MIN, 8 * MIN, 10 * MIN, 15 * MIN, 20 * MIN, 30 * MIN, HOUR, 1.5 * HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR, 6 * HOUR, 8 * HOUR, 12 * HOUR, DAY];
/** Seconds between two lines of the axis: five steps that look even. */
function stepOf(total) {
  const raw = total / 5000 || 0.2, p = 10 ** Math.floor(Math.log10(raw));
  if (raw > DAY) return Math.ceil(raw / DAY) * DAY;
  return raw > 24 ? [30, 40, ...LONG].find((m) => m >= raw) : [1, 1.2, 1.5, 2, 2.4, 3, 4, 5, 6, 8, 10].map((m) => m * p).find((m) => m >= raw) ?? raw;
}
const tick = (s, unit) => (s === 0 ? "0 s" : unit < 0.1 ? `${+(s * 1000).toFixed(1)} ms` : unit < MIN ? `${+s.toFixed(2)} s` : unit < HOUR ? `${+(s / MIN).toFixed(1)} min` : unit < DAY ? `${+(s / HOUR).toFixed(1)} h` : `${+(s / DAY).toFixed(1)} d`);

const MOST = 400;
export function Timeline() {
  const { run } = useRun(), ui = useEditor((s) => ({ root: s.root, types: s.types, visit: s.visit, chosen: s.selection.nodes.length === 1 ? s.selection.nodes[0] : null }));
  if (!run) return <p className="hint" style={{ padding: "12px 16px" }}>No run yet.</p>;
  const now = Date.now(), begin = run.startedAt ?? run.createdAt ?? now, end = run.endedAt ?? now, unit = stepOf(Math.max(end - begin, 1)), scale = unit * 5000;
  const pos = (a, b) => ({ left: `${Math.max(0, ((a - begin) / scale) * 100)}%`, width: `${Math.max(0, ((b - a) / scale) * 100)}%` });
  const all = [...run.visits.values()], visits = all.slice(-MOST), many = new Map();
  for (const v of all) many.set(v.nodeId, (many.get(v.nodeId) ?? 0) + 1);
  const open = chosenVisit(ui.chosen)?.key, unseen = run.endedAt ? [] : ui.root.nodes.filter((n) => !run.latest.has(n.id) && !ui.types[n.kind]?.silent);
  const choose = (v) => (here(v.nodeId) ?? go([]), select([here(v.nodeId)]), set({ visit: v.key }));
  const copiedBefore = (v) => v.endedAt != null && v.endedAt < begin;
  return (
    <ol className="tl" aria-label="Timeline">
      <li className="r ax"><div className="nm">Step</div><div className="bars">{[0, 1, 2, 3, 4].map((i) => <span key={i} style={{ left: `${i * 20}%` }}>{tick(i * unit, unit)}</span>)}</div><div className="du" style={{ fontSize: 11 }}>Took</div></li>
      {all.length > MOST && <li className="hint" style={{ padding: "0 16px 6px" }}>The last {MOST} of {all.length} visits. All of them are under Events.</li>}
      {visits.map((v) => (
        <React.Fragment key={v.key}>
          <li className={`r${open === v.key ? " on" : ""}`} data-testid="timeline-row" data-seq={v.seq} data-type={v.type} data-node={v.nodeId} data-status={v.status} role="button" tabIndex={0} onClick={() => choose(v)} onKeyDown={(e) => (e.key === "Enter" || e.key === " ") && (e.preventDefault(), choose(v))}>
            <div className={v.nodeId.includes("/") ? "nm sub" : "nm"}><Badge status={v.status} /><Tile type={typeOf(ui, v.nodeId)} size="s" /><span className="clip">{label(ui.root, v.nodeId, ui.types)}</span>{chip(v, many.get(v.nodeId) > 1) && <span className="chip">{chip(v, many.get(v.nodeId) > 1)}</span>}</div>
            <div className="bars">
              {v.retries.map((r, i) => <i key={i} className="bar s-failed" style={pos(r.from, r.at)} />)}
              <i className={`bar s-${v.status}`} style={pos(v.status === "waiting" && v.retries.length ? v.retries.at(-1).at : v.retries.length ? v.triedAt : v.startedAt, v.endedAt ?? now)} />
              {!run.endedAt && <i className="now" style={{ left: pos(now, now).left }} />}
            </div>
            <div className="du">{copiedBefore(v) ? "copied" : took(v, now)}</div>
          </li>
          {open === v.key && v.calls.map((c) => (
            <li key={c.seq} className="r" data-testid="timeline-row" data-seq={c.seq} data-type={c.type} data-node={v.nodeId}>
              <div className="nm sub"><Icon name={callIcon(c)} size={14} className="t3" /><span className="clip">{c.who && `${member(ui.root, v.nodeId, c.who)} · `}{callName(c)}</span></div>
              <div className="bars"><i className="bar s-completed thin" style={pos(Math.max(c.from, v.startedAt), c.to)} />{!run.endedAt && <i className="now" style={{ left: pos(now, now).left }} />}</div>
              <div className="du">{duration(c.to - c.from)}</div>
            </li>
          ))}
        </React.Fragment>
      ))}
      {run.ending && (
        <li className="r last" data-testid="timeline-row" data-seq={run.ending.seq} data-type={run.ending.type} data-node="" data-status={run.status}>
          <div className="nm"><Badge status={run.status} /><span className="clip t2">Run {run.status}</span></div><div className="bars" /><div className="du">{duration(run.endedAt - begin)}</div>
        </li>
      )}
      {unseen.map((n) => (
        <li key={n.id} className="r" onClick={() => select([n.id])}><div className="nm"><Badge status="idle" /><Tile type={ui.types[n.kind]} size="s" /><span className="clip t2">{titleOf(n, ui.types)}</span></div><div className="bars">{!run.endedAt && <i className="now" style={{ left: pos(now, now).left }} />}</div><div className="du">–</div></li>
      ))}
    </ol>
  );
}

// ---------- one step: what went in, what came out

/** The inputs of a visit, each with the step that made it. */
function Sources({ input, spec, types, nodeId }) {
  if (input == null || typeof input !== "object" || Array.isArray(input)) return <Read value={input} />;
  const past = new Set(ancestors(spec, nodeId)), asText = JSON.stringify(byId(spec).get(nodeId)?.config ?? {});
  const read = [...past].filter((id) => new RegExp(`\\b${id}\\b`).test(asText)), uses = /\binput\./.test(asText);
  return (
    <>
      {(read.length > 0 || uses) && <dl className="kv before"><dt>made by</dt><dd className="stack" style={{ gap: 4 }}>{uses && <span className="src t2"><Icon name="play" size={13} />The run’s inputs</span>}{read.map((id) => <Source key={id} id={id} spec={spec} types={types} />)}</dd></dl>}
      <dl className="kv">{Object.entries(input).map(([k, v]) => <React.Fragment key={k}><dt>{k}</dt><dd>{past.has(k) ? <Source id={k} spec={spec} types={types} /> : null}<Value value={v} /></dd></React.Fragment>)}</dl>
    </>
  );
}
function Value({ value }) {
  if (value != null && typeof value === "object" && !value.$blob) return <Read value={value} deep={1} />;
  return <span style={{ whiteSpace: "pre-wrap" }}>{value?.$blob ? value.preview : String(value ?? "") || "–"}</span>;
}
function Source({ id, spec, types }) {
  const node = byId(spec).get(id);
  return <button type="button" className="src" onClick={() => (set({ visit: null }), select([id]))}><Icon name={types[node?.kind]?.icon ?? "flow"} size={13} />{titleOf(node, types) || id}</button>;
}

export function StepInput() {
  const { run } = useRun(), { id, spec, types } = useStep(), [view, setView] = useState("read"), visit = chosenVisit(id);
  return (
    <section data-testid="node-input">
      <h3>Input<Seg value={view} options={[["read", "Read"], ["json", "JSON"]]} onChange={setView} label="Show input as" /></h3>
      {!visit ? <p className="t3">{run ? "This step has not run." : "No run yet."}</p> : visit.input === undefined ? <p className="t3">Nothing</p> : view === "json" ? <Json value={visit.input} /> : <Sources input={visit.input} spec={spec} types={types} nodeId={id} />}
    </section>
  );
}
export function StepOutput() {
  const { run } = useRun(), { id, root } = useStep(), [view, setView] = useState("read"), visit = chosenVisit(id);
  const demo = visit?.demo || visit?.output?.model?.startsWith?.("demo");
  return (
    <section data-testid="node-output">
      <h3>Output{demo && <span className="chip">Demo model</span>}<Seg value={view} options={[["read", "Read"], ["json", "JSON"]]} onChange={setView} label="Show output as" /></h3>
      {!visit ? <p className="t3">{run ? "This step has not run." : "No run yet."}</p>
        : visit.error ? <><p className="err" style={{ margin: 0 }}><b>{ended(visit.error.message)}</b> {visit.error.hint}</p>{view === "json" && <Json value={visit.error} />}</>
        : visit.output !== undefined ? <Output visit={visit} view={view} />
        : visit.said.length ? <div className="prose">{visit.said.map((part, i) => <p key={i} className={i === visit.said.length - 1 ? "streaming" : undefined} style={{ whiteSpace: "pre-wrap" }}>{part.who && <b className="t2">{member(root, visit.nodeId, part.who)}<br /></b>}{part.text}</p>)}</div>
        : visit.status === "waiting" ? <p className="t2">{visit.approvalId ? <>Waiting for an answer. <a className="link" href={`/inbox?id=${visit.approvalId}`}>Review</a></> : visit.retries.length ? `${ended(visit.retries.at(-1).error?.message ?? "It failed")} ${says(run, visit, "waiting")}.` : "Waiting."}</p>
        : <p className="t3">{visit.status === "running" ? "Nothing yet" : "Nothing"}</p>}
    </section>
  );
}
/** A value too large for the journal is fetched when somebody wants to see it. */
function Output({ visit, view }) {
  const { runId } = useRun(), [whole, setWhole] = useState(null), value = whole?.key === visit.key ? whole.value : visit.output;
  const fetchIt = () => api(`/runs/${runId}/events/${visit.doneSeq}`).then((e) => setWhole({ key: visit.key, value: e.payload.output }), (e) => toast("Could not load it", { status: "failed", text: e.message }));
  return (
    <>
      {view === "json" ? <Json value={value} /> : <Read value={value} />}
      {value?.$blob && <button type="button" className="btn sm" onClick={fetchIt}>Show all of it</button>}
    </>
  );
}
const useStep = () => useEditor((s) => ({ id: s.selection.nodes.length === 1 ? s.selection.nodes[0] : null, spec: s.spec, root: s.root, types: s.types, visit: s.visit }));

/** The chosen step of the run page: heading, fork, input beside output. */
export function StepDetail({ onFork }) {
  const { run } = useRun(), { id, spec, root, types } = useStep(), visit = chosenVisit(id);
  if (!run || !id) return null;
  const node = byId(spec).get(id), passes = [...run.visits.values()].filter((v) => v.nodeId === (visit?.nodeId ?? id));
  const before = visit && passes[passes.indexOf(visit) - 1];
  return (
    <section className="det">
      <header>
        <Tile type={types[node?.kind]} size="m" />
        <div className="grow"><div className="strong clip">{visit ? label(root, visit.nodeId, types) : titleOf(node, types) || id}{passes.length > 1 && visit ? `, pass ${visit.visit}` : ""}</div></div>
        {visit && <Chip status={visit.status} />}
        {visit?.doneSeq != null && onFork && <button type="button" className="btn sm" data-testid="fork-button" onClick={() => onFork(visit)}><Icon name="fork" />Fork from here</button>}
        <IconButton small name="up" title="Previous pass" disabled={!before} onClick={() => set({ visit: before.key })} />
        <IconButton small name="x" title="Close" onClick={() => (set({ visit: null }), select([]))} />
      </header>
      <div className="io"><StepInput /><StepOutput /></div>
    </section>
  );
}

// ---------- result and events

export function Outputs() {
  const { run, info } = useRun(), outputs = run?.outputs ?? info?.outputs, error = run?.error ?? info?.error, [view, setView] = useState("read");
  const { spec, types } = useEditor((s) => ({ spec: s.root, types: s.types }));
  if (error) return <div className="prob"><Badge status="failed" /><div className="grow"><b>{error.node_id ? `${label(spec, error.node_id, types)}: ` : ""}{ended(error.message)}</b><p>{error.hint}</p><p className="mono t3">{error.code}</p></div></div>;
  if (run?.status !== "completed") return <p className="t3">{run ? "There is no result yet." : "No run yet."}</p>;
  return (
    <div>
      <div className="row" style={{ marginBottom: 8 }}>{run.demo && <span className="chip">Demo model</span>}<span className="grow" /><CopyButton value={outputs} title="Copy result" /><Seg value={view} options={[["read", "Read"], ["json", "JSON"]]} onChange={setView} label="Show result as" /></div>
      <div data-testid="run-outputs">{!outputs || !Object.keys(outputs).length ? <p className="t3">The workflow names no outputs. Name some to see them here.</p> : view === "json" ? <Json value={outputs} /> : <Read value={outputs} />}</div>
    </div>
  );
}
export function Events() {
  const { run } = useRun(), [open, setOpen] = useState(null);
  if (!run) return null;
  return (
    <div>{run.events.slice(-1000).map((e) => (
      <div key={e.seq} className="ev" data-testid="timeline-row" data-seq={e.seq} data-type={e.type} data-node={e.node_id ?? ""} role="button" tabIndex={0} onClick={() => setOpen(open === e.seq ? null : e.seq)} onKeyDown={(k) => k.key === "Enter" && setOpen(open === e.seq ? null : e.seq)}>
        <span className="num t3">{e.seq}</span><span className="mono">{e.type}</span><span className="clip t2">{e.key ?? e.node_id ?? ""}</span><time className="t3 num" dateTime={e.at}>{clock(e.at)}</time>
        {open === e.seq && <pre className="pre">{JSON.stringify(e.payload, null, 2)}</pre>}
      </div>
    ))}</div>
  );
}
/** 26.6 s, 18.2k tokens, $0.03. */
export function Facts({ brief = false }) {
  const { run, info } = useRun();
  if (!run?.startedAt) return null;
  const tokens = run.usage.input_tokens + run.usage.output_tokens, cost = run.usage.cost || info?.usage?.cost;
  return (
    <div className="facts num">
      <span><b>{duration((run.endedAt ?? Date.now()) - run.startedAt)}</b></span>
      {tokens > 0 && <span><b>{tokens < 10000 ? tokens.toLocaleString("en") : `${(tokens / 1000).toFixed(1)}k`}</b> tokens</span>}
      {cost > 0 && <span><b>${cost < 0.01 ? cost.toFixed(4) : cost.toFixed(2)}</b></span>}
      {run.demo && !brief && <span className="chip">Demo model</span>}
    </div>
  );
}

/** What a step read of its thread and of what people decided is recorded like a call of `memory`. */
const isMemory = (call) => call.type === "tool_called" && call.name === "memory";
const callIcon = (call) => (isMemory(call) ? "memory" : call.type === "tool_called" ? "tool" : "llm");
const callName = (call) => (isMemory(call) ? "Read from memory" : `${call.type === "tool_called" ? "Tool" : "Model"} · ${call.demo ? "demo model" : call.name}`);
