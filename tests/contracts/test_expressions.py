"""Text and expressions: what a text becomes, what a name stands for, what cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.client import Client
from tests.contracts.flows import chain, flow, inputs, node, value

DATA: dict[str, Any] = {
    "s": "text", "n": 7, "f": 1.5, "z": 0.0, "t": True, "no": None, "l": [1, "two", None],
    "o": {"b": 1, "a": {"x": "y"}},
    "e": "", "u": "ä😀",
}  # fmt: skip


def given(*nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A workflow whose first step `d` has DATA for an output."""
    return chain(node("d", json=DATA), *nodes, **more)


def rendered(api: Client, *texts: Any) -> list[Any]:
    """What each text becomes in a field of values."""
    run = api.run(given(node("n", json=list(texts)), outputs={"v": "{{ n }}"}))
    assert run["status"] == "completed", run["error"]
    return run["outputs"]["v"]


def spelled(api: Client, *texts: str) -> list[str]:
    """What each text becomes in a text field."""
    steps = [node(f"n{n}", text=text) for n, text in enumerate(texts)]
    run = api.run(given(*steps, outputs={"v": [f"{{{{ n{n}.text }}}}" for n in range(len(texts))]}))
    assert run["status"] == "completed", run["error"]
    return run["outputs"]["v"]


def test_text_fields_always_become_text(api: Client) -> None:
    assert spelled(
        api, "{{ d.s }}", "{{ d.n }}", "{{ d.f }}", "{{ d.t }}", "{{ d.no }}", "{{ d.l }}", "{{ d.o }}", "{{ d.e }}",
        "a{{ d.no }}b", "[{{ d.l }}]", "{{ d.s }}{{ d.n }}", "{{d.s}}", "{{ d.u }}", "plain", "{ {d.s} }", "{{ {} }}",
        "{{ [] }}", "{{ '' }}", "a\n{{ d.s }}\n", "}}", "} }",
    ) == [
        "text", "7", "1.5", "true", "", '[1,"two",null]', '{"b":1,"a":{"x":"y"}}', "", "ab", '[[1,"two",null]]',
        "text7",
        "text", "ä😀", "plain", "{ {d.s} }", "{}", "[]", "", "a\ntext\n", "}}", "} }",
    ]  # fmt: skip


def test_a_lone_segment_keeps_its_type_in_values(api: Client) -> None:
    assert rendered(
        api, "{{ d.n }}", "{{ d.f }}", "{{ d.t }}", "{{ d.no }}", "{{ d.l }}", "{{ d.o }}", "{{ d.s }}", "{{d.n}}",
        "{{ d.n }} ", " {{ d.n }}", "{{ d.n }}{{ d.n }}", "x{{ d.no }}", "{{ d.l[0] + 1 }}", 5, None, True,
        [["{{ d.n }}"]],
        {"k": "{{ d.l }}", "{{ d.s }}": 1},
    ) == [
        7, 1.5, True, None, [1, "two", None], DATA["o"], "text", 7, "7 ", " 7", "77", "x", 2, 5, None, True, [[7]],
        {"k": [1, "two", None], "{{ d.s }}": 1},
    ]  # fmt: skip


def test_braces_inside_strings_and_maps_end_no_segment(api: Client) -> None:
    assert rendered(
        api, "{{ '}}' }}", '{{ "}}" + d.s }}', "{{ {'a': {'b': d.n}} }}", "{{ {'a': {'b': d.n}}.a.b }}", "{{ '{{' }}",
        "{{ '\\'}}' }}", "{{ r'\\}}' }}", '{{ """a}}"b""" }}', "a{{ {'x': '}}'}.x }}b{{ d.n }}", "{{ {'a': {}} }}",
        "{{{'a': 1}}}",
    ) == [
        "}}", "}}text", {"a": {"b": 7}}, 7, "{{", "'}}", "\\}}", 'a}}"b', "a}}b7", {"a": {}}, {"a": 1},
    ]  # fmt: skip


def test_what_a_text_inserts_is_not_read_again(api: Client) -> None:
    run = api.run(
        chain(node("a", text="{{ '{{ input.x }}' }}"), node("b", text="{{ a.text }}"), outputs={"v": "{{ b.text }}"})
    )
    assert run["outputs"] == {"v": "{{ input.x }}"}


