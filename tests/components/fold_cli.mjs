// Folds journals from stdin as the page does; test_fold.py compares with the engine's own fold.
import { newRun, statusOf, step } from "../../components/canvas/fold.js";

let text = "";
for await (const chunk of process.stdin) text += chunk;
const answer = JSON.parse(text).map(({ events, nodes }) => {
  const run = newRun();
  for (const event of events) step(run, event);
  return { status: run.status, waiting: run.waitingFor, who: [...run.visits.values()].flatMap((visit) => visit.calls.map((call) => call.who)), nodes: Object.fromEntries(nodes.map((id) => [id, [statusOf(run, id), run.latest.get(id)?.visit ?? 0]])) };
});
process.stdout.write(JSON.stringify(answer));
