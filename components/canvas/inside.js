// Subflows: the flow inside a step, drawn as the workflow itself is, and what happens there as operations on the whole.
import { apply, byId, complete } from "./graph.js";

const views = new WeakMap();
const whole = (flow) => views.get(flow) ?? (views.set(flow, complete(flow)), views.get(flow));
/** A flow as a config holds it; it stands for `view` from now on, so that what did not change keeps its identity. */
function bare(view) {
  const flow = { inputs: view.inputs, nodes: view.nodes, edges: view.edges, outputs: view.outputs };
  views.set(flow, view);
  return flow;
}
export const flowOf = (node) => (Array.isArray(node?.config?.flow?.nodes) ? node.config.flow : null);

/** The workflow, and the flow inside each step of `path` as far as there is one. */
export function levels(root, path) {
  const found = [root];
  for (const id of path) {
    const flow = flowOf(byId(found.at(-1)).get(id));
    if (!flow) break;
    found.push(whole(flow));
  }
  return found;
}
/** Operations in the flow at `path` as operations on the workflow. */
export function outward(root, path, ops) {
  const views = levels(root, path);
  for (let depth = path.length; depth > 0; depth--) ops = [{ op: "set", id: path[depth - 1], path: ["config", "flow"], value: bare(apply(views[depth], ops)) }];
  return ops;
}