def test_expressions_compute(api: Client) -> None:
    assert rendered(
        api, "{{ 1 + 2 * 3 }}", "{{ d.n > 5 && d.s == 'text' }}", "{{ d.l.size() }}", "{{ size(d.s) }}",
        "{{ d.l.filter(x, x != null).map(x, string(x)) }}", "{{ 'two' in d.l }}", "{{ 'b' in d.o }}",
        "{{ d.t ? 'yes' : 'no' }}", "{{ d.s.startsWith('te') }}", "{{ d.s.matches('^t.*t$') }}", "{{ d.o['b'] }}",
        "{{ 7 / 2 }}", "{{ 7.0 / 2.0 }}", "{{ 7 % 4 }}", "{{ double(d.n) / 2.0 }}", "{{ int('5') }}",
        "{{ string(1.5) }}",
        "{{ d.l.exists(x, x == 1) }}", "{{ [3, 1, 2].all(x, x > 0) }}", "{{ !d.t }}", "{{ -d.n }}", "{{ d.u.size() }}",
        "{{ timestamp('2026-01-02T03:04:05Z').getFullYear() }}", "{{ has(d.o.a) }}", "{{ has(d.o.zz) }}",
        "{{ d.no == null }}", "{{ string(d.t) }}",
    ) == [
        7, True, 3, 4, ["1", "two"], True, True, "yes", True, True, 1, 3, 3.5, 3, 3.5, 5, "1.5", True, True, False,
        -7, 2,
        2026, True, False, True, "true",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "expression",
    ["d.nothing", "d.o.a.x.y", "d.s + 1", "d.l[99]", "1 / 0", "d.no.x", "d.n + d.f", "int('x')", "d.s && true",
     "9223372036854775807 + 1", "d['zz']", "timestamp('x')"],
)  # fmt: skip
def test_an_expression_that_fails_fails_its_step(api: Client, expression: str) -> None:
    run = api.run(given(node("n", json="{{ " + expression + " }}")))
    assert run["status"] == "failed"
    assert run["error"]["code"] == "bad_expression" and run["error"]["node_id"] == "n" and run["error"]["message"]
    assert run["nodes"]["n"]["status"] == "failed"


def test_a_wired_failure_reads_as_the_steps_error(api: Client) -> None:
    spec = flow(
        node("bad", text="{{ input.x.y }}"),
        node("c", "condition", cases=[{"port": "right", "when": "bad.error.code == 'bad_expression'"}]),
        node("n", text="{{ bad.error.code }}: {{ bad.error.message.size() > 0 }}"),
        wires=("bad.error > c", "c.right > n"), inputs=inputs(x="object"), outputs={"v": "{{ n.text }}"},
    )  # fmt: skip
    run = api.run(spec, x={})
    assert run["status"] == "completed" and run["outputs"] == {"v": "bad_expression: true"}
    assert run["nodes"]["bad"]["status"] == "failed"
    assert api.event(run["id"], "node_failed")["payload"]["error"]["code"] == "bad_expression"


def test_an_ancestor_that_has_not_run_reads_as_empty(api: Client) -> None:
    def reading(text: str) -> dict[str, Any]:
        spec = flow(
            node("c", "condition", cases=[{"port": "yes", "when": "false"}]), node("a", text="A"),
            node("b", json=text) | {"join": "any"}, wires=("c.yes > a", "a > b", "c.else > b"),
            outputs={"v": "{{ b }}"},
        )  # fmt: skip
        return api.run(spec)

    assert reading("{{ has(a.text) }}")["outputs"] == {"v": False}
    assert reading("{{ has(a.text) ? a.text : 'none' }}")["outputs"] == {"v": "none"}
    assert reading("{{ a }}")["outputs"] == {"v": {}}
    assert reading("{{ a == {} }}")["outputs"] == {"v": True}
    failed = reading("{{ a.text }}")
    assert failed["status"] == "failed" and failed["error"]["code"] == "bad_expression"


