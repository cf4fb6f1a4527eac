"""The plan: every mistake has its code, and what a sound graph's plan says agrees with a slow, plain reading."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from engine.node import NodeConfig, Text, registry
from engine.plan import Plan, build, problems, resolve
from engine.spec import canonical, parse, read
from tests.engine.flows import codes, edge, edges, made, plan_of, random_raw, route, spec_of, step, workflow

FLOW = {"nodes": [step("inner", "{{ input.x }}")], "outputs": {"y": "{{ inner.text }}"}}
LOOP = ["a.x b", "b a"]


def told(raw: Any) -> list[tuple[str, str | None, str | None]]:
    return [(p.code, p.node_id, p.field) for p in problems(raw)]


def crew(**member: Any) -> dict[str, Any]:
    one = {"id": "m", "role": "R", "goal": "G", **member}
    return {"members": [one], "tasks": [{"id": "t", "description": "D", "member": "m"}]}


def nested(levels: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"nodes": [step("a")]}
    for _ in range(levels - 1):
        inner = {"nodes": [made("s", "subflow", flow=inner)]}
    return made("s", "subflow", flow=inner)


@pytest.mark.parametrize(
    ("raw", "code", "node_id", "field"),
    [
        (workflow(step("a"), zz=1), "unknown_field", None, "zz"),
        (workflow(made("a", "template", text="x", zz=1)), "unknown_field", "a", "config.zz"),
        (workflow(made("a", "template", text=5)), "wrong_type", "a", "config.text"),
        (workflow({"id": "a", "kind": "template", "config": []}), "wrong_type", "a", "config"),
        (workflow(made("a", "template")), "missing_field", "a", "config.text"),
        (workflow(made("a", "approval")), "missing_field", "a", "config.question"),
        ({"nexod": 1, "nodes": []}, "missing_field", None, "name"),
        ({"name": "x", "nodes": []}, "missing_field", None, "nexod"),
        (workflow(step("a", join="most")), "bad_value", "a", "join"),
        (workflow(step("a"), target="other"), "bad_value", None, "target"),
        (workflow(step("a", max_visits=0)), "bad_value", "a", "max_visits"),
        (workflow(step("a", retry={"delay_s": -1})), "bad_value", "a", "retry.delay_s"),
        (workflow(made("a", "template", text="x", json=1)), "bad_value", "a", "config.json"),
        (workflow(route("a", "x", "x")), "bad_value", "a", "config.cases"),
        (workflow(made("a", "template", json={"b": {"$secret": "K"}})), "bad_value", "a", "config.json.b"),
        (workflow(step("a"), outputs={"o": {"$secret": "K"}}), "bad_value", None, "outputs.o"),
        (workflow(step("a"), inputs={"type": "object", "required": 3}), "bad_schema", None, "inputs"),
        (workflow(step("a"), inputs={"type": "array"}), "bad_schema", None, "inputs"),
        (
            workflow(made("a", "approval", question="?", schema={"$ref": "http://x.example/"})),
            "bad_schema",
            "a",
            "config.schema",
        ),
        (workflow(made("a", "llm", prompt="x", output_schema={"type": 1})), "bad_schema", "a", "config.output_schema"),
        ({"nexod": 2, "name": "x", "nodes": []}, "unsupported_format", None, "nexod"),
        (workflow(step("a", v=99)), "unsupported_format", "a", "v"),
        (workflow(step("a"), step("a")), "duplicate_id", "a", "id"),
        (workflow(step("a"), step("b"), edges=edges("a b", "a b")), "duplicate_edge", None, "edges.1"),
        (workflow(step("a"), edges=edges("a b")), "dangling_edge", None, "edges.0.target"),
        (workflow(step("a"), edges=edges("b a")), "dangling_edge", None, "edges.0.source"),
        (workflow(made("a", "nothing")), "unknown_kind", "a", "kind"),
        (workflow(step("a"), step("b"), edges=edges("a.yes b")), "unknown_port", "a", "edges.0.port"),
        (
            workflow(made("a", "approval", question="?"), step("b"), edges=edges("a.timeout b")),
            "unknown_port",
            "a",
            "edges.0.port",
        ),
        (workflow(step("a"), made("n", "note"), edges=edges("a n")), "unknown_port", "n", "edges.0.target"),
        (workflow(step("a"), made("n", "note"), edges=edges("n a")), "unknown_port", "n", "edges.0.port"),
        (workflow(made("a", "fail", message="x"), step("b"), edges=edges("a b")), "unknown_port", "a", "edges.0.port"),
        (workflow(step("s"), route("a", "x"), step("b"), edges=edges(*LOOP)), "unreachable", "a", None),
        (workflow(step("s"), step("a"), step("b"), edges=edges("s a", "a b", "b a")), "cycle_without_route", "a", None),
        (workflow(step("a"), step("b"), edges=edges("a b", "b b")), "cycle_without_route", "b", None),
        (
            workflow(
                step("s"),
                route("a", "x", join="any"),
                route("b", "x", join="any"),
                edges=edges("s a", "s b", "a.x b", "b.x a"),
            ),
            "ambiguous_join",
            "b",
            "join",
        ),
        (workflow(step("a", "{{ 1 + }}")), "bad_expression", "a", "config.text"),
        (workflow(step("a", "{{ now() }}")), "bad_expression", "a", "config.text"),
        (
            workflow(made("a", "condition", cases=[{"port": "x", "when": "a b"}])),
            "bad_expression",
            "a",
            "config.cases.0.when",
        ),
        (workflow(made("a", "wait", seconds="1 +")), "bad_expression", "a", "config.seconds"),
        (workflow(step("a"), outputs={"o": ["{{ ( }}"]}), "bad_expression", None, "outputs.o.0"),
        (workflow(made("a", "template", json={"x": [1, "{{ zz }}"]})), "unknown_reference", "a", "config.json.x.1"),
        (workflow(step("a"), step("b", "{{ a.text }}")), "unknown_reference", "b", "config.text"),
        (workflow(step("a", "{{ a.text }}")), "unknown_reference", "a", "config.text"),
        (workflow(step("a", "{{ item }}")), "unknown_reference", "a", "config.text"),
        (workflow(step("a", "{{ n.text }}"), made("n", "note")), "unknown_reference", "a", "config.text"),
        (workflow(step("a"), outputs={"o": "{{ zz.text }}"}), "unknown_reference", None, "outputs.o"),
        (
            workflow(route("r", "x"), step("a"), step("b", "{{ a.text }}"), edges=edges("r.x a", "a b", "r.else b")),
            "may_not_have_run",
            "b",
            "config.text",
        ),
        (workflow(step("a", "x" * 66_000)), "too_large", "a", "config.text"),
        (workflow(step("a"), outputs={"o": "x" * 66_000}), "too_large", None, "outputs"),
        (workflow(*(step(f"a{n}") for n in range(2001))), "too_large", None, "nodes"),
        (workflow(step("a"), edges=[edge("a", "a")] * 4001), "too_large", None, "edges"),
        (
            workflow(made("s", "subflow", flow={"nodes": [step(f"a{n}") for n in range(2000)]})),
            "too_large",
            "s",
            "config.flow.nodes",
        ),
        (workflow(made("s", "subflow", flow={"nodes": [step("a", "x" * 66_000)]})), "too_large", "s/a", "config.text"),
        (workflow(nested(5)), "too_deep", "s/s/s/s/s", "config.flow"),
        (workflow(made("a", "llm", prompt="x", provider="openai")), "missing_key", "a", "config.provider"),
        (workflow(made("a", "crew", **crew(provider="vllm"))), "missing_key", "a", "config.members.0.provider"),
        (
            workflow(made("a", "crew", **crew(), process="hierarchical", manager={"provider": "openrouter"})),
            "missing_key",
            "a",
            "config.manager.provider",
        ),
        (
            workflow(made("s", "subflow", flow={"nodes": [step("a", "{{ out.x }}")]}), step("out")),
            "unknown_reference",
            "s/a",
            "config.text",
        ),
        (
            workflow(made("s", "subflow", flow={**FLOW, "edges": edges("inner zz")})),
            "dangling_edge",
            "s",
            "config.flow.edges.0.target",
        ),
        (workflow(made("s", "subflow", flow={"nodes": [{"id": "a", "config": {}}]})), "missing_field", "s/a", "kind"),
        (workflow(made("s", "subflow", flow=FLOW, over="nope")), "unknown_reference", "s", "config.over"),
    ],
)
def test_every_mistake_has_its_code_and_place(raw: Any, code: str, node_id: str | None, field: str | None):
    assert (code, node_id, field) in told(raw)
    found = next(p for p in problems(raw) if p.code == code)
    assert found.hint
    assert found.message
    assert found.severity == ("warning" if code in ("may_not_have_run", "missing_key") else "error")
    assert len({p.code for p in problems(raw)}) == 1 or code == "unreachable"


def test_nesting_beyond_the_limit_is_too_deep():
    value: Any = "x"
    for _ in range(40):
        value = [value]
    assert codes(workflow(made("a", "template", json=value))) == ["too_deep"]


def test_a_kind_that_cannot_run_on_the_target_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(type(registry()["template"]), "targets", frozenset({"langgraph"}))
    assert codes(workflow(step("a"))) == []
    assert told(workflow(step("a"), target="crewai")) == [("target_unsupported", "a", "kind")]


@pytest.mark.parametrize(
    "raw",
    [
        workflow(),
        workflow(made("n", "note")),
        workflow(step("a"), step("b"), target="crewai", edges=edges("a b")),
        workflow(step("s"), route("a", "x"), edges=edges("s a", "a.x a")),
        workflow(step("s"), step("a"), step("b", "{{ a.error.code }}"), edges=edges("s a", "a.error b", "b a")),
        workflow(
            route("r", "x"),
            step("a"),
            step("b", "{{ has(a.text) ? a.text : '' }}"),
            edges=edges("r.x a", "a b", "r.else b"),
        ),
        workflow(step("a"), step("b"), outputs={"x": "{{ a.text + b.text }}", "t": "{{ type(a) == map }}"}),
        workflow(made("s", "subflow", flow=FLOW, **{"with": {"x": "{{ item }} {{ index }}"}}, over="[1]")),
        workflow(
            made("s", "subflow", flow={"nodes": [step("a", "{{ item }}")], "outputs": {"i": "{{ index }}"}}, over="[1]")
        ),
        workflow(made("a", "template", json=None)),
        workflow(
            made("a", "wait", seconds="input.s"),
            made("b", "wait", until="run.started_at"),
            made("c", "wait", seconds=0),
        ),
        workflow(made("a", "approval", question="?", deadline_s=5), step("b"), edges=edges("a.timeout b")),
        workflow(made("a", "http", url="https://example.com", headers={"X-Key": {"$secret": "KEY"}})),
        workflow(nested(4)),
    ],
)
def test_sound_workflows_have_no_problems(raw: Any):
    assert problems(raw) == []
    assert build(spec_of(raw))[0] is not None


def test_a_plan_exists_exactly_when_no_error_does():
    plan, found = build(spec_of(workflow(step("a"), step("b"), edges=edges("a b", "a zz"))))
    assert plan is None
    assert [p.severity for p in found] == ["error"]
    raw = workflow(route("r", "x"), step("a"), step("b", "{{ a.text }}"), edges=edges("r.x a", "a b", "r.else b"))
    plan, found = build(spec_of(raw))
    assert plan is not None
    assert [p.severity for p in found] == ["warning"]


def test_the_port_error_exists_where_it_is_wired():
    plan = plan_of(workflow(step("a"), step("b"), step("c"), edges=edges("a b", "a.error c")))
    assert plan.nodes["a"].ports == ("out", "error")
    assert plan.nodes["a"].picks
    assert plan.nodes["b"].ports == ("out",)
    assert not plan.nodes["b"].picks


def test_timeouts_come_from_the_shape_unless_given():
    plan = plan_of(workflow(step("a"), step("b", timeout_s=7)))
    assert (plan.nodes["a"].timeout_s, plan.nodes["b"].timeout_s) == (60, 7)


def test_notes_are_in_no_plan():
    assert list(plan_of(workflow(step("a"), made("n", "note", text="x"))).nodes) == ["a"]


def test_a_subflow_has_its_own_plan():
    plan = plan_of(workflow(made("s", "subflow", flow=FLOW)))
    assert plan.subflows["s"].outputs == {"y": "{{ inner.text }}"}
    assert list(plan.subflows["s"].nodes) == ["inner"]


def test_neighbours_of_a_faulty_step_are_judged_as_if_it_were_sound():
    raw = workflow(
        made("a", "nothing"), step("b", "{{ a.anything }}"), step("c", "{{ b.text }}"), edges=edges("a.some b", "b c")
    )
    assert codes(raw) == ["unknown_kind"]


def test_older_configs_are_upgraded(monkeypatch: pytest.MonkeyPatch):
    kind = type(registry()["template"])
    monkeypatch.setattr(kind, "v", 2)
    monkeypatch.setattr(kind, "upgrade", lambda self, config, v: {"text": config["words"]})
    assert codes(workflow(made("a", "template", words="x"))) == []
    assert codes(workflow({**made("a", "template", words="x"), "v": 2})) == ["unknown_field"]


# What follows repeats the definitions in the plainest way.


def after(plan: Plan, start: str) -> set[str]:
    seen: set[str] = set()
    work = [start]
    while work:
        for target in plan.targets(work.pop()):
            if target not in seen:
                seen.add(target)
                work.append(target)
    return seen


def waits(plan: Plan, m: str, j: str) -> bool:
    if j not in after(plan, m):
        return False
    return not (m in plan.alls and m in after(plan, j)) or plan.order[m] < plan.order[j]


@given(st.integers(0, 10**9), st.data())
def test_any_drawing_gives_problems_or_a_plan(seed: int, data: st.DataObject):
    raw = random_raw(seed, most=6)
    ids = [n["id"] for n in raw["nodes"]]
    ends = st.tuples(st.sampled_from(ids), st.sampled_from(ids), st.sampled_from(["out", "a", "else", "error"]))
    raw["edges"] = [edge(*e) for e in data.draw(st.lists(ends, max_size=12))]
    for n in raw["nodes"]:
        if n["kind"] == "template":
            n["config"] = {"text": f"{{{{ {data.draw(st.sampled_from(ids))} }}}}"}
    plan, found = build(spec_of(raw))
    assert (plan is None) == any(p.severity == "error" for p in found)


def some_plans(seed: int) -> Plan | None:
    return build(spec_of(random_raw(seed)))[0]


@given(st.integers(0, 10**9))
def test_reach_blocks_and_wakes_are_what_they_say(seed: int):
    plan = some_plans(seed)
    if plan is None:
        return
    for n in plan.nodes:
        assert {m for m in plan.nodes if plan.reaches(n, m)} == after(plan, n)
        assert {j for j in plan.alls if plan.blocks(n, j)} == {j for j in plan.alls if waits(plan, n, j)}
        for port, targets in plan.out[n].items():
            expected = {
                j
                for j in plan.alls & after(plan, n)
                if not any(t != j and t not in plan.anys and waits(plan, t, j) for t in targets)
            }
            assert set(plan.wakes[n, port]) == expected


@given(st.integers(0, 10**9))
def test_order_is_reverse_post_order_from_the_entries(seed: int):
    plan = some_plans(seed)
    if plan is None:
        return
    post: list[str] = []
    seen: set[str] = set()

    def visit(n: str) -> None:
        seen.add(n)
        for target in sorted(plan.targets(n), key=plan.bit.__getitem__, reverse=True):
            if target not in seen:
                visit(target)
        post.append(n)

    for entry in reversed(plan.entries):
        if entry not in seen:
            visit(entry)
    assert sorted(plan.order, key=plan.order.__getitem__) == post[::-1]
    for n in plan.nodes:
        for target in plan.targets(n):
            assert plan.order[n] < plan.order[target] or n in after(plan, target)


@given(st.integers(0, 10**9))
def test_a_plan_is_a_function_of_the_file(seed: int):
    raw = random_raw(seed)
    spec = spec_of(raw)
    plan, found = build(spec)
    again, found_again = build(spec_of(parse(canonical(spec))))
    assert found == found_again
    assert plan is None or again is None or (plan.wakes, plan.order) == (again.wakes, again.order)


def test_the_largest_workflow_can_be_planned():
    nodes, drawn = [step("s0")], []
    for n in range(650):
        nodes += [step(f"b{n}"), step(f"c{n}"), step(f"s{n + 1}", f"{{{{ b{n}.text + c{n}.text + s0.text }}}}")]
        drawn += edges(f"s{n} b{n}", f"s{n} c{n}", f"b{n} s{n + 1}", f"c{n} s{n + 1}")
    plan = plan_of(workflow(*nodes, edges=drawn))
    assert len(plan.order) == 1951
    assert problems(workflow(*nodes, edges=drawn)) == []


@pytest.mark.parametrize(
    ("nodes", "drawn", "join", "kind"),
    [
        ("abcj", ["a b", "a c", "b j", "c j"], "j", "list"),
        ("rbcj", ["r.x b", "r.else c", "b j", "c j"], "j", "plain"),
        ("shr", ["s h", "h r", "r.x h"], "h", "plain"),
        ("abrj", ["a b", "a r", "b j", "r.x j"], "j", "guarded"),
        ("abj", ["a j", "b j"], "j", "guarded"),
    ],
)
def test_joins_say_how_an_engine_may_carry_them(nodes: str, drawn: list[str], join: str, kind: str):
    raw = workflow(*(route(n, "x") if n == "r" else step(n) for n in nodes), edges=edges(*drawn))
    assert plan_of(raw).join_class == {join: kind}


class Sample(NodeConfig):
    text: Text
    many: list[Text] = Field(default_factory=list)
    maybe: Text | None = None
    plain: str = "{{ left }}"


def test_a_config_is_resolved_by_its_marks():
    scope = {"a": {"n": 1}}
    config = Sample(text="{{ a.n }}", many=["{{ a.n }}", "x"])
    assert resolve(config, scope) == {"text": "1", "many": ["1", "x"], "maybe": None, "plain": "{{ left }}"}
    each = made("s", "subflow", flow=FLOW, over="[a.n]", **{"with": {"x": "{{ item }}"}})
    resolved = resolve(plan_of(workflow(step("a"), each, edges=edges("a s"))).nodes["s"].config, scope)
    assert (resolved["over"], resolved["with"]) == ([1], {"x": "{{ item }}"})
    assert "flow" not in resolved


def test_problems_are_the_same_for_a_file_and_its_canonical_form():
    raw = workflow(step("a"), edges=edges("a zz"))
    spec, _ = read(raw)
    assert spec is not None
    assert problems(parse(canonical(spec))) == problems(raw)
