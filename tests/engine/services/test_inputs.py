"""What a run is given."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import Invalid
from engine.services.inputs import accept

DECLARED = {
    "type": "object",
    "properties": {"topic": {"type": "string"}, "words": {"type": "integer", "default": 100}},
    "required": ["topic"],
}


def fields(given: Any, declared: dict[str, Any] | None = None) -> set[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        accept(DECLARED if declared is None else declared, given)
    return {(problem["field"], problem["code"]) for problem in refused.value.details}


def test_defaults_fill_what_was_left_out():
    assert accept(DECLARED, {"topic": "tea"}) == {"topic": "tea", "words": 100}


def test_each_missing_mistyped_and_undeclared_input_is_named():
    assert fields({"words": "many", "graph": {}}) == {
        ("inputs.topic", "missing_field"),
        ("inputs.words", "bad_value"),
        ("inputs.graph", "unknown_field"),
    }


def test_without_a_declaration_nothing_may_be_given():
    assert accept(None, {}) == {}
    assert fields({"x": 1}, {}) == {("inputs.x", "unknown_field")}


def test_inputs_are_an_object():
    for given in (None, [], "x", 1):
        assert fields(given) == {("inputs", "wrong_type")}


def test_a_declaration_may_open_the_door():
    assert accept({"type": "object", "additionalProperties": True}, {"x": 1}) == {"x": 1}
