"""CEL in texts: where segments end, what they read, what they become."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import NodeError
from engine.expressions import compile_expression, compile_template, evaluate, render, render_value
from engine.expressions.text import BadExpression

SCOPE: dict[str, Any] = {
    "input": {"topic": "tea", "n": 3, "half": 0.5, "none": None, "list": [1, "a", {"b": 2.5}], "yes": True},
    "draft": {"text": "A draft"},
    "later": {},
    "run": {"id": "r1", "started_at": "2026-01-01T00:00:00Z"},
}
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("plain", "plain"),
        ("", ""),
        ("{ not } a {segment}", "{ not } a {segment}"),
        ("About {{ input.topic }}.", "About tea."),
        ("{{input.topic}}{{ draft.text }}", "teaA draft"),
        ("{{ input.none }}", ""),
        ("{{ input.n }} {{ input.half }} {{ input.yes }}", "3 0.5 true"),
        ("{{ input.list }}", '[1,"a",{"b":2.5}]'),
        ('{{ "}}" }}', "}}"),
        ("{{ '}}' + r'\\' + \"{{\" }}", "}}\\{{"),
        ('{{ """a}}"b""" }}!', 'a}}"b!'),
        ('{{ {"a": {"b": 1}}.a.b }}', "1"),
        ('{{ {"a": {"b": 1}}}}', '{"a":{"b":1}}'),
        ("{{ input.topic // don't stop }}.", "tea."),
        ('{{ has(later.text) ? later.text : "none" }}', "none"),
        ("{{ [1, 2].map(x, string(x * 2)).join('-') }}", "2-4"),
        ('{{ {"b": 1, "a": {"d": 1, "c": 2}} }}', '{"a":{"c":2,"d":1},"b":1}'),
        ("é{{ 'ü' }}☕", "éü☕"),
        ("{{ \n input.topic \n }}", "tea"),
        ('{{ "{{" }}', "{{"),
    ],
)
def test_a_text_becomes_text(text: str, made: str):
    assert render(text, SCOPE) == made


@given(json_values)
def test_a_lone_segment_keeps_value_and_type(value: Any):
    made = render_value({"a": ["{{ input.x }}"], "b": 1}, {"input": {"x": value}})
    assert json.dumps(made) == json.dumps({"a": [value], "b": 1})


@given(json_values)
def test_values_pass_through_cel_unchanged_with_their_keys_in_order(value: Any):
    assert json.dumps(evaluate("[input.x][0]", {"input": {"x": value}})) == json.dumps(value, sort_keys=True)


@given(st.text())
def test_text_without_braces_is_left_alone(text: str):
    assert render(text, SCOPE) == text or "{{" in text


def test_large_integers_stay_exact():
    assert evaluate("input.x", {"input": {"x": 2**70 + 1}}) == 2**70 + 1


def test_secrets_are_left_as_they_are():
    value = {"a": {"$secret": "KEY"}, "b": "{{ input.n }}"}
    assert render_value(value, SCOPE) == {"a": {"$secret": "KEY"}, "b": 3}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7),
        ("input.n > 2.5 && input.topic == 'tea'", True),
        ("double(input.n) * 1.5", 4.5),
        ("timestamp('2026-05-01T09:00:00+02:00')", "2026-05-01T07:00:00Z"),
        ("timestamp('2026-05-01T09:00:00Z') + duration('90m')", "2026-05-01T10:30:00Z"),
        ("duration('90s')", "90s"),
        ("b'hi'", "aGk="),
        ("{1: 'a'}", {"1": "a"}),
        ("type(input.n) == int", True),
        ("'Tea'.lowerAscii() + upperAscii('x') + ' y '.trim()", "teaXy"),
        ("'a,b'.split(',')", ["a", "b"]),
        ("[3, 1, 2].max() + min(5, 4)", 7),
        ("round(2.5) + floor(-1.5) + ceil(0.1) + abs(-4)", 6),
        ("input.list.filter(x, type(x) == int).all(x, x > 0)", True),
        ("size(input.list)", 3),
        ("citations('a [1][2], [3, 5-6] [1]')", [1, 2, 3, 5, 6]),
        ("citations('【1】 [^2] [ 3 ] [Source 4] [5, page 12] [99999]')", [1, 2, 3, 4, 5, 99999]),
        ("citations('(1) [Figure 2] [S3] [4 days] [5')", []),
    ],
)
def test_expressions_answer_json(text: str, value: Any):
    assert evaluate(text, SCOPE) == value
    assert type(evaluate(text, SCOPE)) is type(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("input.n + 0.5", "double(x)"),
        ("input.zz", "has()"),
        ("input.list[9]", "has()"),
        ("later.text", "has()"),
        ("1 / 0", "Check"),
        ("0.0 / 0.0", "Check"),
        ("string(input.list)", "types"),
        ("input.topic.matches('[')", "Check"),
        ("9223372036854775807 + 1", "Check"),
        ("round('x')", "Check"),
    ],
)
def test_what_fails_says_what_helps(text: str, said: str):
    with pytest.raises(NodeError) as failed:
        evaluate(text, SCOPE)
    assert failed.value.code == "bad_expression"
    assert said in failed.value.hint
    assert text in failed.value.message


