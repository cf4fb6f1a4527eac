"""What a decision teaches: which fields changed from what to what, in words that people and models can read."""

from __future__ import annotations

from typing import Any

import pytest

from engine.knowledge.patterns import MOST_CHANGES, SHOWN, changes, learn
from engine.store import memory
from engine.store.database import Database
from engine.store.models import Approval, new_id
from engine.store.session import Workspace


@pytest.mark.parametrize(
    ("before", "after", "made"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}, []),
        ({"a": 1}, {"a": 2}, [{"field": "a", "from": 1, "to": 2}]),
        ({"a": 1}, {}, [{"field": "a", "from": 1, "to": None}]),
        ({}, {"a": "new"}, [{"field": "a", "from": None, "to": "new"}]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [{"field": "a.c", "from": 2, "to": 3}]),
        ({"a": [1, 2]}, {"a": [2]}, [{"field": "a", "from": [1, 2], "to": [2]}]),
        ({"a": True}, {"a": False}, [{"field": "a", "from": True, "to": False}]),
        (None, "whole", [{"field": "", "from": None, "to": "whole"}]),
    ],
)
def test_changes_are_told_by_field(before: Any, after: Any, made: list[dict[str, Any]]):
    assert changes(before, after) == made


def test_long_values_and_many_changes_are_cut():
    (change,) = changes({"a": "x" * 1000}, {"a": "y"})
    assert len(change["from"]) == SHOWN + 2
    assert len(changes({}, {str(n): n + 1 for n in range(100)})) == MOST_CHANGES


def test_no_null_byte_of_an_answer_stands_in_the_way_of_its_lesson(db: Database):
    asked = Approval(
        workspace_id="", id=new_id(), run_id="r", workflow_id="w", node_id="ask", key="ask#1", type="approval",
        status="approved", question="Publish?", hash="", created_at=0,
    )  # fmt: skip
    with Workspace(db, new_id()).begin() as tx:
        learn(tx, asked, {"title": "a"}, "approved", {"title": "b\0c"}, "why\0not")
        (pattern,) = memory.patterns_of(tx, "w/ask")
    assert pattern.text == "Publish: changed title from a to bc (whynot)"
