from __future__ import annotations

import json

import pytest

from engine.errors import Conflict
from engine.events import NewEvent
from tests.engine.store.world import World, completed, decision, question, waiting

FAILED = {"code": "bad", "node_id": "a", "message": "It broke", "hint": ""}


def approval(world: World, id_: str) -> dict:
    return world.row("select * from approval where id = :id", id=id_)


def test_a_question_becomes_an_open_approval(world: World):
    claim = world.claimed()
    world.say(claim, question("a1", deadline=1_900_000_000_000))
    row = approval(world, "a1")
    assert (row["status"], row["workflow_id"], row["node_id"], row["key"]) == (
        "pending", world.workflow_id, "review", "review#1",
    )  # fmt: skip
    assert json.loads(row["content"]) == {"text": "ä\u2028"}
    assert row["deadline_at"] == 1_900_000_000_000


def test_a_decision_closes_its_approval_and_no_other(world: World):
    claim = world.claimed()
    world.say(claim, question("a1"), question("a2", "other"), waiting("a1", "a2"))
    world.outside(claim.run_id, decision("a1", data={"to": "some"}))
    row = approval(world, "a1")
    assert (row["status"], row["decision"], row["comment"], row["decided_by"]) == (
        "approved", "approved", "fine", "Ada",
    )  # fmt: skip
    assert json.loads(row["data"]) == {"to": "some"}
    assert approval(world, "a2")["status"] == "pending"
    assert world.run(claim.run_id)["waiting_for"] == '["a2"]'


def test_a_second_decision_is_refused_and_leaves_no_event(world: World):
    claim = world.claimed()
    world.say(claim, question("a1"), waiting("a1"))
    world.outside(claim.run_id, decision("a1"))
    with pytest.raises(Conflict):
        world.outside(claim.run_id, decision("a1", "rejected"))
    assert world.types(claim.run_id).count("approval_decided") == 1
    assert approval(world, "a1")["status"] == "approved"


def test_a_decision_without_data_keeps_the_prefill(world: World):
    claim = world.claimed()
    world.say(claim, question("a1"))
    world.outside(claim.run_id, decision("a1", "rejected"))
    assert json.loads(approval(world, "a1")["data"]) == {"to": "all"}
    assert approval(world, "a1")["status"] == "rejected"


def test_an_answer_to_a_running_run_leaves_it_with_its_worker(world: World):
    claim = world.claimed()
    world.say(claim, question("a1"))
    world.outside(claim.run_id, decision("a1"))
    assert world.queue(claim.run_id)["state"] == "running"


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (NewEvent("run_completed", {"outputs": {"x": 1}, "usage": {"cost": 0}}), "completed"),
        (NewEvent("run_failed", {"error": FAILED}), "failed"),
        (NewEvent("run_cancelled", {}), "cancelled"),
    ],
)
def test_the_end_of_a_run_cleans_up_behind_it(world: World, event: NewEvent, status: str):
    claim = world.claimed()
    world.say(
        claim, question("a1"), NewEvent("timer_set", {"due_at": "2030-01-01T00:00:00Z", "for": "wait"}, "w", "w#1")
    )
    world.say(claim, event)
    run = world.run(claim.run_id)
    assert run["status"] == status
    assert run["completed_at"] is not None
    assert run["outputs"] == ('{"x":1}' if status == "completed" else None)
    assert run["error"] == (json.dumps(FAILED, separators=(",", ":")) if status == "failed" else None)
    assert world.queue(claim.run_id)["state"] == "ended"
    assert approval(world, "a1")["status"] == "cancelled"
    assert world.rows("select * from timer") == []
    assert world.rows("select * from outbox") == []


def test_a_timer_is_a_row_until_it_fires(world: World):
    claim = world.claimed()
    due = NewEvent("timer_set", {"due_at": "2030-01-01T00:00:00+00:00", "for": "wait"}, "w", "w#1")
    world.say(claim, due, waiting())
    assert world.row("select key, due_at from timer") == {"key": "w#1", "due_at": 1_893_456_000_000}
    world.outside(claim.run_id, NewEvent("timer_fired", {"due_at": "2030-01-01T00:00:00+00:00"}, "w", "w#1"))
    assert world.rows("select * from timer") == []
    assert world.queue(claim.run_id)["state"] == "queued"


def test_a_review_parks_the_run_until_it_is_resolved(world: World):
    claim = world.claimed()
    world.say(claim, NewEvent("run_needs_review", {"reason": "unsafe_effect"}, "send", "send#1"))
    assert world.queue(claim.run_id)["state"] == "review"
    assert (world.run(claim.run_id)["status"], world.run(claim.run_id)["reason"]) == ("needs_review", "unsafe_effect")
    world.outside(claim.run_id, NewEvent("review_resolved", {"action": "repeat", "by": "Ada"}, "send", "send#1"))
    assert world.queue(claim.run_id)["state"] == "queued"
    assert world.run(claim.run_id)["reason"] is None


def test_an_answer_does_not_wake_a_run_under_review(world: World):
    claim = world.claimed()
    world.say(claim, question("a1"), NewEvent("run_needs_review", {"reason": "unsafe_effect"}, "b", "b#1"))
    world.outside(claim.run_id, decision("a1"))
    assert world.queue(claim.run_id)["state"] == "review"


def test_progress_forgives_the_leases_lost_before(world: World):
    claim = world.claimed()
    world.change("update run_queue set lost_in_a_row = 2 where run_id = :id", id=claim.run_id)
    world.say(claim, NewEvent("node_started", {"visit": 1}, "a", "a#1"))
    assert world.queue(claim.run_id)["lost_in_a_row"] == 2
    world.say(claim, completed("a"))
    assert world.queue(claim.run_id)["lost_in_a_row"] == 0
