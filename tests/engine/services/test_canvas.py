"""The canvas' operations on a raw draft."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import Invalid
from engine.services.canvas import apply


def draft() -> dict[str, Any]:
    nodes = [{"id": name, "kind": "template", "config": {"text": name}} for name in ("a", "b", "c")]
    edges = [{"source": "a", "port": "out", "target": "b"}, {"source": "b", "target": "c"}]
    return {"nexod": 1, "name": "Draft", "nodes": nodes, "edges": edges}


def node(made: dict[str, Any], node_id: str) -> dict[str, Any]:
    return next(node for node in made["nodes"] if node["id"] == node_id)


def test_adding_appends_and_the_old_draft_stays_as_it_was():
    before = draft()
    wire = {"source": "c", "port": "out", "target": "d"}
    made = apply(before, [{"op": "add", "nodes": [{"id": "d", "kind": "note", "config": {}}], "edges": [wire]}])
    assert [n["id"] for n in made["nodes"]] == ["a", "b", "c", "d"] and made["edges"][-1] == wire
    assert before == draft()


def test_removing_a_step_takes_its_edges_along():
    made = apply(draft(), [{"op": "remove", "nodes": ["b"], "edges": []}])
    assert [n["id"] for n in made["nodes"]] == ["a", "c"] and made["edges"] == []


def test_an_edge_is_removed_with_or_without_its_default_port():
    made = apply(draft(), [{"op": "remove", "edges": [{"source": "b", "port": "out", "target": "c"}]}])
    assert made["edges"] == [{"source": "a", "port": "out", "target": "b"}]


def test_moving_sets_the_place_only():
    made = apply(draft(), [{"op": "move", "items": [{"id": "b", "x": 10, "y": -4.5}]}])
    assert node(made, "b")["position"] == {"x": 10, "y": -4.5} and "position" not in node(made, "a")


def test_setting_makes_what_is_missing_on_the_way():
    made = apply(
        draft(),
        [
            {"op": "set", "id": "a", "path": ["config", "cases", 0, "when"], "value": "true"},
            {"op": "set", "id": "a", "path": ["retry", "attempts"], "value": 3},
            {"op": "set", "id": None, "path": ["name"], "value": "New"},
            {"op": "set", "id": None, "path": ["inputs", "properties", "topic"], "value": {"type": "string"}},
        ],
    )
    assert node(made, "a")["config"]["cases"] == [{"when": "true"}] and node(made, "a")["retry"] == {"attempts": 3}
    assert made["name"] == "New" and made["inputs"] == {"properties": {"topic": {"type": "string"}}}


def test_setting_without_a_value_takes_away():
    made = apply(draft(), [{"op": "set", "id": "a", "path": ["config", "text"]}])
    assert node(made, "a")["config"] == {}
    twice = {"op": "set", "id": "a", "path": ["config", "list"], "value": [1, 2, 3]}
    made = apply(draft(), [twice, {"op": "set", "id": "a", "path": ["config", "list", 1]}])
    assert node(made, "a")["config"]["list"] == [1, 3]


@pytest.mark.parametrize(
    "ops",
    [
        None,
        {},
        ["add"],
        [{"op": "explode"}],
        [{}],
        [{"op": "add", "nodes": ["a"]}],
        [{"op": "add", "spec": {}}],
        [{"op": "remove", "nodes": [1]}],
        [{"op": "move", "items": [{"id": "nobody", "x": 1, "y": 1}]}],
        [{"op": "move", "items": [{"id": "a", "x": "1", "y": 1}]}],
        [{"op": "move", "items": [{"id": "a", "x": 1}]}],
        [{"op": "set", "id": "nobody", "path": ["title"], "value": "x"}],
        [{"op": "set", "id": "a", "path": [], "value": "x"}],
        [{"op": "set", "id": "a", "path": ["kind", "deeper"], "value": "x"}],
        [{"op": "set", "id": None, "path": ["nodes"], "value": []}],
        [{"op": "set", "id": None, "path": ["nexod"], "value": 2}],
        [{"op": "set", "id": "a", "path": ["config", "l", 5], "value": 1}],
        [{"op": "set", "id": {}, "path": ["title"], "value": 1}],
    ],
)
def test_what_cannot_be_applied_is_refused(ops: Any):
    with pytest.raises(Invalid) as refused:
        apply(draft(), ops)
    assert refused.value.details[0]["field"].startswith("ops")
