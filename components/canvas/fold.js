// What a journal says about a run, event by event; mirrors engine/fold.py and adds what only the eye needs.

export const TERMINAL = new Set(["run_completed", "run_failed", "run_cancelled"]);
const ENDS = { run_completed: "completed", run_failed: "failed", run_cancelled: "cancelled" };

export const newRun = () => ({
  lastSeq: -1, status: "pending", reason: null, inputs: {}, outputs: null, error: null, startedAt: null, endedAt: null,
  visits: new Map(), latest: new Map(), edges: new Map(), waitingFor: [], parked: [], usage: { input_tokens: 0, output_tokens: 0, cost: 0 }, events: [], demo: false,
});

/** The unit a key belongs to: `sub#1/inner#2` of `sub#1/inner#2/model:0`. */
export function unitOf(key) {
  const parts = (key ?? "").split("/");
  let n = parts.length;
  while (n > 1 && !/#\d+(~\d+)?$/.test(parts[n - 1])) n--;
  return parts.slice(0, n).join("/");
}
/** Who of a crew makes a call: `writer` of `crew#1/text/writer/model:0`; null where there is only one. */
export function whoOf(key) {
  const parts = (key ?? "").slice(unitOf(key).length + 1).split("/");
  return parts.length < 3 || parts.at(-2) === "agent" ? null : parts.at(-2);
}
export const visitOf = (key) => Number(/#(\d+)[^#]*$/.exec(unitOf(key))?.[1] ?? 1);

/** Take in one event; answers the path of the step it touched, or null for the run itself. */
export function step(run, event) {
  if (event.seq <= run.lastSeq) return undefined;
  run.lastSeq = event.seq;
  run.events.push(event);
  const at = Date.parse(event.at);
  if (event.node_id != null) onNode(run, event, at);
  onRun(run, event, at);
  return event.node_id;
}

function visitFor(run, event, at) {
  const key = unitOf(event.key) || `${event.node_id}#1`;
  let visit = run.visits.get(key);
  if (!visit) {
    visit = { key, nodeId: event.node_id, visit: visitOf(key), status: "running", startedAt: at, endedAt: null, seq: event.seq, type: event.type, retries: [], calls: [], said: [] };
    run.visits.set(key, visit);
    const before = run.latest.get(event.node_id);
    if (!before || before.visit <= visit.visit) run.latest.set(event.node_id, visit);
  }
  return visit;
}

function onNode(run, event, at) {
  const p = event.payload ?? {}, visit = visitFor(run, event, at);
  if (["node_started", "node_completed", "node_failed", "approval_requested", "approval_decided", "timer_set", "timer_fired", "run_needs_review", "node_retry"].includes(event.type)) Object.assign(visit, { seq: event.seq, type: event.type });
  switch (event.type) {
    case "node_started": return Object.assign(visit, { status: "running", startedAt: at, input: p.input });
    case "node_completed": finish(run, visit, "completed", at, p.port ?? "out");
      return Object.assign(visit, { output: p.output, usage: p.usage, port: p.port ?? "out", doneSeq: event.seq, said: [] });
    case "node_failed": finish(run, visit, "failed", at, p.port);
      return Object.assign(visit, { error: p.error, port: p.port, said: [] });
    case "node_retry": visit.retries.push({ at, from: visit.triedAt ?? visit.startedAt, error: p.error, due: p.due_at });
      return Object.assign(visit, { triedAt: p.due_at ? Date.parse(p.due_at) : at, said: [] });
    case "approval_requested": return Object.assign(visit, { status: "waiting", approvalId: p.approval_id, question: p.question, deadline: p.deadline_at });
    case "timer_set": return Object.assign(visit, { status: "waiting", due: p.due_at });
    case "approval_decided": return Object.assign(visit, { status: "running", decision: p, due: null });
    case "timer_fired": case "review_resolved": return Object.assign(visit, { status: "running", due: null });
    case "run_needs_review": return Object.assign(visit, { status: "needs_review" });
    case "model_called": case "tool_called":
      if (p.provider === "demo") run.demo = visit.demo = true;
      visit.model = p.model ?? visit.model;
      return visit.calls.push({ seq: event.seq, type: event.type, key: event.key, who: whoOf(event.key), name: p.tool ?? p.model, demo: p.provider === "demo", from: at - (p.ms ?? 0), to: at, usage: p.usage });
  }
}
function finish(run, visit, status, at, port) {
  Object.assign(visit, { status, endedAt: at });
  if (port) {
    const key = `${visit.nodeId}-${port}`;
    run.edges.set(key, (run.edges.get(key) ?? 0) + 1);
  }
}

function onRun(run, event, at) {
  const p = event.payload ?? {};
  switch (event.type) {
    case "run_created": Object.assign(run, { createdAt: at, inputs: p.inputs ?? {}, forkedFrom: p.forked_from ?? null }); break;
    case "run_started": Object.assign(run, { status: "running", startedAt: run.startedAt ?? at }); break;
    case "attempt_lost": run.status = "pending"; for (const visit of run.visits.values()) visit.said = []; break;
    case "approval_requested": run.waitingFor = [...run.waitingFor, p.approval_id]; break;
    case "approval_decided": run.waitingFor = run.waitingFor.filter((a) => a !== p.approval_id); goOn(run); break;
    case "timer_fired": case "review_resolved": goOn(run); break;
    case "run_waiting": run.status = "waiting"; park(run); break;
    case "run_needs_review": Object.assign(run, { status: "needs_review", reason: p.reason }); break;
    case "model_called": case "tool_called":
      for (const name in run.usage) run.usage[name] += p.usage?.[name] ?? 0;
      break;
    case "node_started": case "node_completed": case "node_failed": run.status = "running"; break;
  }
  if (TERMINAL.has(event.type)) end(run, event, at);
}
// Steps that stand still because another one asked for all of them.
function park(run) {
  run.parked = [...run.latest.values()].filter((visit) => visit.status === "running");
  for (const visit of run.parked) visit.status = "waiting";
}
function goOn(run) {
  for (const visit of run.parked) if (visit.status === "waiting") visit.status = "running";
  run.parked = [];
}
function end(run, event, at) {
  Object.assign(run, { status: ENDS[event.type], endedAt: at, ending: event, waitingFor: [], outputs: event.payload?.outputs ?? null, error: event.payload?.error ?? null });
  for (const visit of run.visits.values()) {
    if (["running", "waiting", "needs_review"].includes(visit.status)) Object.assign(visit, { status: "cancelled", endedAt: at });
  }
}

/** A step's status on the drawing; one that never ran in an ended run was skipped. */
export function statusOf(run, id) {
  const visit = run.latest.get(id);
  if (!visit) return run.endedAt ? "skipped" : "idle";
  if (visit.status !== "running") return visit.status;
  let waits = false;
  for (const [path, inner] of run.latest) {
    if (!path.startsWith(`${id}/`) && !path.startsWith(`${id}[`)) continue;
    if (inner.status === "running") return "running";
    waits ||= inner.status === "waiting";
  }
  return waits ? "waiting" : "running";
}

/** idle, taken, live, wait or skip: how the run went along this edge. */
export function edgeState(run, edge) {
  const count = run.edges.get(`${edge.source}-${edge.port}`) ?? 0;
  if (!count) return run.endedAt || run.latest.get(edge.source)?.endedAt ? "skip" : "idle";
  const source = run.latest.get(edge.source), target = run.latest.get(edge.target);
  const feeds = target && source?.port === edge.port && source?.endedAt != null && source.endedAt <= target.startedAt + 1;
  if (feeds && target.status === "running") return statusOf(run, edge.target) === "waiting" ? "wait" : "live";
  if (feeds && target.status === "waiting") return "wait";
  return "taken";
}

// ---------- words

/** A message as a sentence: others may follow it. */
export const ended = (text) => (/[.!?…:]$/.test(text ?? "") ? text : `${text}.`);
/** 22:56:25, as everywhere on the pages. */
export const clock = (at) => new Date(at).toLocaleTimeString("en-GB");
export const dayTime = (at) => new Date(at).toLocaleString("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });

export function duration(ms) {
  if (ms == null || Number.isNaN(ms)) return "–";
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60000);
  if (minutes < 60) return `${minutes} min ${Math.round((ms % 60000) / 1000)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
export const took = (visit, now = Date.now()) => duration((visit.endedAt ?? now) - visit.startedAt);
const words = (text) => String(text).trim().split(/\s+/).filter(Boolean).length;
const plural = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

function fact(visit) {
  const o = visit.output;
  if (visit.decision && (o == null || o.decision)) return visit.decision.decision + (visit.decision.decided_by ? ` by ${visit.decision.decided_by.replace(/^key:/, "the key ")}` : "");
  if (o == null) return "";
  if (typeof o !== "object") return plural(words(o), "word");
  if (Array.isArray(o)) return plural(o.length, "item");
  if (typeof o.status === "number") return String(o.status);
  if (Array.isArray(o.matches)) return plural(o.matches.length, "match", "matches");
  if (Array.isArray(o.items)) return plural(o.items.length, "item");
  if (typeof o.port === "string" && Object.keys(o).length === 1) return o.port;
  if (typeof o.text === "string") return plural(words(o.text), "word");
  return plural(Object.keys(o).length, "value");
}
/** The second line of a card while there is a run. */
export function says(run, visit, status, now = Date.now()) {
  if (!visit) return status !== "skipped" ? null : run.status === "completed" ? "Branch not taken" : "Not reached";
  const retried = visit.retries.length ? ` after ${plural(visit.retries.length, "retry", "retries")}` : "";
  if (status === "running") return `${visit.said.length ? "Writing" : "Running"}, ${took(visit, now)} so far`;
  if (status === "waiting") {
    if (visit.approvalId) return visit.deadline ? `Needs an answer · ${duration(Date.parse(visit.deadline) - now)} left` : "Needs an answer";
    return visit.due ? `${visit.retries.length ? "Tries again" : "Goes on"} in ${duration(Math.max(0, Date.parse(visit.due) - now))}` : "Waiting";
  }
  if (status === "completed") return [took(visit), fact(visit)].filter(Boolean).join(" · ") + retried;
  if (status === "failed") return visit.error?.message ?? "Failed";
  if (status === "needs_review") return "May have happened once";
  if (status === "cancelled") return `Stopped after ${took(visit)}`;
  return null;
}
