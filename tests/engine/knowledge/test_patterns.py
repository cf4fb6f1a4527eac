"""What a decision teaches: which fields changed from what to what, in words that people and models can read."""

from __future__ import annotations

from typing import Any

import pytest

from engine.knowledge import patterns
from engine.knowledge.patterns import LONGEST, MOST_CHANGES, SHOWN, changes, learn
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


def test_a_pattern_can_still_be_changed_however_much_was_said(monkeypatch: pytest.MonkeyPatch):
    kept = taught(comment="x" * 10_000, after={str(n): "y" * 400 for n in range(30)})
    assert len(kept["text"]) <= LONGEST
    assert len(kept["details"]["comment"]) == 10_000


def test_no_half_of_a_secret_stays_where_a_value_is_cut(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NEXOD_SECRET_SHOP", "hunter2hunter2")
    kept = taught(after={"title": "x" * (SHOWN - 7) + "hunter2hunter2"}, comment="No.")
    assert "hunter" not in str(kept)


def taught(**said: Any) -> dict[str, Any]:
    """What is kept of one decision."""
    kept: dict[str, Any] = {}

    def add(tx: Any, kind: str, text: str, subject: str, key: str, run_id: str, details: Any) -> None:
        kept.update(text=text, details=details)

    asked = Approval(
        id="a", workflow_id="w", node_id="n", type="approval", question="Publish?", run_id="r", content=None
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patterns.rows, "add", add)
        patch.setattr(patterns, "weigh", lambda *_: None)
        patterns.learn(None, asked, {}, "approved", said.get("after"), said.get("comment", ""))  # type: ignore[arg-type]
    return kept


def test_no_null_byte_of_an_answer_stands_in_the_way_of_its_lesson(db: Database):
    asked = Approval(
        workspace_id="", id=new_id(), run_id="r", workflow_id="w", node_id="ask", key="ask#1", type="approval",
        status="approved", question="Publish?", hash="", created_at=0,
    )  # fmt: skip
    with Workspace(db, new_id()).begin() as tx:
        learn(tx, asked, {"title": "a"}, "approved", {"title": "b\0c"}, "why\0not")
        (pattern,) = memory.patterns_of(tx, "w/ask")
    assert pattern.text == "Publish: changed title from a to bc (whynot)"
