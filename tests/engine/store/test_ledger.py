from __future__ import annotations

import threading
from collections import Counter

import pytest

from engine.errors import Fenced, NodeError, NotFound
from engine.events import NewEvent
from engine.store import ledger
from engine.store.database import Database
from engine.store.ledger import Append, Moved
from engine.store.models import DEFAULT_WORKSPACE, new_id
from tests.engine.store.world import LEASE_S, OWNER, SPEC, World, completed, decision, question, waiting


def test_an_admitted_run_is_queued_with_its_first_event_and_a_doorbell(world: World):
    run_id = world.admit({"topic": "ä"})
    assert world.types(run_id) == ["run_created"]
    assert world.queue(run_id)["state"] == "queued"
    assert world.run(run_id)["status"] == "pending"
    assert world.row("select kind, ref from outbox") == {"kind": "doorbell", "ref": run_id}


def test_a_claim_starts_the_run_and_takes_the_doorbell_away(world: World):
    run_id = world.admit({"topic": "ä"})
    claim = ledger.claim(world.db, OWNER, LEASE_S)
    assert claim
    assert (claim.run_id, claim.epoch, claim.next_seq, claim.inputs) == (run_id, 1, 2, {"topic": "ä"})
    assert (claim.spec, claim.target, claim.effect_run_id) == (SPEC, "langgraph", run_id)
    assert world.types(run_id) == ["run_created", "run_started"]
    assert world.run(run_id)["status"] == "running"
    assert world.rows("select * from outbox") == []


def test_a_run_is_claimed_once_and_the_oldest_first(world: World):
    first, second = world.admit(), world.admit()
    claims = [ledger.claim(world.db, OWNER, LEASE_S) for _ in range(3)]
    assert [claim and claim.run_id for claim in claims] == [first, second, None]


def test_a_certain_run_can_be_claimed(world: World):
    world.admit()
    second = world.admit()
    claim = ledger.claim(world.db, OWNER, LEASE_S, second)
    assert claim and claim.run_id == second
    assert ledger.claim(world.db, OWNER, LEASE_S, second) is None


