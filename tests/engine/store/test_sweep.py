from __future__ import annotations

from engine.events import NewEvent, rfc3339
from engine.store import ledger
from engine.store.sweep import sweep
from tests.engine.store.world import LEASE_S, OWNER, World, completed, question, waiting

PAST = 1_000_000_000_000


def lose(world: World, run_id: str) -> None:
    assert ledger.claim(world.db, OWNER, LEASE_S, run_id)
    world.expire(run_id)
    sweep(world.db)


def test_a_sweep_leaves_living_runs_alone(world: World):
    claim = world.claimed()
    swept = sweep(world.db)
    assert (swept.lost, swept.ring) == (0, [])
    assert world.queue(claim.run_id)["state"] == "running"


def test_a_lost_lease_is_recorded_and_the_run_queued_again(world: World):
    claim = world.claimed()
    world.expire(claim.run_id)
    swept = sweep(world.db)
    assert (swept.lost, swept.ring) == (1, [claim.run_id])
    assert world.journal(claim.run_id)[-1].payload == {"attempt": 1, "lost_in_a_row": 1}
    again = ledger.claim(world.db, "worker-2", LEASE_S)
    assert again and again.epoch == 2


def test_three_leases_lost_in_a_row_quarantine_a_run(world: World):
    run_id = world.admit()
    for _ in range(3):
        lose(world, run_id)
    assert world.run(run_id)["reason"] == "quarantined"
    assert world.queue(run_id)["state"] == "review"
    assert ledger.claim(world.db, OWNER, LEASE_S) is None
    world.outside(run_id, NewEvent("review_resolved", {"action": "repeat", "by": "Ada"}))
    lose(world, run_id)
    assert world.queue(run_id)["state"] == "queued"


def test_progress_between_losses_prevents_quarantine(world: World):
    run_id = world.admit()
    for n in range(4):
        claim = ledger.claim(world.db, OWNER, LEASE_S, run_id)
        assert claim
        world.say(claim, completed("a", visit=n))
        world.expire(run_id)
        sweep(world.db)
    assert world.queue(run_id)["state"] == "queued"


def test_a_cancelled_run_whose_worker_died_ends(world: World):
    claim = world.claimed()
    with world.db.begin() as conn:
        ledger.cancel(conn, world.id, claim.run_id, "Ada")
    world.expire(claim.run_id)
    assert sweep(world.db).cancelled == 1
    assert world.types(claim.run_id)[-2:] == ["attempt_lost", "run_cancelled"]


def test_a_cancelled_run_that_its_worker_gave_back_ends(world: World):
    claim = world.claimed()
    with world.db.begin() as conn:
        ledger.cancel(conn, world.id, claim.run_id, "Ada")
    ledger.release(world.db, claim.run_id, claim.epoch)
    sweep(world.db)
    assert world.types(claim.run_id)[-1] == "run_cancelled"


def test_a_due_timer_fires_once(world: World):
    claim = world.claimed()
    due = {"due_at": rfc3339(PAST), "for": "wait"}
    later = {"due_at": "2090-01-01T00:00:00Z", "for": "wait"}
    world.say(claim, NewEvent("timer_set", due, "w", "w#1"), NewEvent("timer_set", later, "v", "v#1"), waiting())
    assert sweep(world.db).timers == 1
    assert sweep(world.db).timers == 0
    fired = world.journal(claim.run_id)[-1]
    assert (fired.type, fired.key, fired.payload) == ("timer_fired", "w#1", {"due_at": rfc3339(PAST)})
    assert world.queue(claim.run_id)["state"] == "queued"


def test_a_missed_deadline_answers_for_the_person(world: World):
    claim = world.claimed()
    world.say(claim, question("a1", deadline=PAST), question("a2", "b"), waiting("a1", "a2"))
    assert sweep(world.db).deadlines == 1
    assert world.journal(claim.run_id)[-1].payload["decision"] == "timeout"
    rows = world.rows("select id, status from approval order by id")
    assert [row["status"] for row in rows] == ["expired", "pending"]
    assert sweep(world.db).deadlines == 0


def test_a_doorbell_that_nobody_heard_is_rung_again_after_a_while(world: World):
    run_id = world.admit()
    assert sweep(world.db).ring == []
    world.change("update outbox set due_at = 1")
    assert sweep(world.db).ring == [run_id]
    assert sweep(world.db).ring == []
    assert world.row("select attempts from outbox")["attempts"] == 1
