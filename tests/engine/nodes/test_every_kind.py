"""What every kind must bring: help, titles, a sample that plans and travels, a form that can be drawn."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from engine.node import Agent, Call, NodeType, Pause, Route, Silent, Step, registry
from engine.plan import problems
from engine.plan.resolve import marks
from engine.spec import NAME, canonical, parse
from tests.engine.flows import made, plan_of, spec_of, workflow

NODES = Path(__file__).parents[3] / "engine" / "nodes"
WIDGETS = frozenset(
    ["textarea", "expression", "text", "json", "pairs", "cases", "schema", "select", "number", "switch", "secret"]
) | {"flow", "auth", "records", "line", "collection", "tools", "tool", "tool_settings", "tool_arguments", "part"}
OURS = sorted(k for k, t in registry().items() if type(t).__module__.startswith("engine.nodes."))
SHAPES = (Step, Route, Pause, Agent, Call, Silent)


@pytest.fixture(params=OURS)
def kind(request: pytest.FixtureRequest) -> NodeType:
    return registry()[request.param]


def test_every_file_brings_one_kind_of_its_name():
    assert [f.stem for f in sorted(NODES.glob("[a-z]*.py"))] == OURS


def test_it_has_one_shape_and_a_name(kind: NodeType):
    assert sum(isinstance(kind, shape) for shape in SHAPES) == 1
    assert re.fullmatch(NAME, kind.kind)
    assert kind.title
    assert kind.icon
    assert kind.group


def test_its_help_is_worth_reading(kind: NodeType):
    lines = [line for line in kind.help.splitlines() if line.strip()]
    assert len(lines) >= 5
    assert "`" in kind.help


def test_every_field_has_title_description_and_widget(kind: NodeType):
    for name, field in kind.Config.model_json_schema(by_alias=True).get("properties", {}).items():
        assert field.get("title"), name
        assert field.get("widget") in WIDGETS, (name, field)


def test_its_summary_names_fields_it_has(kind: NodeType):
    known = {info.alias or name for name, info in kind.Config.model_fields.items()}
    assert {name.partition(".")[0] for name in re.findall(r"{([^}]+)}", kind.summary)} <= known


def test_its_form_is_a_json_schema(kind: NodeType):
    assert json.dumps(kind.Config.model_json_schema(by_alias=True))


def test_marks_are_known(kind: NodeType):
    assert set(marks(kind.Config).values()) <= {None, "text", "expr", "values", "lazy", "lazy_values", "flow"}


def test_its_sample_is_a_sound_workflow_that_travels(kind: NodeType):
    raw: dict[str, Any] = workflow(made("it", kind.kind, **kind.sample))
    assert problems(raw) == []
    spec = spec_of(raw)
    assert spec_of(parse(canonical(spec))) == spec
    plan = plan_of(raw)
    for node in plan.nodes.values():
        assert all(re.fullmatch(NAME, port) for port in node.ports)
        assert "error" not in node.ports
        assert len(set(node.ports)) == len(node.ports)


def test_its_sample_names_only_fields_that_exist(kind: NodeType):
    config = kind.Config.model_validate_json(json.dumps(kind.sample), strict=True)
    assert config.model_dump(by_alias=True, exclude_unset=True, mode="json") == kind.sample
