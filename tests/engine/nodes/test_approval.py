"""The kind approval, in the real engine."""

from __future__ import annotations

from typing import Any

from engine.node import Outcome, registry
from tests.engine.nodes.played import play

KIND = registry()["approval"]


def config(**given: Any) -> Any:
    return KIND.Config.model_validate({"question": "?", **given})


def test_it_asks_with_the_literal_content():
    asked = play(
        "approval",
        {
            "question": "Publish {{ input.title }}?",
            "content": {"title": "{{ input.title }}", "tags": ["{{ input.n }}"]},
            "data": {"note": "{{ input.title }}!"},
            "schema": {"type": "object", "properties": {"note": {"type": "string"}}},
        },
        {"title": "Tea", "n": 3},
    ).of("approval_requested")
    assert len(asked) == 1
    assert asked[0]["question"] == "Publish Tea?"
    assert asked[0]["content"] == {"title": "Tea", "tags": [3]}
    assert asked[0]["data"] == {"note": "Tea!"}
    assert asked[0]["hash"]


def test_a_deadline_adds_the_port_timeout():
    assert KIND.ports(config()) == ("approved", "rejected")
    assert KIND.ports(config(deadline_s=5)) == ("approved", "rejected", "timeout")


def test_the_answer_is_port_and_output():
    said = {"approval_id": "x", "decision": "rejected", "data": {"a": 1}, "comment": "No.", "decided_by": "jo"}
    value = {"decision": "rejected", "data": {"a": 1}, "comment": "No.", "decided_by": "jo"}
    assert KIND.answer(config(), said) == Outcome("rejected", value)  # type: ignore[attr-defined]


def test_a_prefill_that_is_no_object_fails_it():
    failure = play("approval", {"question": "?", "data": "{{ input.n }}"}, {"n": 3}).failure
    assert failure is not None
    assert failure.code == "bad_value"