def test_a_reader_sees_its_own_causal_past(api: Client) -> None:
    """In a loop the side branch of each round reads the visit of its own round."""
    spec = flow(
        node("start"), node("n", json={"i": "{{ has(n.i) ? n.i + 1 : 1 }}"}) | {"join": "any"},
        node("c", "condition", cases=[{"port": "again", "when": "n.i < 4"}]), node("side", json="{{ n.i }}"),
        wires=("start > n", "n > c", "c.again > n", "n > side"), outputs={"i": "{{ n.i }}", "side": "{{ side }}"},
    )  # fmt: skip
    run = api.run(spec)
    assert run["outputs"] == {"i": 4, "side": 4} and run["nodes"]["side"]["visits"] == 4
    sides = [
        e["payload"]["output"] for e in api.events(run["id"]) if (e["type"], e["node_id"]) == ("node_completed", "side")
    ]
    assert sides == [1, 2, 3, 4]


def test_run_and_input_can_be_read_everywhere(api: Client) -> None:
    spec = chain(
        node("n", json={"id": "{{ run.id }}", "at": "{{ run.started_at }}", "all": "{{ input }}"}),
        inputs={"type": "object", "properties": {"a": {}, "b": {}}}, outputs={"v": "{{ n }}", "id": "{{ run.id }}"},
    )  # fmt: skip
    run = api.run(spec, a=[1], b=None)
    assert run["outputs"]["id"] == run["id"] and run["outputs"]["v"]["id"] == run["id"]
    assert run["outputs"]["v"]["at"] == run["started_at"] and run["outputs"]["v"]["all"] == {"a": [1], "b": None}


# Outputs of the workflow -------------------------------------------------------------------------------------


def half(**outputs: Any) -> dict[str, Any]:
    return flow(
        node("c", "condition", cases=[{"port": "yes", "when": "false"}]), node("a", json={"x": 1}),
        node("b", json={"x": 2}),
        node("empty", json={}), wires=("c.yes > a", "c.else > b"), outputs=outputs,
    )  # fmt: skip


def test_an_output_whose_step_has_not_run_is_null(api: Client) -> None:
    run = api.run(
        half(
            a="{{ a.x }}",
            b="{{ b.x }}",
            both="{{ a.x + b.x }}",
            text="got {{ a.x }}",
            safe="{{ has(a.x) ? a.x : 0 }}",
            whole="{{ a }}",
            nested={"deep": ["{{ a.x }}"]},
            plain=5,
            typed=["{{ b.x }}"],
            nothing=None,
        )
    )
    assert run["status"] == "completed"
    assert run["outputs"] == {
        "a": None, "b": 2, "both": None, "text": None, "safe": 0, "whole": {}, "nested": None, "plain": 5, "typed": [2],
        "nothing": None,
    }  # fmt: skip
    assert run["nodes"]["a"]["status"] == "skipped"


@pytest.mark.parametrize("output", ["{{ b.nothing }}", "{{ 1 / 0 }}", "{{ empty.x }}", "{{ b.x + 'x' }}"])
def test_an_output_that_fails_for_another_reason_fails_the_run(api: Client, output: str) -> None:
    run = api.run(half(v=output))
    assert run["status"] == "failed" and run["error"]["code"] == "bad_expression" and run["error"]["node_id"] is None
    assert run["outputs"] is None


# Two engines, one meaning ------------------------------------------------------------------------------------


def test_functions_outside_cel_and_ours_are_found_when_saved(api: Client) -> None:
    for call in (
        "now()",
        "uuid()",
        "random()",
        "http('x')",
        "env.get('X')",
        "eval('1')",
        "input.x.format('y')",
        "open('/etc/passwd')",
    ):
        api.refused(value(call), "bad_expression")


def test_no_expression_runs_away(api: Client) -> None:
    grow = "{{ [1,2,3,4,5,6,7,8,9,10].map(a, [1,2,3,4,5,6,7,8,9,10].map(b, [1,2,3,4,5,6,7,8,9,10].map(c, input.s))) }}"
    spec = flow(node("n", json=grow), inputs=inputs(s="string"))
    run = api.run(spec, s="x" * 5_000)
    assert run["status"] == "failed" and run["error"]["code"] in ("too_large", "bad_expression")
    assert api.run(value("1"))["status"] == "completed"
