// The rules of the drawing, without a browser. Run by test_graph.py.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ancestors, apply, below, complete, edgeId, fits, freshId, inverse, lanesFor, makeNode, portsOf, refuse, renamed, refuseName, renameStep, tidy, upward } from "../../components/canvas/graph.js";

const types = {
  llm: { kind: "llm", title: "Model", ports: ["out"], sample: { prompt: "Hi" } },
  template: { kind: "template", title: "Template", ports: ["out"], sample: { text: "x" } },
  condition: { kind: "condition", title: "Condition", ports: ["yes", "else"], picks: true, sample: {} },
  approval: { kind: "approval", title: "Approval", ports: ["approved", "rejected"], picks: true, sample: {} },
  note: { kind: "note", title: "Note", ports: [], silent: true, sample: {} },
};
const node = (id, kind = "template", x = 0, y = 0, config = {}) => ({ id, kind, config, position: { x, y } });
const edge = (source, target, port = "out") => ({ source, port, target });
const spec = (nodes, edges = []) => complete({ nexod: 1, name: "T", nodes, edges });
const chain = () => spec([node("a", "llm"), node("b", "template", 0, 124, { text: "{{ a.text }}" }), node("c", "template", 0, 248)], [edge("a", "b"), edge("b", "c")]);

test("every operation can be taken back", () => {
  const before = chain();
  for (const ops of [
    [{ op: "add", nodes: [node("d")], edges: [edge("c", "d")] }],
    [{ op: "remove", nodes: ["b"], edges: [edge("a", "b"), edge("b", "c")] }],
    [{ op: "move", items: [{ id: "a", x: 5, y: 7 }] }],
    [{ op: "set", id: "a", path: ["config", "prompt"], value: "new" }, { op: "set", id: null, path: ["name"], value: "N" }],
    [{ op: "set", id: "b", path: ["config", "text"] }],
  ]) {
    const after = apply(before, ops), back = apply(after, inverse(before, ops));
    assert.notDeepEqual(after, before);
    assert.deepEqual(new Set(back.nodes.map((n) => JSON.stringify(n))), new Set(before.nodes.map((n) => JSON.stringify(n))));
    assert.deepEqual(new Set(back.edges.map(edgeId)), new Set(before.edges.map(edgeId)));
    assert.equal(back.name, before.name);
  }
});
test("a removed step takes its edges along even when they are not named", () => {
  const s = chain(), ops = [{ op: "remove", nodes: ["b"], edges: [] }];
  assert.deepEqual(apply(s, ops).edges, []);
  assert.equal(apply(apply(s, ops), inverse(s, ops)).edges.length, 2);
});
test("what did not change keeps its identity", () => {
  const s = chain(), after = apply(s, [{ op: "move", items: [{ id: "a", x: 1, y: 1 }] }]);
  assert.equal(after.nodes[1], s.nodes[1]);
  assert.equal(after.edges, s.edges);
});
test("operations that no longer mean anything are found", () => {
  const s = chain();
  assert.ok(fits(s, [{ op: "add", nodes: [node("d")], edges: [edge("c", "d")] }, { op: "move", items: [{ id: "d", x: 0, y: 0 }] }]));
  assert.ok(!fits(s, [{ op: "add", nodes: [node("a")], edges: [] }]));
  assert.ok(!fits(s, [{ op: "add", nodes: [], edges: [edge("a", "b")] }]));
  assert.ok(!fits(s, [{ op: "add", nodes: [], edges: [edge("a", "gone")] }]));
  assert.ok(!fits(s, [{ op: "remove", nodes: ["gone"], edges: [] }]));
  assert.ok(!fits(s, [{ op: "set", id: "gone", path: ["title"], value: "x" }]));
});
test("a connection that makes no sense is refused with the reason", () => {
  const s = spec([node("a", "llm"), node("b"), node("if", "condition", 0, 0, { cases: [{ port: "yes", when: "true" }] }), node("n", "note")], [edge("a", "b"), edge("b", "if")]);
  assert.equal(refuse(types, s, edge("a", "if")), null);
  assert.match(refuse(types, s, edge("a", "b")), /already/);
  assert.match(refuse(types, s, edge("a", "n")), /note/);
  assert.match(refuse(types, s, edge("b", "a")), /never end/);
  assert.match(refuse(types, s, edge("a", "a")), /never end/);
  assert.equal(refuse(types, s, edge("if", "a", "yes")), null);
  assert.equal(refuse(types, s, edge("if", "if", "else")), null);
  assert.equal(refuse(types, s, edge("b", "a", "error")), null);
});
test("ports follow the config, and a wired port never hides", () => {
  const s = spec([node("if", "condition", 0, 0, { cases: [{ port: "good" }, { port: "bad" }] }), node("b")], [edge("if", "b", "old")]);
  assert.deepEqual(portsOf(types.condition, s.nodes[0], s), ["good", "bad", "else", "old"]);
  assert.deepEqual(portsOf(types.approval, node("q", "approval", 0, 0, { deadline_s: 60 }), s), ["approved", "rejected", "timeout"]);
});
test("the steps in the past are known, nearest first", () => {
  assert.deepEqual(ancestors(chain(), "c"), ["b", "a"]);
});
test("a new step has a free name that expressions may use", () => {
  assert.equal(freshId("llm", new Map()), "llm");
  assert.equal(freshId("llm", new Map([["llm", 1], ["llm_2", 1]])), "llm_3");
  assert.equal(freshId("run", new Map()), "run_2");
  assert.equal(makeNode(types.llm, chain(), { x: 1.4, y: 2.6 }).position.y, 3);
});
test("a copy refers to its own steps, and to the others as before", () => {
  const s = chain(), c = { nodes: [s.nodes[0], { ...s.nodes[1], config: { text: "{{ a.text }} {{ z.a }} a.text", cases: [{ when: "a.ok" }] } }], edges: [edge("a", "b")] };
  const made = renamed(c, s, { x: 40, y: 40 });
  assert.deepEqual(made.nodes.map((n) => n.id), ["a_2", "b_2"]);
  assert.equal(made.nodes[1].config.text, "{{ a_2.text }} {{ z.a }} a.text");
  assert.equal(made.nodes[1].config.cases[0].when, "a_2.ok");
  assert.deepEqual(made.edges, [edge("a_2", "b_2")]);
});
test("tidy up puts every step below what leads to it, and never two in one place", () => {
  const s = spec([node("a"), node("b"), node("c"), node("if", "condition", 0, 0, { cases: [{ port: "yes" }] }), node("d"), node("e")], [edge("a", "b"), edge("a", "c"), edge("b", "if"), edge("c", "if"), edge("if", "d", "yes"), edge("if", "e", "else"), edge("e", "a")]);
  const at = Object.fromEntries(tidy(types, s).map((i) => [i.id, i]));
  for (const e of s.edges.slice(0, -1)) assert.ok(at[e.source].y < at[e.target].y);
  assert.equal(new Set(Object.values(at).map((i) => `${i.x},${i.y}`)).size, 6);
  assert.equal(at.b.y - at.a.y, 124);
  assert.equal(at.d.y - at.if.y, 138);
  assert.equal(Math.abs(at.c.x - at.b.x), 260);
  assert.equal(at.e.x - at.d.x, 260);
});
test("a step added below finds a free place", () => {
  const s = chain(), place = below(types, s, s.nodes[0], "out");
  assert.deepEqual(place, { x: 260, y: 124 });
});
test("loops go round the outside, each on a lane of its own", () => {
  const s = spec([node("a"), node("b", "template", 0, 124), node("c", "template", -260, 124), node("d", "template", 0, 248)], [edge("b", "a"), edge("d", "a")]);
  assert.ok(upward(s, s.edges[0]));
  const lanes = lanesFor(s, () => "left", (e) => s.nodes.find((n) => n.id === e.source).position.x + 110);
  assert.equal(lanes.get("b-out-a"), 260 + 36);
  assert.ok(Math.abs(lanes.get("d-out-a") - lanes.get("b-out-a")) >= 20);
});

