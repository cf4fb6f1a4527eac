"""JSON Schemas of users: checked offline, in linear time, and small enough when unfolded."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from typing import Any

import pytest

from engine.schema import check, errors


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "properties": {"a": {"type": "string", "pattern": "^a+$"}}, "required": ["a"]},
        {"$ref": "#/$defs/a", "$defs": {"a": {"type": "integer"}}},
        {"type": "object", "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "type": "integer"},
        {"properties": {"$ref": {"type": "string"}}},
        {"enum": [{"$ref": "http://example.com"}]},
        {"format": "email", "x-anything": {"a": 1}},
    ],
)
def test_ordinary_schemas_are_fine(schema: dict[str, Any]):
    assert check(schema) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "strin"},
        {"properties": 3},
        {"$ref": "http://example.com/a"},
        {"$ref": "file:///etc/passwd"},
        {"$ref": "other.json"},
        {"properties": {"a": {"items": {"$dynamicRef": "http://example.com/a"}}}},
        {"$id": "http://example.com/", "$ref": "other"},
        {"$ref": "#/$defs/none"},
        {"$ref": 3},
        {"pattern": "(?=a)b"},
        {"pattern": "(a)\\1"},
        {"pattern": "["},
        {"patternProperties": {"(?<=a)b": {}}},
        {"$schema": "http://example.com/schema"},
        {"required": "a"},
    ],
)
def test_others_are_refused(schema: dict[str, Any]):
    assert check(schema)


def test_a_schema_is_an_object():
    assert check([]) == check(True) == check("x") == ["a JSON Schema is an object."]


def test_errors_name_their_place():
    schema = {"type": "object", "required": ["b"], "properties": {"a": {"items": {"type": "integer"}}}}
    found = errors(schema, {"a": [1, "x"]})
    assert [e["field"] for e in found] == ["a.1", ""] or [e["field"] for e in found] == ["", "a.1"]
    assert any("integer" in e["message"] for e in found)
    assert errors(schema, {"a": [1], "b": None}) == []


def doubling(levels: int) -> dict[str, Any]:
    names = [f"a{n}" for n in range(levels)]
    defs: dict[str, Any] = {n: {"anyOf": [{"$ref": f"#/$defs/{m}"}] * 2} for n, m in pairwise(names)}
    return {"$defs": {**defs, names[-1]: {"type": "string"}}, "$ref": "#/$defs/a0"}


def chain(links: int) -> dict[str, Any]:
    defs: dict[str, Any] = {f"a{n}": {"$ref": f"#/$defs/a{n + 1}"} for n in range(links)}
    return {"$defs": {**defs, f"a{links}": {}}, "$ref": "#/$defs/a0"}


def test_a_schema_that_unfolds_without_end_is_refused():
    assert check(doubling(5)) == []
    assert check(doubling(40))


@pytest.mark.parametrize(
    "schema",
    [
        "chain(2000)", "{'$ref': '#'}", "{'allOf': [{'$ref': '#'}]}",
        "{'$defs': {'a': {'$ref': '#/$defs/b'}, 'b': {'$ref': '#/$defs/a'}}, '$ref': '#/$defs/a'}",
        "{'not': {'$ref': '#'}}",
    ],
)  # fmt: skip
def test_references_in_circles_and_chains_crash_nothing(schema: str):
    code = f"from tests.engine.test_schema import *; s = {schema}; check(s) or errors(s, {{'a': [1]}}); print('fine')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "fine\n", done.stderr[-500:]