def test_claims_of_many_threads_never_meet(world: World):
    runs = {world.admit() for _ in range(30)}
    got: list[str] = []

    def take(owner: str) -> None:
        while claim := ledger.claim(world.db, owner, LEASE_S):
            got.append(claim.run_id)

    threads = [threading.Thread(target=take, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(got) == Counter(runs)


def test_events_get_the_next_places_and_come_back_as_they_were(world: World):
    claim = world.claimed()
    written = world.say(claim, completed("a", {"text": "ä\u2028", "n": 1.5, "x": None}), completed("b", [1, (2, 3)]))
    assert [event.seq for event in written] == [2, 3]
    assert written[1].payload["output"] == [1, [2, 3]]
    assert world.journal(claim.run_id)[2:] == written


def test_an_attempt_that_lost_its_run_writes_nothing(world: World):
    claim = world.claimed()
    ledger.release(world.db, claim.run_id, claim.epoch)
    assert isinstance(world.say(claim, completed("a")), Fenced)
    again = ledger.claim(world.db, "worker-2", LEASE_S)
    assert again and again.epoch == 2
    assert isinstance(world.say(claim, completed("a")), Fenced)
    assert world.types(claim.run_id) == ["run_created", "run_started"]


def test_one_fenced_run_does_not_spoil_the_commit_of_the_others(world: World):
    good, bad = world.claimed(), world.claimed()
    ledger.release(world.db, bad.run_id, bad.epoch)
    items = [Append(world.id, c.run_id, c.epoch, [completed("a")]) for c in (bad, good)]
    refused, written = ledger.append(world.db, items)
    assert isinstance(refused, Fenced)
    assert [event.type for event in written] == ["node_completed"]


def test_a_place_that_was_taken_by_an_answer_is_told_apart_from_a_lost_lease(world: World):
    claim = world.claimed()
    world.say(claim, question("a1"))
    world.outside(claim.run_id, decision("a1"))
    assert isinstance(world.say(claim, waiting("a1"), expect=3), Moved)
    assert world.queue(claim.run_id)["state"] == "running"
    assert world.say(claim, waiting(), expect=4)[0].seq == 4


def test_an_ended_run_takes_no_more_events_from_anybody(world: World):
    claim = world.claimed()
    world.say(claim, NewEvent("run_completed", {"outputs": {}, "usage": {}}))
    assert isinstance(world.say(claim, completed("a")), Fenced)
    assert isinstance(world.outside(claim.run_id, NewEvent("cancel_requested", {"by": "x"})), Fenced)


def test_a_run_of_another_workspace_is_not_there(world: World):
    claim = world.claimed()
    with pytest.raises(NotFound):
        ledger.append(world.db, [Append("other", claim.run_id, claim.epoch, [completed("a")])])


def test_a_heartbeat_renews_what_is_still_ours_and_names_it(world: World):
    mine, lost = world.claimed(lease_s=1), world.claimed(lease_s=1)
    ledger.release(world.db, lost.run_id, lost.epoch)
    kept = ledger.heartbeat(world.db, OWNER, LEASE_S, [(mine.run_id, 1), (lost.run_id, 1), ("none", 1)])
    assert kept == {mine.run_id}
    assert world.queue(mine.run_id)["lease_until"] > mine.lease_until
    assert ledger.heartbeat(world.db, "worker-2", LEASE_S, [(mine.run_id, 1)]) == set()


def test_a_released_run_goes_to_the_next_worker_with_a_doorbell(world: World):
    claim = world.claimed()
    assert ledger.release(world.db, claim.run_id, claim.epoch)
    assert not ledger.release(world.db, claim.run_id, claim.epoch)
    assert world.row("select ref from outbox")["ref"] == claim.run_id
    again = ledger.claim(world.db, "worker-2", LEASE_S)
    assert again and again.epoch == 2
    assert world.types(claim.run_id).count("run_started") == 1


def test_waiting_gives_the_lease_back_and_an_answer_brings_the_run_back(world: World):
    claim = world.claimed()
    world.say(claim, question("a1"), waiting("a1"))
    assert world.queue(claim.run_id)["state"] == "waiting"
    assert world.run(claim.run_id)["status"] == "waiting"
    assert world.run(claim.run_id)["waiting_for"] == '["a1"]'
    assert ledger.claim(world.db, OWNER, LEASE_S) is None
    world.outside(claim.run_id, decision("a1"))
    assert world.row("select ref from outbox")["ref"] == claim.run_id
    again = ledger.claim(world.db, OWNER, LEASE_S)
    assert again and again.epoch == 2
    assert world.run(claim.run_id)["status"] == "running"
    assert world.run(claim.run_id)["waiting_for"] == "[]"


def test_cancelling_a_run_that_nobody_holds_ends_it(world: World):
    queued = world.admit()
    with world.db.begin() as conn:
        assert ledger.cancel(conn, world.id, queued, "Ada") == "queued"
    assert world.types(queued) == ["run_created", "cancel_requested", "run_cancelled"]
    assert world.run(queued)["status"] == "cancelled"
    assert world.rows("select * from outbox") == []
    with world.db.begin() as conn:
        assert ledger.cancel(conn, world.id, queued, "Ada") == "ended"
        assert ledger.cancel(conn, world.id, new_id(), "Ada") is None
        assert ledger.cancel(conn, "other", queued, "Ada") is None


def test_cancelling_a_running_run_tells_its_worker(world: World):
    claim = world.claimed()
    assert ledger.cancel_requested(world.db, OWNER) == set()
    with world.db.begin() as conn:
        assert ledger.cancel(conn, world.id, claim.run_id, "Ada") == "running"
    assert ledger.cancel_requested(world.db, OWNER) == {claim.run_id}
    assert ledger.cancel_requested(world.db, "worker-2") == set()
    world.say(claim, NewEvent("run_cancelled", {}))
    assert ledger.cancel_requested(world.db, OWNER) == set()


def test_a_large_value_is_kept_apart_and_read_back_whole(world: World):
    claim = world.claimed()
    big = {"text": "ä" * 40_000}
    world.say(claim, completed("a", big), completed("b", big))
    with world.db.read() as conn:
        shown = ledger.events(conn, world.id, claim.run_id, after=1)
    assert set(shown[0].payload["output"]) == {"$blob", "size", "preview"}
    assert shown[0].payload["output"]["size"] == 80_011
    assert shown[0].payload["port"] == "out"
    assert [event.payload["output"] for event in world.journal(claim.run_id)[2:]] == [big, big]
    assert len(world.rows("select hash from blob")) == 1


def test_what_only_looks_like_a_large_value_stays_as_it_is(world: World):
    claim = world.claimed()
    odd = {"$blob": "x", "more": 1}
    world.say(claim, completed("a", odd))
    assert world.journal(claim.run_id)[2].payload["output"] == odd


def test_an_output_over_four_megabytes_is_refused_and_nothing_is_written(world: World):
    claim, other = world.claimed(), world.claimed()
    items = [
        Append(world.id, claim.run_id, claim.epoch, [completed("a"), completed("b", "x" * 4_200_000)]),
        Append(world.id, other.run_id, other.epoch, [completed("a")]),
    ]
    refused, written = ledger.append(world.db, items)
    assert isinstance(refused, NodeError) and refused.code == "too_large"
    assert len(written) == 1
    assert world.types(claim.run_id) == ["run_created", "run_started"]


def test_a_run_over_its_size_is_refused_but_can_still_end(world: World):
    claim = world.claimed()
    world.change("update run_queue set size = 33000000 where run_id = :id", id=claim.run_id)
    refused = world.say(claim, completed("a", "x" * 1_000_000))
    assert isinstance(refused, NodeError) and refused.code == "run_too_large"
    assert world.say(claim, NewEvent("run_failed", {"error": {"code": "run_too_large"}}))


def test_a_value_that_is_no_json_is_refused(world: World):
    refused = world.say(world.claimed(), completed("a", float("nan")))
    assert isinstance(refused, NodeError) and refused.code == "bad_value"


def test_journals_of_many_writers_have_no_gap(world: World):
    claims = [world.claimed() for _ in range(3)]

    def write(claim: ledger.Claim) -> None:
        for n in range(20):
            world.say(claim, completed("a", n, visit=n))

    def disturb() -> None:
        for _ in range(20):
            for claim in claims:
                world.outside(claim.run_id, NewEvent("timer_fired", {"due_at": ""}, "t", "t#1"))

    threads = [threading.Thread(target=write, args=(claim,)) for claim in claims] + [threading.Thread(target=disturb)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for claim in claims:
        assert [event.seq for event in world.journal(claim.run_id)] == list(range(42))


def test_a_commit_is_seen_by_another_connection(world: World):
    claim = world.claimed()
    other = Database.open(world.db.engine.url.render_as_string(hide_password=False))
    world.say(claim, completed("a"))
    assert ledger.read_events(other, claim.run_id)[-1].type == "node_completed"
    other.close()


def test_the_default_workspace_has_a_fixed_id(world: World):
    assert world.id == DEFAULT_WORKSPACE