@pytest.mark.parametrize(
    "text",
    [
        "", "  ", "1 +", "a b", "now()", "getenv('X')", "x.now()", "'open", "(((", "a ? b", "[" * 60 + "]" * 60,
        "1" + "+1" * 2000, "x" * 5000, "[" + "1," * 600 + "1]", "x.map(a, x.map(b, x.map(c, x.map(d, d))))",
        "!" * 20000, "a" + ".b" * 3000, "\x00", "{{", "x.map(i, now())",
    ],
)  # fmt: skip
def test_bad_expressions_are_found_without_running(text: str):
    with pytest.raises(BadExpression):
        compile_expression(text)


@pytest.mark.parametrize("text", ["{{", "a {{ b", "{{ }}", "{{ 'a }}", "{{ {'a': 1 }}", "{{ a }} {{ 1 + }}"])
def test_bad_segments_are_found_without_running(text: str):
    with pytest.raises(BadExpression):
        compile_template(text)


@pytest.mark.parametrize(
    ("text", "names", "unguarded"),
    [
        ("{{ draft.text }} {{ input.x }}", "draft input", "draft input"),
        ("{{ xs.map(x, x + y) }}", "xs y", "xs y"),
        ("{{ xs.map(x, x.exists(y, y == x)) }} {{ y }}", "xs y", "xs y"),
        ("{{ [1].map(draft, draft) }}", "", ""),
        ("{{ has(a.b) ? a.b : c }}", "a c", "c"),
        ("{{ has(a.b) }} {{ a.b }}", "a", "a"),
        ("{{ 'a.b' + x['c'] }}", "x", "x"),
        ('{{ {"k": v, w: 1} }}', "v w", "v w"),
        ("{{ a.map.filter }}", "a", "a"),
        ("{{ size(a) + b.size() }}", "a b", "a b"),
        ("{{ a // b }}", "a", "a"),
        ("{{ true && null == in_ }}", "in_", "in_"),
        ("{{ r'x' + b }}", "b", "b"),
    ],
)
def test_references_are_what_is_read_from_outside(text: str, names: str, unguarded: str):
    template = compile_template(text)
    assert template.references == set(names.split())
    assert template.unguarded == set(unguarded.split())


@given(st.text(alphabet="ab.(){}[]'\"\\/r1 ,:?+&|!<=x\n", max_size=40))
def test_any_text_compiles_or_is_refused(text: str):
    for compiled in (compile_template, compile_expression):
        try:
            compiled(text)
        except BadExpression as e:
            assert e.fault
            assert e.cure


@given(st.text(alphabet="ab.(){}[]'\"\\1 ,:?+&|!<=\n", max_size=30))
def test_what_compiles_answers_json_or_a_typed_error(text: str):
    try:
        compile_expression(text)
    except BadExpression:
        return
    try:
        json.dumps(evaluate(text, {"a": {"b": [1]}, "b": "x"}), allow_nan=False)
    except NodeError as e:
        assert e.code == "bad_expression"


def test_a_text_cannot_grow_without_end():
    with pytest.raises(NodeError, match="4 MB"):
        render("{{ input.x }}" * 100, {"input": {"x": "x" * 100_000}})
