"""What a workflow is refused for: every problem code, its place, and the limits at and over the edge."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.contracts.client import Client
from tests.contracts.flows import asking, chain, edges, flow, node, value

CEL_WORDS = ["as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let",
    "loop", "namespace", "null", "package", "return", "true", "var", "void", "while"]  # fmt: skip


def step(**more: Any) -> dict[str, Any]:
    return flow({**node("n", text="x"), **more})


def loop(**more: Any) -> dict[str, Any]:
    return flow(node("a"), node("b"), node("c"), wires=("a > b", "b > c", "c > b"), **more)


def two_anys() -> dict[str, Any]:
    spec = flow(
        node("s"), node("x"), node("y"), node("c", "condition", cases=[{"port": "again", "when": "false"}]),
        wires=("s > x", "s > y", "x > y", "y > c", "c.again > x"),
    )  # fmt: skip
    for one in spec["nodes"][1:3]:
        one["join"] = "any"
    return spec


CASES: list[tuple[str, str | None, str | None, Any]] = [
    # code, node_id, field, spec
    ("unknown_field", None, "surprise", {**value("1"), "surprise": 1}),
    ("unknown_field", "n", "surprise", step(surprise=1)),
    ("unknown_field", "n", "config.surprise", flow(node("n", text="x", surprise=1))),
    ("unknown_field", None, "edges.0.label", {**chain(node("a"), node("b")),
        "edges": [{"source": "a", "target": "b", "label": "x"}]}),
    ("unknown_field", "n", "retry.tries", step(retry={"tries": 3})),
    ("unknown_field", "n", "config.auth.extra", flow(node("n", "http", url="https://x.example",
        auth={"type": "bearer", "token": {"$secret": "A"}, "extra": 1}))),
    ("wrong_type", None, None, []),
    ("wrong_type", None, "name", {**value("1"), "name": 5}),
    ("wrong_type", None, "nodes", {**value("1"), "nodes": {}}),
    ("wrong_type", None, "edges", {**value("1"), "edges": None}),
    ("wrong_type", None, "nexod", {**value("1"), "nexod": "1"}),
    ("wrong_type", None, "nexod", {**value("1"), "nexod": True}),
    ("wrong_type", "n", "config", flow({"id": "n", "kind": "template", "config": "x"})),
    ("wrong_type", "n", "config.text", flow(node("n", text=5))),
    ("wrong_type", "n", "config.temperature", flow(node("n", "llm", prompt="x", temperature="hot"))),
    ("wrong_type", "n", "max_visits", step(max_visits="3")),
    ("wrong_type", "n", "max_visits", step(max_visits=1.5)),
    ("wrong_type", "n", "timeout_s", step(timeout_s="60")),
    ("wrong_type", "n", "config.fail_on_status", flow(node("n", "http", url="https://x.example",
        fail_on_status="yes"))),
    ("missing_field", "n", "config.prompt", flow(node("n", "llm", system="x"))),
    ("missing_field", "n", "config.url", flow(node("n", "http", method="GET"))),
    ("missing_field", "n", "config.cases", flow({"id": "n", "kind": "condition", "config": {}})),
    ("missing_field", "n", "config.question", flow({"id": "n", "kind": "approval", "config": {}})),
    ("missing_field", "n", "config.flow", flow({"id": "n", "kind": "subflow", "config": {}})),
    ("missing_field", "n", "config.message", flow({"id": "n", "kind": "fail", "config": {}})),
    ("missing_field", "n", "config.text", flow({"id": "n", "kind": "template", "config": {}})),
    ("missing_field", "n", "config.seconds", flow({"id": "n", "kind": "wait", "config": {}})),
    ("missing_field", "n", "config.cases.0.when", flow(node("n", "condition", cases=[{"port": "yes"}]))),
    ("bad_value", "n", None, flow(node("n", text="x", json=1))),
    ("bad_value", "n", None, flow(node("n", "wait", seconds=1, until="run.started_at"))),
    ("bad_value", None, "name", {**value("1"), "name": ""}),
    ("bad_value", None, "target", {**value("1"), "target": "moon"}),
    ("bad_value", "n", "join", step(join="most")),
    ("bad_value", "n", "max_visits", step(max_visits=0)),
    ("bad_value", "n", "timeout_s", step(timeout_s=0)),
    ("bad_value", "n", "timeout_s", step(timeout_s=-1)),
    ("bad_value", "n", "retry.attempts", step(retry={"attempts": 0})),
    ("bad_value", "n", "retry.delay_s", step(retry={"delay_s": -1})),
    ("bad_value", "n", "config.method", flow(node("n", "http", url="https://x.example", method="BREW"))),
    ("bad_value", "n", "config.provider", flow(node("n", "llm", prompt="x", provider="oracle"))),
    ("bad_value", "n", "config.cases.0.port", flow(node("n", "condition", cases=[{"port": "Yes", "when": "true"}]))),
    ("bad_value", "n", "config.cases", flow(node("n", "condition", cases=[{"port": "else", "when": "true"}]))),
    ("bad_value", "n", "config.cases", flow(node("n", "condition", cases=[{"port": "error", "when": "true"}]))),
    ("bad_value", "n", "config.cases", flow(node("n", "condition",
        cases=[{"port": "a", "when": "true"}, {"port": "a", "when": "true"}]))),
    ("bad_value", "n", "config.cases", flow(node("n", "condition", cases=[]))),
    ("bad_value", "n", "config.code", flow(node("n", "fail", message="x", code="Not A Code"))),
    ("bad_value", "n", "config.json", flow(node("n", json={"a": {"$secret": "CANARY"}}))),
    ("bad_value", None, "outputs.v", {**value("1"), "outputs": {"v": {"$secret": "CANARY"}}}),
    ("bad_schema", None, "inputs", {**value("1"), "inputs": {"type": "string"}}),
    ("bad_schema", None, "inputs", {**value("1"), "inputs": {"type": "object",
        "properties": {"a": {"type": "strin"}}}}),
    ("bad_schema", None, "inputs", {**value("1"), "inputs": {"type": "object",
        "properties": {"a": {"$ref": "http://127.0.0.1:1/x.json"}}}}),
    ("bad_schema", None, "inputs", {**value("1"), "inputs": {"type": "object",
        "properties": {"a": {"$ref": "file:///etc/passwd"}}}}),
    ("bad_schema", None, "inputs", {**value("1"), "inputs": {"type": "object",
        "properties": {"a": {"$ref": "#/$defs/none"}}}}),
    ("bad_schema", None, "inputs", {**value("1"), "inputs": {"type": "object",
        "properties": {"a": {"pattern": "(?=x)"}}}}),
    ("bad_schema", None, "inputs", {**value("1"), "inputs": {"type": "object",
        "properties": {"a": {"pattern": "(a)\\1"}}}}),
    ("bad_schema", None, "inputs", {**value("1"), "inputs": {"type": "object", "properties": {"a": {"pattern": "("}}}}),
    ("bad_schema", "n", "config.output_schema", flow(node("n", "llm", prompt="x", output_schema={"type": "nope"}))),
    ("bad_schema", "ask", "config.schema", asking(schema={"type": 5})),
    ("unsupported_format", None, "nexod", {**value("1"), "nexod": 2}),
    ("unsupported_format", None, "nexod", {**value("1"), "nexod": 0}),
    ("unsupported_format", None, "nexod", {**value("1"), "nexod": -1}),
    ("unsupported_format", "n", "v", step(v=99)),
    ("duplicate_id", "n", "id", flow(node("n"), node("n"))),
    ("duplicate_edge", None, "edges.1", chain(node("a"), node("b")) | {"edges": edges("a > b", "a > b")}),
    ("dangling_edge", None, "edges.0.target", flow(node("a"), wires=("a > nobody",))),
    ("dangling_edge", None, "edges.0.source", flow(node("a"), wires=("nobody > a",))),
    ("unknown_kind", "n", "kind", flow({"id": "n", "kind": "nonsense", "config": {}})),
    ("unknown_kind", "n", "kind", flow({"id": "n", "kind": "Template", "config": {"text": "x"}})),
    ("unknown_port", "a", None, flow(node("a"), node("b"), wires=("a.side > b",))),
    ("unknown_port", "a", None, flow(node("a", "condition", cases=[{"port": "yes", "when": "true"}]), node("b"),
        wires=("a.out > b",))),
    ("unknown_port", "ask", None, flow(node("ask", "approval", question="?"), node("b"), wires=("ask.timeout > b",))),
    ("unknown_port", "a", None, flow(node("a", "fail", message="x"), node("b"), wires=("a > b",))),
    ("unknown_port", "a", None, flow(node("a", "note", text="x"), node("b"), wires=("a > b",))),
    ("unknown_port", "b", None, flow(node("a"), node("b", "note", text="x"), wires=("a > b",))),
    ("unreachable", "a", None, flow(node("s"), node("a", "condition", cases=[{"port": "x", "when": "true"}]),
        node("b"), wires=("a.x > b", "b > a"))),
    ("cycle_without_route", "b", None, loop()),
    ("ambiguous_join", "y", None, two_anys()),
    ("bad_expression", "n", "config.text", flow(node("n", text="{{ 1 + }}"))),
    ("bad_expression", "n", "config.text", flow(node("n", text="{{ unclosed"))),
    ("bad_expression", "n", "config.text", flow(node("n", text="{{ }}"))),
    ("bad_expression", "n", "config.text", flow(node("n", text="{{ now() }}"))),
    ("bad_expression", "n", "config.text", flow(node("n", text="{{ getenv('HOME') }}"))),
    ("bad_expression", "n", "config.text", flow(node("n", text="{{ input.a.open('x') }}"))),
    ("bad_expression", "n", "config.cases.0.when", flow(node("n", "condition",
        cases=[{"port": "yes", "when": "a ="}]))),
    ("bad_expression", "n", "config.until", flow(node("n", "wait", until="tomorrow(1)"))),
    ("bad_expression", "n", "config.over", flow(node("n", "subflow", over="[1,", flow=flow(node("x")) | {}))),
    ("bad_expression", "n", "config.json.a.0", flow(node("n", json={"a": ["{{ ( }}"]}))),
    ("bad_expression", "n", "config.headers.X-A", flow(node("n", "http", url="https://x.example",
        headers={"X-A": "{{ ) }}"}))),
    ("bad_expression", None, "outputs.v", {**value("1"), "outputs": {"v": "{{ 1 + }}"}}),
    ("bad_expression", "n", "config.text", flow(node("n", text="{{ " + "(" * 200 + "1" + ")" * 200 + " }}"))),
    ("bad_expression", "n", "config.text", flow(node("n", text="{{ size('" + "x" * 20_000 + "') }}"))),
    ("bad_expression", "n", "config.text", flow(node("n", text="{{ [" + "1," * 5000 + "1].size() }}"))),
    ("unknown_reference", "n", "config.text", flow(node("n", text="{{ nobody.text }}"))),
    ("unknown_reference", "n", "config.text", flow(node("n", text="{{ item }}"))),
    ("unknown_reference", "n", "config.text", flow(node("n", text="{{ index }}"))),
    ("unknown_reference", "a", "config.text", chain(node("a", text="{{ b.text }}"), node("b"))),
    ("unknown_reference", "a", "config.text", flow(node("a", text="{{ b.text }}"), node("b"))),
    ("unknown_reference", "a", "config.text", flow(node("a", text="{{ has(b.text) ? b.text : '' }}"), node("b"))),
    ("unknown_reference", "n", "config.text", flow(node("n", text="{{ c.text }}"), node("c", "note", text="x"))),
    ("unknown_reference", None, "outputs.v", {**value("1"), "outputs": {"v": "{{ nobody }}"}}),
    ("unknown_reference", None, "outputs.v", {**value("1"), "outputs": {"v": "{{ item }}"}}),
    ("too_deep", None, None, flow(node("n", json=json.loads("[" * 40 + "]" * 40)))),
    ("too_large", "n", "config.text", flow(node("n", text="x" * 65_537))),
    ("too_large", None, "description", {**value("1"), "description": "x" * 65_537}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "node_id", "field", "spec"), CASES)
def test_a_mistake_is_named_with_its_place(
    api: Client, code: str, node_id: str | None, field: str | None, spec: Any
) -> None:
    if "flow" in str(spec) and isinstance(spec, dict):
        for one in spec.get("nodes", []) if isinstance(spec.get("nodes"), list) else []:
            if isinstance(one, dict) and isinstance(one.get("config"), dict) and "flow" in one["config"]:
                one["config"]["flow"] = {k: v for k, v in one["config"]["flow"].items() if k in ("nodes", "edges")}
    problems = api.refused(spec, code)
    ours = [p for p in problems if p["code"] == code and p["severity"] == "error"]
    assert any(p["node_id"] == node_id for p in ours), problems
    if field is not None:
        assert any((p["field"] or "").startswith(field) for p in ours), problems
    assert all(p["message"].strip() and isinstance(p["hint"], str) for p in problems)


@pytest.mark.parametrize("word", [*CEL_WORDS, "input", "item", "index", "run"])
def test_reserved_words_are_no_ids(api: Client, word: str) -> None:
    api.refused(flow(node(word, text="x")), "bad_value")


@pytest.mark.parametrize("word", ["A", "1a", "_a", "a-b", "a.b", "", "ä", "a b", "a\n", " a", "a/b", "a#1"])
def test_an_id_is_a_plain_name(api: Client, word: str) -> None:
    api.refused(flow(node(word, text="x")), "bad_value")


@pytest.mark.parametrize(
    "word", ["a", "size", "string", "type", "state", "class", "def", "kickoff", "has", "matches", "int", "x" * 64]
)
def test_other_words_are_ids(api: Client, word: str) -> None:
    run = api.run(flow(node(word, json={"v": 1}), outputs={"v": f"{{{{ {word}.v }}}}"}))
    assert run["status"] == "completed" and run["outputs"] == {"v": 1}


def test_all_mistakes_are_told_at_once(api: Client) -> None:
    spec = flow(
        node("a", text="{{ nobody }}"), node("b", "nonsense"), node("c", text="{{ 1 + }}"), node("c"),
        wires=("a > ghost", "a.side > b"), surprise=1,
    )  # fmt: skip
    api.refused(spec, "unknown_field", "unknown_kind", "bad_expression", "duplicate_id")


def test_mistakes_in_a_subflow_have_their_path(api: Client) -> None:
    inner = {"nodes": [node("x", text="{{ outer.text }}"), node("y", "nonsense")], "edges": []}
    problems = api.refused(chain(node("outer"), node("sub", "subflow", flow=inner)), "unknown_reference")
    assert {(p["code"], p["node_id"]) for p in problems} >= {
        ("unknown_reference", "sub/x"), ("unknown_kind", "sub/y"),
    }  # fmt: skip


def test_import_and_put_find_the_same_as_post(api: Client) -> None:
    workflow_id = api.create(value("1"))
    for _, _, _, spec in CASES[::7]:
        posted = api.post("/workflows", spec, 422)["error"]["details"]
        imported = api.post("/workflows/import", spec, 422)["error"]["details"]
        put = api.send("PUT", f"/workflows/{workflow_id}", 422, json=spec, headers={"If-Match": "*"})["error"][
            "details"
        ]
        assert posted == imported == put


# Limits ------------------------------------------------------------------------------------------------------


def nested(levels: int, core: Any) -> Any:
    for _ in range(levels):
        core = [core]
    return core


@pytest.mark.parametrize("core", [1, "x", [], {}, {"a": 1}])
def test_a_file_nests_thirty_two_deep_and_no_deeper(api: Client, core: Any) -> None:
    # The file, nodes, the step and its config are four levels.
    own = 1 if isinstance(core, list | dict) else 0
    api.create(flow(node("n", json=nested(28 - own, core))))
    api.refused(flow(node("n", json=nested(29 - own, core))), "too_deep")


def test_fields_hold_64_kilobytes_and_no_more(api: Client) -> None:
    api.create(flow(node("n", text="x" * 65_536)))
    api.create(flow(node("n", text="ä" * 32_768)))
    api.refused(flow(node("n", text="ä" * 32_769)), "too_large")
    api.refused(flow(node("n", json=["x" * 40_000, "y" * 40_000])), "too_large")
    api.refused(flow(node("n", "llm", prompt="x", output_schema={"description": "x" * 70_000})), "too_large")


def many(count: int) -> dict[str, Any]:
    return chain(*(node(f"n{n}", text="x") for n in range(count)))


def test_two_thousand_steps_are_the_most_and_quick_to_check(api: Client) -> None:
    for count in (1000, 2000):
        began = time.monotonic()
        api.create(many(count))
        assert time.monotonic() - began < 5
    began = time.monotonic()
    api.refused(many(2001), "too_large")
    assert time.monotonic() - began < 1


def test_steps_in_subflows_count(api: Client) -> None:
    inner = {k: v for k, v in many(1500).items() if k in ("nodes", "edges")}
    api.create(flow(*many(499)["nodes"], node("sub", "subflow", flow=inner)))
    api.refused(flow(*many(500)["nodes"], node("sub", "subflow", flow=inner)), "too_large")


def test_four_thousand_edges_are_the_most(api: Client) -> None:
    def fan(count: int) -> dict[str, Any]:
        left, right = [f"l{n}" for n in range(64)], [f"r{n}" for n in range(64)]
        pairs = [(a, b) for a in left for b in right][:count]
        nodes = [node(n, text="x") for n in left + right]
        return {**flow(*nodes), "edges": [{"source": a, "port": "out", "target": b} for a, b in pairs]}

    api.create(fan(4000))
    api.refused(fan(4001), "too_large")


def test_hostile_texts_are_checked_within_a_second(api: Client) -> None:
    hostile = [
        flow(node("n", text="{{ " * 10_000)),
        flow(node("n", text="{{ 1 }}" * 9_000)),
        flow(node("n", text="{{" + "}" * 60_000)),
        flow(node("n", text='{{ "' + "\\" * 60_000)),
        flow(node("n", text="{{ " + "!" * 3000 + "true }}")),
        flow(node("n", text="{{ " + "-" * 3000 + "1 }}")),
        flow(node("n", text="{{ " + "a." * 1500 + "b }}")),
        flow(node("n", text="{{ " + "true ? 1 : " * 400 + "1 }}")),
        flow(node("n", text="{{ " + "[1,2].map(x, " * 20 + "x" + ")" * 20 + " }}")),
        {**value("1"), "inputs": {"type": "object", "properties": {"a": {"pattern": "(a+)+" * 2000 + "$"}}}},
        {**value("1"), "inputs": {"type": "object",
            "properties": {"a": {"pattern": "(((a{1,1000}){1,1000}){1,1000})"}}}},
        {**value("1"), "inputs": {"type": "object",
            "$defs": {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 8} for n in range(20)} | {"d20": {}},
            "properties": {"a": {"$ref": "#/$defs/d0"}}}},
        {**value("1"), "inputs": {"type": "object", "$ref": "#"}},
        {**value("1"), "inputs": {"type": "object", "properties": {"a": {"$ref": "#/properties/a"}}}},
    ]  # fmt: skip
    for spec in hostile:
        began = time.monotonic()
        response = api.raw("POST", "/workflows", json=spec)
        assert response.status_code in (201, 422), (response.text[:300], str(spec)[:200])
        assert time.monotonic() - began < 2, str(spec)[:200]


def test_a_pattern_on_a_hostile_text_is_linear(api: Client) -> None:
    spec = {**value("1"), "inputs": {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}}
    workflow_id = api.create(spec)
    began = time.monotonic()
    api.post(f"/workflows/{workflow_id}/runs", {"inputs": {"a": "a" * 60_000 + "!"}}, 422)
    assert time.monotonic() - began < 2


# Warnings, and what only a start refuses ---------------------------------------------------------------------


def test_a_named_provider_without_its_key_is_a_warning_until_a_run_starts(api: Client) -> None:
    made = api.post("/workflows", flow(node("n", "llm", prompt="x", provider="anthropic")), 201)
    (problem,) = made["problems"]
    assert (problem["code"], problem["severity"], problem["node_id"]) == ("missing_key", "warning", "n")
    found = api.post(f"/workflows/{made['id']}/runs", {"inputs": {}}, 422)
    assert [p["code"] for p in found["error"]["details"]] == ["missing_key"]
    assert api.get(f"/workflows/{made['id']}/runs")["items"] == []


def test_a_missing_key_deep_in_a_subflow_is_found_too(api: Client) -> None:
    inner = {"nodes": [node("n", "llm", prompt="x", provider="anthropic")], "edges": []}
    made = api.post("/workflows", flow(node("sub", "subflow", flow=inner)), 201)
    assert [(p["code"], p["node_id"]) for p in made["problems"]] == [("missing_key", "sub/n")]
    api.post(f"/workflows/{made['id']}/runs", {"inputs": {}}, 422)


def test_has_guards_its_reference(api: Client) -> None:
    def reads(text: str) -> list[str]:
        spec = flow(
            node("c", "condition", cases=[{"port": "yes", "when": "false"}]), node("a"), node("b", text=text),
            wires=("c.yes > a", "a > b", "c.else > b"),
        )  # fmt: skip
        return [p["code"] for p in api.post("/workflows", spec, 201)["problems"]]

    assert reads("{{ a.text }}") == ["may_not_have_run"]
    assert reads("{{ has(a.text) ? a.text : 'none' }}") == []
    assert reads("{{ has(a.text) }}") == []


def test_the_schema_of_the_format_is_json_schema(api: Client) -> None:
    schema = api.get("/schema/workflow")
    assert set(schema["required"]) == {"nexod", "name", "nodes"}
    assert "$schema" in schema


def test_node_types_tell_what_there_is(api: Client) -> None:
    kinds = {kind["kind"]: kind for kind in api.get("/node-types")["items"]}
    assert set(kinds) >= {"template", "llm", "http", "condition", "approval", "wait", "subflow", "fail", "note"}
    assert set(kinds["llm"]["config"]["properties"]) == {
        "prompt", "system", "provider", "model", "temperature", "max_tokens", "output_schema", "thread", "learn",
    }  # fmt: skip
    assert set(kinds["http"]["config"]["properties"]) == {
        "url", "method", "query", "headers", "body", "auth", "fail_on_status", "max_bytes", "effect",
    }  # fmt: skip
    assert set(kinds["approval"]["config"]["properties"]) == {"question", "content", "schema", "data", "deadline_s"}
    assert set(kinds["subflow"]["config"]["properties"]) == {"flow", "with", "over", "concurrency", "on_item_error"}
