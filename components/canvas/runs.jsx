// The page of one run: its frozen drawing, what happened when, and the ways on from here.
import React, { useEffect, useState } from "react";
import { useLocation, useNavigate } from "react-router";
import { ended } from "./fold.js";
import { byId, complete } from "./graph.js";
import * as live from "./live.js";
import { Chip, Icon } from "./parts.jsx";
import { Dialog, Failure, Toasts } from "./panels.jsx";
import { get, reset, set, setTypes, shown, toast, useEditor } from "./store.js";
import { api } from "./sync.js";
import { Events, Facts, Outputs, StepDetail, Timeline, label } from "./timeline.jsx";

const idFrom = (path) => /^\/runs\/([^/?#]+)/.exec(path)?.[1] ?? null;
async function show(id) {
  reset({ workflowId: `run:${id}`, readOnly: true });
  try {
    const [row, graph] = await Promise.all([api(`/runs/${id}`), api(`/runs/${id}/graph`)]);
    if (get().workflowId !== `run:${id}`) return;
    set({ ...shown(complete(graph.spec ?? graph)), loaded: true, version: row.version });
    live.follow(id, row);
  } catch (e) {
    if (get().workflowId === `run:${id}`) set({ failure: { status: e.status, message: e.message } });
  }
}

export function RunPage({ types, children }) {
  setTypes(types);
  const { pathname } = useLocation(), id = idFrom(pathname), failure = useEditor((s) => s.failure);
  useEffect(() => {
    if (id) live.forget(), show(id);
  }, [id]);
  useEffect(() => () => live.forget(), []);
  const name = useEditor((s) => s.root.name);
  useEffect(() => { if (name) document.title = `Run of ${name} · Nexod`; }, [name]);
  return <div className="main run">{failure ? <Failure failure={failure} place="/runs" /> : children}<Toasts /><span id="nexod-live" className="sr" role="status" aria-live="polite" /></div>;
}

/** Status, version and target, then what can be done. */
export function RunHead() {
  const { run, info } = live.useRun(), go = useNavigate(), status = run?.lastSeq >= 0 ? run.status : info?.status ?? "pending";
  return (
    <>
      <span data-testid="run-status" data-status={status}><Chip status={status} /></span>
      {info && <span className="chip mono hide-m" style={{ fontSize: 11 }}>v{info.version}</span>}
      {info && <span className="chip hide-m">{info.target === "crewai" ? "CrewAI" : "LangGraph"}</span>}
      {info?.forked_from && <a className="cap link hide-m" href={`/runs/${info.forked_from.run_id}`}>from an earlier run</a>}
      <span className="grow" />
      {info && <a className="btn ghost hide-m" href={`/workflows/${info.workflow_id}`}><Icon name="flow" size={18} /><span className="hide-s">Open in editor</span></a>}
      {["failed", "cancelled"].includes(status) && <button type="button" className="btn primary" data-testid="retry-button" onClick={async () => { const id = await live.retry(); if (id) go(`/runs/${id}`); }}><Icon name="loop" />Retry</button>}
      {run && !run.endedAt && <button type="button" className="btn danger" data-testid="cancel-button" onClick={live.cancel}><Icon name="stop" />Cancel</button>}
    </>
  );
}

/** What the run needs from a person, or why it ended badly. */
export function AskCard() {
  const { run, runId } = live.useRun(), { spec, types } = useEditor((s) => ({ spec: s.root, types: s.types }));
  if (!run) return null;
  if (run.status === "needs_review") return <ReviewCard run={run} runId={runId} />;
  if (run.waitingFor.length) {
    const id = run.waitingFor[0], visit = [...run.visits.values()].find((v) => v.approvalId === id);
    return (
      <div className="ask" role="status"><span className="bd"><Icon name="pause" bold /></span>
        <div className="grow"><div className="strong">{run.waitingFor.length === 1 ? "An answer is needed" : `${run.waitingFor.length} answers are needed`}</div><p className="clip">{visit && label(spec, visit.nodeId, types)} asks: {visit?.question}</p></div>
        <a className="btn primary" href={`/inbox?id=${id}`}>Review</a>
      </div>
    );
  }
  if (run.error) return <div className="ask fault" role="status"><span className="bd"><Icon name="x" bold /></span><div className="grow"><div className="strong">{run.error.node_id ? label(spec, run.error.node_id, types) : "The run"} failed</div><p>{ended(run.error.message)} {run.error.hint}</p></div></div>;
  return null;
}
const REASONS = { unsafe_effect: "A step may have acted once already, and nobody can tell from here.", quarantined: "Its workers were lost three times in a row without getting anywhere.", incompatible: "It was begun by a version of Nexod that this one does not understand.", diverged: "Repeating it would not have asked the same again." };
function ReviewCard({ run, runId }) {
  const [asking, setAsking] = useState(null), visit = [...run.visits.values()].find((v) => v.status === "needs_review");
  const send = async (action, output) => {
    try {
      await api(`/runs/${runId}/resolve`, { method: "POST", body: { node_id: visit?.nodeId ?? null, ...(visit ? { key: visit.key } : {}), action, ...(action === "use" ? { output } : {}) } });
      setAsking(null);
    } catch (e) { toast("Not resolved", { status: "failed", text: e.message }); }
  };
  return (
    <div className="ask review" role="status"><span className="bd"><Icon name="quest" bold /></span>
      <div className="grow"><div className="strong">A person has to decide</div><p>{REASONS[run.reason] ?? run.reason}</p></div>
      <button type="button" className="btn sm" onClick={() => send("repeat")}>Repeat</button>
      {visit && <button type="button" className="btn sm" onClick={() => setAsking("{}")}>Use an output</button>}
      <button type="button" className="btn sm danger" onClick={() => send("fail")}>Fail</button>
      {asking !== null && <JsonDialog title="Use this output" hint="What the step would have answered, as JSON. The run goes on with it." text={asking} action="Use" onClose={() => setAsking(null)} onDone={(value) => send("use", value)} />}
    </div>
  );
}
function JsonDialog({ title, hint, text, action, onClose, onDone }) {
  const [value, setValue] = useState(text), [fault, setFault] = useState(null), [busy, setBusy] = useState(false);
  const done = async () => {
    let parsed;
    try { parsed = JSON.parse(value); } catch (e) { return setFault(`This is no JSON yet: ${e.message}`); }
    setBusy(true);
    try { await onDone(parsed); } catch (e) { setFault(e.details?.[0]?.message ?? e.message); }
    setBusy(false);
  };
  return (
    <Dialog onClose={onClose} label={title}>
      <div className="body"><h2>{title}</h2>{hint && <p className="t2 cap" style={{ margin: "2px 0 10px" }}>{hint}</p>}<textarea className="field mono" rows={12} value={value} aria-label="Output" data-testid="field-output" onChange={(e) => setValue(e.target.value)} spellCheck={false} />{fault && <p className="err" role="alert">{fault}</p>}</div>
      <footer><button type="button" className="btn" onClick={onClose}>Close</button><button type="button" className="btn primary" data-testid="dialog-submit" disabled={busy} onClick={done}>{action}</button></footer>
    </Dialog>
  );
}

const TABS = [["timeline", "Timeline"], ["result", "Result"], ["events", "Events"]];
export function RunSide() {
  const [tab, setTab] = useState("timeline"), [cut, setCut] = useState(null), go = useNavigate();
  const { run } = live.useRun(), kind = useEditor((s) => s.types[byId(s.root).get(cut?.nodeId)?.kind]);
  const ended = run?.endedAt && run.status === "completed";
  const fork = async (visit, outputs) => {
    const id = await live.fork(visit.doneSeq, outputs);
    setCut(null);
    go(`/runs/${id}`);
  };
  const choose = (visit) => (["step", "agent", "call"].includes(get().types[byId(get().root).get(visit.nodeId)?.kind]?.shape) ? setCut(visit) : fork(visit, {}).catch((e) => toast("Could not fork", { status: "failed", text: e.message })));
  return (
    <div className="side">
      <AskCard />
      <div className="tabs" role="tablist">{TABS.map(([k, t]) => <button type="button" key={k} role="tab" aria-selected={tab === k} onClick={() => setTab(k)}>{t}</button>)}<Facts /></div>
      <div className="sheet">
        {tab === "timeline" && <><Timeline />{ended && <div className="ending"><Outputs /></div>}</>}
        {tab === "result" && <div style={{ padding: "12px 16px" }}><Outputs /></div>}
        {tab === "events" && <Events />}
      </div>
      <StepDetail onFork={choose} />
      {cut && kind && <JsonDialog title="Fork from here" hint="A new run begins with everything up to this step. Change its output, or leave it as it is." text={JSON.stringify(cut.output ?? null, null, 2)} action="Fork" onClose={() => setCut(null)} onDone={(value) => fork(cut, JSON.stringify(value) === JSON.stringify(cut.output ?? null) ? {} : { [cut.nodeId]: value })} />}
    </div>
  );
}
export const RunName = () => {
  const name = useEditor((s) => s.root.name), { info } = live.useRun();
  return <b className="clip" title={info?.id}>{name || "Run"}</b>;
};
