"""What a retry and a fork take over."""

from __future__ import annotations

from typing import Any

from engine.events import Event
from engine.services.history import copied


def journal(*events: tuple[Any, ...]) -> list[Event]:
    """Events as (type, key, payload); the step is the key without its visit."""
    made: list[Event] = []
    for seq, (kind, key, payload) in enumerate(events):
        node_id = key.split("#")[0] if key else None
        made.append(Event(seq, kind, node_id, key, 0, payload))
    return made


def short(events: list[Any]) -> list[tuple[str, str | None]]:
    return [(event.type, event.key) for event in events]


FAILED = journal(
    ("run_created", None, {}),
    ("run_started", None, {}),
    ("node_started", "a#1", {"visit": 1}),
    ("node_completed", "a#1", {"port": "out", "output": 1}),
    ("node_started", "b#1", {"visit": 1}),
    ("node_retry", "b#1", {"attempt": 1}),
    ("model_called", "b#1/model:0", {}),
    ("node_failed", "b#1", {"error": {}, "attempt": 2}),
    ("run_failed", None, {}),
)


def test_a_retry_takes_successes_and_leaves_failures():
    assert short(copied(FAILED)) == [("node_started", "a#1"), ("node_completed", "a#1")]


def test_a_failure_that_went_to_a_wired_port_is_settled():
    events = journal(
        ("run_created", None, {}),
        ("node_started", "a#1", {}),
        ("node_failed", "a#1", {"error": {}, "attempt": 1, "port": "error"}),
        ("run_cancelled", None, {}),
    )
    assert short(copied(events)) == [("node_started", "a#1"), ("node_failed", "a#1")]


def test_calls_of_a_step_that_was_still_at_work_are_kept_those_of_a_failed_one_are_not():
    events = journal(
        ("run_created", None, {}),
        ("node_started", "a#1", {}),
        ("model_called", "a#1/model:0", {"answer": "yes"}),
        ("run_cancelled", None, {}),
    )
    assert short(copied(events)) == [("model_called", "a#1/model:0")]
    assert ("model_called", "b#1/model:0") not in short(copied(FAILED))


def test_finished_tasks_of_a_failed_crew_are_kept_as_wholes():
    events = journal(
        ("run_created", None, {}),
        ("node_started", "a#1", {}),
        ("model_called", "a#1/one/m/model:0", {}),
        ("task_completed", "a#1/one", {"task": "one"}),
        ("node_retry", "a#1", {"attempt": 1}),
        ("task_completed", "a#1/retry:1/two", {"task": "two"}),
        ("model_called", "a#1/retry:1/three/m/model:0", {}),
        ("node_failed", "a#1", {"error": {}, "attempt": 2}),
        ("run_failed", None, {}),
    )
    assert short(copied(events)) == [("task_completed", "a#1/one"), ("task_completed", "a#1/two")]
    done = [*events[:4], *journal(*[("node_completed", "a#1", {"port": "out", "output": 1})] * 5)[4:]]
    assert short(copied(done)) == [("node_started", "a#1"), ("node_completed", "a#1")]


def test_a_refused_budget_is_asked_about_anew():
    asked = [("approval_requested", f"a#1/budget:{n}", {"approval_id": str(n), "type": "budget"}) for n in (1, 2)]
    events = journal(
        *asked,
        ("approval_decided", "a#1/budget:1", {"approval_id": "1", "decision": "approved"}),
        ("approval_decided", "a#1/budget:2", {"approval_id": "2", "decision": "rejected"}),
    )
    assert {key for _, key in short(copied(events))} == {"a#1/budget:1"}


def test_a_fork_cuts_and_may_replace_the_output_at_the_cut():
    made = copied(FAILED, 3, {"new": True}, replace=True)
    assert short(made) == [("node_started", "a#1"), ("node_completed", "a#1")]
    assert made[-1].payload == {"port": "out", "output": {"new": True}}
    assert copied(FAILED, 2) == []


def test_an_answered_question_comes_along_and_an_open_one_does_not():
    events = journal(
        ("run_created", None, {}),
        ("approval_requested", "ask#1", {"approval_id": "1", "hash": "h"}),
        ("approval_requested", "open#1", {"approval_id": "2", "hash": "h"}),
        ("approval_decided", "ask#1", {"approval_id": "1", "decision": "approved"}),
        ("timer_set", "wait#1", {"due_at": "", "for": "wait"}),
        ("timer_fired", "wait#1", {"due_at": ""}),
        ("timer_set", "later#1", {"due_at": "", "for": "wait"}),
    )
    assert short(copied(events)) == [
        ("approval_requested", "ask#1"),
        ("approval_decided", "ask#1"),
        ("timer_set", "wait#1"),
        ("timer_fired", "wait#1"),
    ]
    assert copied(events, 2) == []
