"""The file: what goes in comes out, and what cannot be read is said, never raised."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Invalid, MalformedJson, NexodError, Problem, TooLarge
from engine.plan import problems
from engine.schema import errors
from engine.spec import RESERVED, WorkflowSpec, canonical, content_hash, dump, json_schema, parse, read
from tests.engine.flows import codes, edge, random_raw, route, spec_of, step, workflow

GOLDEN = Path(__file__).parent.parent / "golden"
names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(lambda n: n not in RESERVED)
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=15,
)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
specs = st.builds(
    dict,
    nexod=st.just(1),
    name=texts.filter(bool),
    description=texts,
    target=st.sampled_from(["langgraph", "crewai"]),
    nodes=st.lists(
        st.fixed_dictionaries(
            {"id": names, "kind": names, "config": st.dictionaries(texts, anything, max_size=3)},
            optional={
                "title": texts,
                "position": st.fixed_dictionaries({"x": st.integers(-99, 99) | st.floats(-99, 99), "y": st.just(0)}),
                "timeout_s": st.none() | st.floats(0.5, 9),
                "retry": st.fixed_dictionaries(
                    {}, optional={"attempts": st.integers(1, 9), "factor": st.integers(1, 3)}
                ),
                "join": st.sampled_from(["all", "any"]),
            },
        ),
        max_size=5,
    ),
    edges=st.lists(st.fixed_dictionaries({"source": names, "target": names}, optional={"port": names}), max_size=5),
    outputs=st.dictionaries(texts, anything, max_size=3),
)


def as_file(raw: Any) -> bytes:
    return json.dumps(raw).encode()


@given(specs)
def test_a_spec_survives_its_own_export(raw: dict[str, Any]):
    spec, found = read(raw)
    if spec is None:
        assert {p.code for p in found} <= {"bad_value"}, found
        return
    once = canonical(spec)
    again = spec_of(parse(once))
    assert again == spec
    assert canonical(again) == once
    assert content_hash(again) == content_hash(spec)
    assert canonical(spec_of(json.loads(json.dumps(dump(spec))))) == once


def test_export_is_one_fixed_text():
    """What format 1 looks like for ever."""
    spec = spec_of(parse((GOLDEN / "format-1-written.json").read_bytes()))
    assert canonical(spec) == (GOLDEN / "format-1.json").read_bytes()


def test_every_past_format_is_still_read():
    for file in sorted(GOLDEN.glob("format-*.json")):
        assert problems(parse(file.read_bytes())) == [], file.name


def test_the_order_of_keys_is_no_content():
    raw = workflow(step("a"), step("b"), edges=[edge("a", "b")])
    turned = dict(reversed(raw.items()))
    assert content_hash(spec_of(raw)) == content_hash(spec_of(turned))
    assert content_hash(spec_of(raw)) != content_hash(spec_of({**raw, "name": "Other"}))


def test_defaults_are_written_out():
    shown = dump(spec_of(workflow(step("a"), edges=[{"source": "a", "target": "a"}])))
    node = shown["nodes"][0]
    assert node["retry"] == {"attempts": 1, "delay_s": 1, "factor": 2, "max_delay_s": 60}
    assert (node["join"], node["max_visits"], node["v"], node["position"]) == ("all", 25, 1, {"x": 0, "y": 0})
    assert shown["edges"][0]["port"] == "out"
    assert "timeout_s" not in node
    assert "inputs" not in shown
    assert shown["target"] == "langgraph"


def test_the_published_schema_agrees_with_the_reader():
    schema = json_schema()
    assert errors(schema, workflow(step("a"))) == []
    assert errors(schema, workflow({**step("a"), "zz": 1}))
    assert errors(schema, workflow({**step("A")}))
    assert errors(schema, {"name": "x"})


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"nope", b"{'a': 1}", b'{"a": NaN}', b"[Infinity]", b"[-Infinity]", b"[1e999]", b'{"a": 1, "a": 2}',
        b'{"x": {"a": 1, "b": 2, "a": 3}}', b"\xff\xfe", b"[1,]", b"// x", b"[" + b"9" * 5000 + b"]", b"\x00",
    ],
)  # fmt: skip
def test_what_is_no_json_is_malformed(data: bytes):
    with pytest.raises(MalformedJson):
        parse(data)


def test_five_megabytes_are_the_most():
    with pytest.raises(TooLarge):
        parse(b"[" + b" " * 6_000_000 + b"]")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"[" * 5_000_000, "too_large"),
        (b"[" + b"[]," * 1_500_000 + b"[]]", "too_large"),
        (b"[" * 200_000, "too_deep"),
        (b'{"a":' * 200_000, "too_deep"),
        (b"[" * 2000 + b"]" * 2000, "too_deep"),
    ],
)
def test_a_bomb_of_brackets_is_refused(data: bytes, code: str):
    with pytest.raises(Invalid) as refused:
        parse(data)
    assert refused.value.details[0]["code"] == code


@pytest.mark.parametrize(
    "data",
    [
        b"[" + b"[]," * 200_000 + b"[]]",
        b'{"nexod": 1, "name": "x", "nodes": [' + b"{}," * 200_000 + b"{}]}",
        b'{"nexod": 1, "name": "x", "nodes": [], "inputs": {"a": [' + b"1," * 2_000_000 + b"1]}}",
        b'{"nexod": 1, "name": "x", "nodes": [], "outputs": {'
        + b",".join(b'"%d": 1' % n for n in range(400_000))
        + b"}}",
        b'{"nexod": 1, "name": "' + b"x" * 4_900_000 + b'", "nodes": []}',
    ],
)
def test_a_large_file_is_refused_with_a_problem(data: bytes):
    assert problems(parse(data))


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode) | anything.map(as_file))
def test_any_bytes_give_a_value_or_a_typed_error(data: bytes):
    try:
        found = problems(parse(data))
    except NexodError as e:
        assert e.status in (400, 413, 422)
    else:
        assert all(isinstance(p, Problem) for p in found)


@given(anything)
def test_any_value_gives_problems_or_a_spec(raw: Any):
    spec, found = read(raw)
    assert (spec is None) == bool(found)


def spoilt(raw: Any, data: st.DataObject) -> Any:
    """`raw` with one place replaced by anything."""
    if data.draw(st.integers(0, 5)) == 0 or not isinstance(raw, dict | list) or not raw:
        return data.draw(anything | st.sampled_from([10**400, -1, "{{", "{{ 1 +", "\ud800", 1.5, True, [], {}]))
    if isinstance(raw, dict):
        key = data.draw(st.sampled_from(sorted(raw)))
        return {**raw, key: spoilt(raw[key], data)}
    place = data.draw(st.integers(0, len(raw) - 1))
    return [spoilt(item, data) if n == place else item for n, item in enumerate(raw)]


@given(st.data(), st.integers(0, 1000))
def test_a_spoilt_workflow_gives_problems_and_never_an_exception(data: st.DataObject, seed: int):
    raw = parse((GOLDEN / "format-1-written.json").read_bytes()) if seed % 2 else random_raw(seed, most=4)
    for _ in range(data.draw(st.integers(1, 3))):
        raw = spoilt(raw, data)
    for problem in problems(raw):
        assert problem.code
        assert problem.message
        json.dumps(problem.to_json()).encode()


def test_five_and_text_five_differ():
    for place, value in (
        ("max_visits", "5"),
        ("max_visits", 5.0),
        ("max_visits", True),
        ("timeout_s", "5"),
        ("v", 1.0),
    ):
        assert codes(workflow(step("a", **{place: value}))) == ["wrong_type"], place
    assert codes(workflow(step("a", timeout_s=5, position={"x": 1, "y": 2.5}))) == []


@pytest.mark.parametrize("word", [*sorted(RESERVED), "A", "1a", "a-b", "a b", "", "é", "a\n", "a" * 65, "_a"])
def test_ids_that_expressions_could_not_name_are_refused(word: str):
    found = problems(workflow(step(word)))
    assert [p.field for p in found] == ["nodes.0.id"]
    assert found[0].code in ("bad_value", "too_large")


def test_the_place_of_a_fault_is_its_step_and_field():
    raw = workflow(step("a", retry={"attempts": 0}), {"id": "b", "kind": "template"}, edges=[{"source": "a"}])
    assert [(p.code, p.node_id, p.field) for p in problems(raw)] == [
        ("bad_value", "a", "retry.attempts"),
        ("missing_field", "b", "config"),
        ("missing_field", None, "edges.0.target"),
    ]


def test_faults_of_all_sorts_are_told_at_once():
    raw = workflow(
        {**step("a"), "zz": 1},
        {"id": "b", "kind": "nope", "config": {}},
        step("c", "{{ 1 + }}"),
        route("d", "x", "x"),
        {"id": "e", "kind": 3, "config": {}},
        edges=[edge("a", "c", "nope")],
        extra=True,
    )
    assert set(codes(raw)) == {"unknown_field", "unknown_kind", "bad_expression", "bad_value", "wrong_type"}


def test_a_spec_cannot_be_changed():
    spec = spec_of(workflow(step("a")))
    with pytest.raises(ValueError, match="frozen"):
        spec.name = "x"  # type: ignore[misc]
    assert isinstance(spec, WorkflowSpec)
