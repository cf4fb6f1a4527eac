"""The kind subflow, in the real engine."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.nodes.played import play

FLOW = {
    "nodes": [{"id": "inner", "kind": "template", "config": {"json": {"x": "{{ input.x }}"}}}],
    "outputs": {"y": "{{ inner.x }}"},
}
EACH = {
    "nodes": [{"id": "inner", "kind": "template", "config": {"text": "{{ index }}:{{ item }}{{ input.mark }}"}}],
    "outputs": {"t": "{{ inner.text }}"},
}
PICKY = {
    "nodes": [
        {"id": "ok", "kind": "condition", "config": {"cases": [{"port": "no", "when": "item == 2"}]}},
        {"id": "stop", "kind": "fail", "config": {"message": "Not two.", "code": "two"}},
    ],
    "edges": [{"source": "ok", "port": "no", "target": "stop"}],
    "outputs": {"n": "{{ item }}"},
}


def test_it_runs_a_flow_with_its_own_inputs():
    played = play("subflow", {"flow": FLOW, "with": {"x": "{{ input.n }}"}}, {"n": [1]})
    assert played.output == {"y": [1]}


def test_it_runs_once_for_each_item_and_keeps_their_order():
    config = {"flow": EACH, "over": "input.list", "with": {"mark": "{{ item == 'b' ? '!' : '' }}"}, "concurrency": 2}
    assert play("subflow", config, {"list": ["a", "b", "c"]}).output == {
        "items": [{"t": "0:a"}, {"t": "1:b!"}, {"t": "2:c"}]
    }


def test_an_empty_list_gives_no_items():
    assert play("subflow", {"flow": EACH, "over": "[]", "with": {"mark": ""}}).output == {"items": []}


def test_a_failed_item_fails_the_step():
    failure = play("subflow", {"flow": PICKY, "over": "[1, 2, 3]"}).failure
    assert failure is not None
    assert failure.code == "two"


def test_or_is_collected_in_its_place():
    items = play("subflow", {"flow": PICKY, "over": "[1, 2, 3]", "on_item_error": "collect"}).output["items"]
    assert items[0] == {"n": 1}
    assert items[1]["error"]["code"] == "two"
    assert items[2] == {"n": 3}


@pytest.mark.parametrize(
    "config",
    [
        {"flow": EACH, "over": "input.n"},
        {"flow": EACH, "over": "{'a': 1}"},
        {"flow": FLOW, "with": "{{ input.n }}"},
        {"flow": EACH, "over": "input.many"},
    ],
)
def test_what_is_no_list_or_no_object_fails_it(config: dict[str, Any]):
    failure = play("subflow", config, {"n": 3, "many": list(range(10_001))}).failure
    assert failure is not None
    assert failure.code in ("bad_value", "too_large")


def test_the_flow_is_not_repeated_in_the_journal():
    started = play("subflow", {"flow": FLOW, "with": {"x": 1}}).of("node_started")
    assert all("flow" not in event["input"] for event in started)
