"""Every kind has a form that is made of its schema."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components import form
from engine.services import catalog

KINDS, TOOLS = catalog.node_types(), catalog.tools()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["kind"])
def test_a_form_has_a_field_for_everything_in_the_config(kind: dict[str, Any]) -> None:
    drawn = json.dumps(form.kind_form(kind["kind"], kind["config"], TOOLS).render())
    for name in kind["config"].get("properties", {}):
        assert f"config.{name}" in drawn


def test_a_widget_that_is_not_known_becomes_a_json_field() -> None:
    drawn = form.field(("config", "odd"), {"title": "Odd", "widget": "hologram"})
    assert type(drawn).__name__ == "TextArea"
    assert "any" in str(drawn.render()["props"])


@pytest.mark.parametrize("kind", ["agent", "crew", "tool"])
def test_every_setting_of_every_tool_has_a_field(kind: str) -> None:
    schema = next(one["config"] for one in KINDS if one["kind"] == kind)
    drawn = json.dumps(form.kind_form(kind, schema, TOOLS).render())
    for tool in TOOLS:
        for name in tool["config"].get("properties", {}):
            assert f"config.{name}" in drawn
        for name in tool["parameters"]["properties"] if kind == "tool" else ():
            assert f"config.args.{name}" in drawn


def test_an_argument_takes_an_expression_whatever_its_type() -> None:
    drawn = [form.argument(("config", "args", "x"), {"title": "X", "type": kind}) for kind in ("string", "integer")]
    assert [one.render()["name"] for one in drawn] == ["BoundText", "BoundText"]
    either = form.argument(("config", "args", "x"), {"title": "X", "type": "boolean"})
    assert [child.render()["name"] for child in either.children] == ["BoundSwitch", "BoundText"]


def test_an_optional_field_is_drawn_as_what_it_is_when_given() -> None:
    root = {"$defs": {"Way": {"enum": ["a", "b"], "type": "string"}}}
    part = form.resolve({"anyOf": [{"$ref": "#/$defs/Way"}, {"type": "null"}], "title": "Way"}, root)
    assert form.widget_of(part) == "select"
    assert part["title"] == "Way"


def test_a_pause_has_no_time_limit_and_no_retries() -> None:
    drawn = json.dumps(form.reliability("pause", None).render())
    assert "timeout_s" not in drawn
    assert "retry." not in drawn
    assert "max_visits" in drawn