test("a step gets another name wherever it is read, and not in texts or in flows inside", () => {
  const inner = { nodes: [{ id: "draft", kind: "template", config: { text: "{{ draft.text }}" } }], edges: [] };
  const s = complete({
    name: "", outputs: { text: "{{ draft.text }}" },
    nodes: [
      { id: "draft", kind: "template", config: { text: "x" } },
      { id: "gate", kind: "condition", config: { cases: [{ port: "draft", when: 'draft.text == "a draft" && x.draft' }] } },
      { id: "sub", kind: "subflow", config: { flow: inner, with: { a: "draft {{ draft.text + 'draft' }}" } } },
    ],
    edges: [{ source: "draft", port: "out", target: "gate" }, { source: "gate", port: "draft", target: "draft" }],
  });
  const ops = renameStep(s, "draft", "text"), made = apply(s, ops), at = (id) => made.nodes.find((n) => n.id === id).config;
  assert.deepEqual(made.edges, [{ source: "text", port: "out", target: "gate" }, { source: "gate", port: "draft", target: "text" }]);
  assert.equal(made.outputs.text, "{{ text.text }}");
  assert.deepEqual(at("gate").cases, [{ port: "draft", when: 'text.text == "a draft" && x.draft' }]);
  assert.deepEqual(at("sub"), { flow: inner, with: { a: "draft {{ text.text + 'draft' }}" } });
  const back = apply(made, inverse(s, ops)), sorted = (spec) => ({ ...spec, nodes: [...spec.nodes].sort((a, b) => (a.id < b.id ? -1 : 1)) });
  assert.deepEqual(sorted(back), sorted(s));
  assert.equal(refuseName(s, "gate"), "Another step is called gate");
  assert.ok(refuseName(s, "Bad name") && refuseName(s, "input"));
  assert.equal(refuseName(s, "fine_1"), null);
});
