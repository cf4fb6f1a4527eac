// The run that the page shows: its journal as a stream, folded into keyed statuses beside React Flow's arrays.
import { useCallback, useSyncExternalStore } from "react";
import { edgeState, newRun, says, statusOf, step, TERMINAL, unitOf, whoOf } from "./fold.js";
import { edgeId } from "./graph.js";
import { get, here, scoped, set, toast } from "./store.js";
import { api } from "./sync.js";

const BATCH_MS = 60;
let run = null, runId = null, info = null, source = null, version = 0, soon = null, tick = null;
const listeners = new Set(), keyed = new Map();

const listen = (f) => (listeners.add(f), () => listeners.delete(f));
const publish = () => {
  soon = null;
  version++;
  for (const f of [...listeners]) f();
  for (const [key, entry] of keyed) refresh(key, entry);
};
const later = () => (soon ??= setTimeout(publish, BATCH_MS));

/** Re-renders at most every 60 ms while events come in. */
export const useRun = () => (useSyncExternalStore(listen, () => version, () => 0), { run, runId, info });
export const currentRun = () => ({ run, runId, info });

// ---------- one subscription per step and per edge

function refresh(key, entry) {
  const next = entry.read();
  if (next.join("\n") === entry.value.join("\n")) return;
  entry.value = next;
  for (const f of entry.subs) f();
}
const NONE = [];
function useKeyed(key, read) {
  const join = useCallback((f) => {
    let entry = keyed.get(key);
    if (!entry) keyed.set(key, (entry = { subs: new Set(), value: read(), read }));
    entry.subs.add(f);
    return () => (entry.subs.delete(f), entry.subs.size || keyed.delete(key));
  }, [key]);
  return useSyncExternalStore(join, () => keyed.get(key)?.value ?? NONE, () => NONE);
}
/** [status, second line, visits] of a step, [] without a run. */
export const useNodeLive = (id) => useKeyed(`n:${id}`, () => {
  if (!run) return NONE;
  const visit = run.latest.get(id), status = statusOf(run, id);
  return [status, says(run, visit, status) ?? "", visit?.visit ?? 0];
});
/** [state, how often taken] of an edge. */
export const useEdgeLive = (edge) => useKeyed(`e:${edgeId(edge)}`, () => (run ? [edgeState(run, edge), run.edges.get(`${edge.source}-${edge.port}`) ?? 0] : NONE));

// ---------- the stream

/** Show a run: what is known now, then live until it has ended. `null` clears the canvas. */
export async function follow(id, known = null) {
  if (id === runId && run) return;
  close();
  runId = id;
  run = id ? newRun() : null;
  info = known;
  publish();
  if (!id) return;
  try {
    info = known ?? (await api(`/runs/${id}`));
  } catch (e) {
    if (runId === id) toast("Could not show this run", { status: "failed", text: e.message });
    return;
  }
  if (runId === id) connect();
}
export const forget = () => follow(null);

function connect() {
  if (!runId || !run || run.endedAt || document.hidden) return;
  source?.close();
  const mine = (source = new EventSource(`/api/v1/runs/${runId}/events?after=${run.lastSeq}`));
  mine.onmessage = (message) => {
    if (mine !== source) return;
    take(JSON.parse(message.data));
  };
  mine.addEventListener("token", (message) => {
    if (mine === source) takeToken(JSON.parse(message.data));
  });
  mine.onerror = () => {
    if (mine.readyState === EventSource.CLOSED && mine === source && !run.endedAt) setTimeout(() => mine === source && connect(), 2000);
  };
}
function take(event) {
  if (step(run, event) === undefined) return;
  if (TERMINAL.has(event.type)) {
    source?.close();
    source = null;
    const id = runId;
    api(`/runs/${id}`).then((row) => runId === id && ((info = row), later())).catch(() => {});
    announce(`Run ${run.status}`);
  } else if (event.type === "approval_requested") announce(`A question waits: ${event.payload.question}`);
  later();
}
function takeToken(token) {
  const visit = run.visits.get(unitOf(token.key)) ?? run.latest.get(token.node_id);
  if (!visit || visit.endedAt) return;
  if (visit.said.at(-1)?.key !== token.key) visit.said.push({ key: token.key, who: whoOf(token.key), text: "" });
  visit.said.at(-1).text += token.text ?? "";
  later();
}
function close() {
  source?.close();
  source = null;
}
const announce = (text) => {
  const region = document.getElementById("nexod-live");
  if (region) region.textContent = text;
};

if (typeof document !== "undefined") {
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : connect()));
  tick = setInterval(() => run && !run.endedAt && ["running", "waiting"].includes(run.status) && !document.hidden && later(), 1000);
}

// ---------- what a person can do with a run

export async function start(inputs) {
  const { workflowId } = get();
  const answer = await api(`/workflows/${workflowId}/runs`, { method: "POST", body: { inputs } });
  set({ dock: get().dock ?? "timeline", visit: null });
  await follow(answer.run_id);
  return answer.run_id;
}
export async function cancel() {
  try {
    await api(`/runs/${runId}/cancel`, { method: "POST", body: {} });
  } catch (e) {
    if (e.status !== 409) toast("Could not cancel", { status: "failed", text: e.message });
  }
}
export async function retry() {
  try {
    return (await api(`/runs/${runId}/retry`, { method: "POST", body: {} })).run_id;
  } catch (e) {
    toast("Could not retry", { status: "failed", text: e.message });
  }
}
export async function fork(seq, outputs = {}) {
  return (await api(`/runs/${runId}/fork`, { method: "POST", body: { seq, outputs } })).run_id;
}
/** The last run of a workflow, if it has one. */
export async function lastRun(workflowId) {
  const found = await api(`/workflows/${workflowId}/runs?limit=1`).catch(() => null);
  return found?.items?.[0] ?? null;
}

/** The visit that the panels show: the chosen one, else the latest of the selected step. */
export function chosenVisit(id) {
  if (!run) return null;
  const picked = get().visit && run.visits.get(get().visit);
  if (picked && (!id || here(picked.nodeId) === id)) return picked;
  return id ? run.latest.get(scoped(id)) ?? null : null;
}
