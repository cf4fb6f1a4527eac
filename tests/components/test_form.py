"""Every kind has a form that is made of its schema."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components import form
from engine.services import catalog

KINDS = catalog.node_types()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["kind"])
def test_a_form_has_a_field_for_everything_in_the_config(kind: dict[str, Any]) -> None:
    drawn = json.dumps(form.kind_form(kind["kind"], kind["config"]).render())
    for name in kind["config"].get("properties", {}):
        assert f"config.{name}" in drawn


def test_a_widget_that_is_not_known_becomes_a_json_field() -> None:
    drawn = form.field(("config", "odd"), {"title": "Odd", "widget": "hologram"})
    assert type(drawn).__name__ == "TextArea"
    assert "any" in str(drawn.render()["props"])


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
