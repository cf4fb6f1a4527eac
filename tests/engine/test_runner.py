"""The run model, point by point, on a real database."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, ClassVar

import pytest

from engine.errors import NodeError
from engine.events import NewEvent, rfc3339
from engine.node import Effect, Group, NodeConfig, Step, node
from engine.runner import Runner
from engine.store import ledger
from tests.engine.harness import Bench, chain


class ToyConfig(NodeConfig):
    does: str = "ok"
    seconds: float = 0


CALLS: list[str] = []


class Toy(Step):
    Config = ToyConfig
    group, icon = Group.LOGIC, "template"
    sample: ClassVar[dict[str, Any]] = {}

    async def run(self, config: ToyConfig, inputs: Any, ctx: Any) -> Any:
        CALLS.append(ctx.idempotency_key)
        if self.effect(config) is Effect.UNSAFE:
            await ctx.intend({"does": config.does})
        await asyncio.sleep(config.seconds)
        tries = len(ctx.failures())
        if config.does == "flaky" and tries < 2:
            raise NodeError("not yet", code="flaky", retryable=True)
        if config.does == "flaky_once" and "~" not in ctx.key:
            raise NodeError("not yet", code="flaky", retryable=True)
        if config.does == "later" and tries < 1:
            raise NodeError("busy", code="busy", retryable=True, retry_after=5.2)
        if config.does == "lost":
            raise NodeError("cut", code="http_connection", retryable=True, sent=True)
        if config.does == "bug":
            raise ZeroDivisionError("secret detail")
        if config.does == "ask_model":
            request = {"prompt": "hi"}

            async def answer() -> dict[str, Any]:
                CALLS.append("model")
                return {"provider": "toy", "model": "t", "answer": {"text": "hello"}, "usage": {"input_tokens": 3}}

            return (await ctx.model_call(request, answer))["answer"]
        return {"does": config.does}


@node
class PureToy(Toy):
    """Does what its config says."""

    kind, title = "toy", "Toy"


@node
class UnsafeToy(Toy):
    """Does it outside, without a key."""

    kind, title = "unsafe_toy", "Unsafe toy"

    def effect(self, config: ToyConfig) -> Effect:
        return Effect.UNSAFE


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    CALLS.clear()
    return Bench(tmp_path)


def toy(does: str = "ok", node_id: str = "a", kind: str = "toy", seconds: float = 0, **more: Any) -> dict[str, Any]:
    return {"id": node_id, "kind": kind, "config": {"does": does, "seconds": seconds}, **more}


def text(node_id: str, value: str, **more: Any) -> dict[str, Any]:
    return {"id": node_id, "kind": "template", "config": {"text": value}, **more}


async def test_a_run_ends_with_its_outputs_and_a_gapless_journal(bench: Bench) -> None:
    run = bench.start(
        chain(text("a", "Hi {{ input.n }}"), text("b", "{{ a.text }}!"), outputs={"t": "{{ b.text }}"}), {"n": "Bo"}
    )
    end = await bench.settle(run)
    assert (end.type, end.payload["outputs"]) == ("run_completed", {"t": "Hi Bo!"})
    events = bench.events(run)
    assert [e.seq for e in events] == list(range(len(events)))
    step = ["node_started", "node_completed"]
    assert [e.type for e in events] == ["run_created", "run_started", *step, *step, "run_completed"]


async def test_a_failure_without_error_port_fails_the_run(bench: Bench) -> None:
    run = bench.start(chain(toy("bug"), text("b", "never")))
    end = await bench.settle(run)
    assert end.type == "run_failed"
    assert end.payload["error"]["code"] == "internal_error"
    assert end.payload["error"]["node_id"] == "a"
    assert "secret detail" not in str(end.payload)
    assert not any(e.node_id == "b" for e in bench.events(run))


async def test_a_wired_error_port_takes_the_failure(bench: Bench) -> None:
    spec = {
        "nodes": [toy("bug"), text("b", "{{ a.error.code }}")],
        "edges": [{"source": "a", "port": "error", "target": "b"}],
    }
    run = bench.start({**spec, "outputs": {"t": "{{ b.text }}"}})
    assert (await bench.settle(run)).payload["outputs"] == {"t": "internal_error"}


async def test_retries_are_recorded_and_share_one_idempotency_key(bench: Bench) -> None:
    run = bench.start(chain(toy("flaky", retry={"attempts": 3, "delay_s": 0.01})))
    assert (await bench.settle(run)).type == "run_completed"
    assert bench.types(run).count("node_retry") == 2
    assert len(CALLS) == 3
    assert len(set(CALLS)) == 1


async def test_a_long_backoff_frees_the_slot_until_its_timer_fires(bench: Bench) -> None:
    run = bench.start(chain(toy("later", retry={"attempts": 2, "delay_s": 0})))
    assert (await bench.settle(run)).type == "run_waiting"
    began = time.monotonic()
    assert (await bench.settle(run, "run_completed")).type == "run_completed"
    assert time.monotonic() - began > 3
    assert "timer_fired" in bench.types(run)


async def test_a_timeout_really_stops_the_step(bench: Bench) -> None:
    run = bench.start(chain(toy(seconds=30, timeout_s=0.2)))
    began = time.monotonic()
    end = await bench.settle(run)
    assert end.payload["error"]["code"] == "timeout"
    assert time.monotonic() - began < 5


async def test_a_wait_holds_no_slot_and_goes_on_by_the_clock(bench: Bench) -> None:
    run = bench.start(chain({"id": "w", "kind": "wait", "config": {"seconds": 0.3}}, text("b", "{{ w.until }}")))
    assert (await bench.settle(run)).type == "run_waiting"
    assert bench.last(run).payload["waiting_for"] == []
    assert (await bench.settle(run, "run_completed")).type == "run_completed"


def ask(**config: Any) -> dict[str, Any]:
    return {"id": "ok", "kind": "approval", "config": {"question": "Publish {{ a.text }}?", **config}}


def decide(bench: Bench, run: str, decision: str = "approved", **more: Any) -> NewEvent:
    asked = bench.last(run, "approval_requested")
    payload = {"approval_id": asked.payload["approval_id"], "decision": decision, "data": {}, "comment": "", **more}
    return NewEvent("approval_decided", payload, asked.node_id, asked.key)


async def test_an_approval_waits_and_its_answer_goes_on(bench: Bench) -> None:
    spec = chain(text("a", "x"), ask(), outputs={"d": "{{ ok.decision }}"})
    spec["nodes"].append(text("b", "done"))
    spec["edges"].append({"source": "ok", "port": "approved", "target": "b"})
    run = bench.start(spec)
    assert (await bench.settle(run)).type == "run_waiting"
    asked = bench.last(run, "approval_requested").payload
    assert asked["question"] == "Publish x?"
    bench.say(run, decide(bench, run))
    end = await bench.settle(run, "run_completed")
    assert end.payload["outputs"] == {"d": "approved"}
    assert bench.types(run).count("approval_requested") == 1


async def test_an_answer_during_the_attempt_is_not_missed(bench: Bench) -> None:
    """The slow sibling still runs when the answer comes; at quiescence the attempt goes on instead of parking."""
    edges = [{"source": "a", "port": "out", "target": target} for target in ("ok", "slow")]
    spec = {"nodes": [text("a", "x"), ask(), toy("ok", "slow", seconds=0.5)], "edges": edges}
    run = bench.start(spec)
    said: list[bool] = []

    def answer_once() -> None:
        if not said and "approval_requested" in bench.types(run):
            said.append(True)
            bench.say(run, decide(bench, run))

    end = await bench.settle(run, "run_completed", meanwhile=answer_once)
    assert end.type == "run_completed"
    assert "run_waiting" not in bench.types(run)


async def test_a_deadline_decides_by_itself(bench: Bench) -> None:
    spec = chain(text("a", "x"), ask(deadline_s=0.2), outputs={"d": "{{ ok.decision }}"})
    run = bench.start(spec)
    assert (await bench.settle(run, "run_completed")).payload["outputs"] == {"d": "timeout"}


async def test_an_unsafe_effect_in_doubt_needs_a_person(bench: Bench) -> None:
    run = bench.start(
        chain(toy("lost", kind="unsafe_toy", retry={"attempts": 3, "delay_s": 0}), outputs={"o": "{{ a }}"})
    )
    end = await bench.settle(run)
    assert (end.type, end.payload["reason"], end.node_id) == ("run_needs_review", "unsafe_effect", "a")
    assert len(CALLS) == 1
    bench.say(run, NewEvent("review_resolved", {"action": "use", "output": {"sent": True}, "by": "me"}, "a", "a#1"))
    assert (await bench.settle(run, "run_completed")).payload["outputs"] == {"o": {"sent": True}}
    assert len(CALLS) == 1


@pytest.mark.parametrize(("action", "end"), [("repeat", "run_needs_review"), ("fail", "run_failed")])
async def test_a_person_may_repeat_or_fail_it(bench: Bench, action: str, end: str) -> None:
    run = bench.start(chain(toy("lost", kind="unsafe_toy")))
    await bench.settle(run)
    bench.say(run, NewEvent("review_resolved", {"action": action, "by": "me"}, "a", "a#1"))
    await bench.settle(run, end)
    assert len(CALLS) == (2 if action == "repeat" else 1)


async def test_an_unsafe_effect_cut_off_by_a_crash_is_not_repeated(bench: Bench) -> None:
    run = bench.start(chain(toy("ok", kind="unsafe_toy", seconds=30)))
    lost = Runner(bench.db, "lost", 1)
    await lost.wake(run)
    while "effect_intended" not in bench.types(run):  # noqa: ASYNC110 - another thread writes it
        await asyncio.sleep(0.01)
    await lost.close(0)
    end = await bench.settle(run)
    assert (end.type, end.payload["reason"]) == ("run_needs_review", "unsafe_effect")
    assert len(CALLS) == 1


async def test_cancel_stops_a_running_step_within_two_seconds(bench: Bench) -> None:
    run = bench.start(chain(toy(seconds=30), text("b", "never")))
    asked: list[float] = []

    def cancel_once() -> None:
        if not asked and "node_started" in bench.types(run):
            asked.append(time.monotonic())
            bench.say(run, NewEvent("cancel_requested", {"by": "me"}))

    assert (await bench.settle(run, "run_cancelled", meanwhile=cancel_once)).type == "run_cancelled"
    assert time.monotonic() - asked[0] < 2


async def test_a_stale_attempt_writes_nothing(bench: Bench) -> None:
    """The fence: the first attempt goes on after its lease was given away, and nothing of it is recorded."""
    run = bench.start(chain(toy(seconds=0.4), outputs={"o": "{{ a.does }}"}))
    stale = Runner(bench.db, "stale", 60)
    await stale.wake(run)
    epoch = stale.alive()[0][1]
    ledger.release(bench.db, run, epoch)
    assert (await bench.settle(run)).type == "run_completed"
    before = len(bench.events(run))
    await asyncio.sleep(0.6)
    await stale.close(1)
    assert len(bench.events(run)) == before
    assert bench.types(run).count("node_completed") == 1


async def test_a_model_call_is_paid_once_in_the_life_of_a_run(bench: Bench) -> None:
    spec = chain(toy("ask_model"), {"id": "w", "kind": "wait", "config": {"seconds": 0.2}}, text("b", "{{ a.text }}"))
    run = bench.start({**spec, "outputs": {"t": "{{ b.text }}"}})
    end = await bench.settle(run, "run_completed")
    assert end.payload["outputs"] == {"t": "hello"}
    assert end.payload["usage"]["input_tokens"] == 3
    assert CALLS.count("model") == 1


async def test_too_many_visits_fail_the_run_also_with_error_wired(bench: Bench) -> None:
    loop = {"id": "c", "kind": "condition", "config": {"cases": [{"port": "again", "when": "true"}]}}
    spec = {
        "nodes": [text("a", "x"), {**loop, "max_visits": 3}, text("b", "{{ c.error.code }}")],
        "edges": [
            {"source": "a", "port": "out", "target": "c"}, {"source": "c", "port": "again", "target": "c"},
            {"source": "c", "port": "error", "target": "b"},
        ],
    }  # fmt: skip
    end = await bench.settle(bench.start(spec))
    assert (end.type, end.payload["error"]["code"]) == ("run_failed", "too_many_visits")


async def test_an_output_of_a_step_that_did_not_run_is_null(bench: Bench) -> None:
    route = {"id": "c", "kind": "condition", "config": {"cases": [{"port": "yes", "when": "false"}]}}
    spec = {
        "nodes": [route, text("a", "x"), text("b", "y")],
        "edges": [{"source": "c", "port": "yes", "target": "a"}, {"source": "c", "port": "else", "target": "b"}],
        "outputs": {"a": "{{ a.text }}", "b": "{{ b.text }}"},
    }
    assert (await bench.settle(bench.start(spec))).payload["outputs"] == {"a": None, "b": "y"}


async def test_a_map_keeps_order_caps_concurrency_and_collects_errors(bench: Bench) -> None:
    inner = {
        "nodes": [{"id": "t", "kind": "template", "config": {"json": {"twice": "{{ item * 2 }}"}}}],
        "edges": [], "outputs": {"n": "{{ t.twice }}"},
    }  # fmt: skip
    config = {"flow": inner, "over": "input.items", "concurrency": 2, "on_item_error": "collect"}
    run = bench.start({"nodes": [{"id": "m", "kind": "subflow", "config": config}], "outputs": {"r": "{{ m.items }}"}},
                      {"items": [1, "two", 3]})  # fmt: skip
    items = (await bench.settle(run)).payload["outputs"]["r"]
    assert (items[0], items[2]) == ({"n": 2}, {"n": 6})
    assert items[1]["error"]["code"] == "bad_expression"
    assert any(e.node_id == "m[2]/t" for e in bench.events(run))


async def test_a_nested_flow_is_tried_again_as_a_whole(bench: Bench) -> None:
    inner = {"nodes": [toy("flaky_once", "t")], "edges": [], "outputs": {"d": "{{ t.does }}"}}
    spec = {
        "nodes": [{"id": "m", "kind": "subflow", "config": {"flow": inner}, "retry": {"attempts": 2, "delay_s": 0}}]
    }
    run = bench.start({**spec, "outputs": {"d": "{{ m.d }}"}})
    assert (await bench.settle(run)).payload["outputs"] == {"d": "flaky_once"}
    assert [e.key for e in bench.events(run) if e.type == "node_failed"] == ["m#1/t#1"]
    assert "m#1~1/t#1" in [e.key for e in bench.events(run)]


async def test_an_approval_inside_a_map_pauses_only_its_item(bench: Bench) -> None:
    inner = {
        "nodes": [{"id": "q", "kind": "approval", "config": {"question": "{{ string(item) }}?"}}],
        "edges": [], "outputs": {"d": "{{ q.decision }}"},
    }  # fmt: skip
    config = {"flow": inner, "over": "[1, 2]", "concurrency": 1}
    run = bench.start({"nodes": [{"id": "m", "kind": "subflow", "config": config}], "outputs": {"r": "{{ m.items }}"}})
    assert len((await bench.settle(run)).payload["waiting_for"]) == 2
    for event in [e for e in bench.events(run) if e.type == "approval_requested"]:
        payload = {
            "approval_id": event.payload["approval_id"],
            "decision": "approved" if "1" in event.payload["question"] else "rejected",
            "data": {},
        }
        bench.say(run, NewEvent("approval_decided", payload, event.node_id, event.key))
    end = await bench.settle(run, "run_completed")
    assert end.payload["outputs"]["r"] == [{"d": "approved"}, {"d": "rejected"}]


async def test_a_recorded_future_timer_is_not_set_again(bench: Bench) -> None:
    run = bench.start(chain({"id": "w", "kind": "wait", "config": {"seconds": 60}}))
    await bench.settle(run)
    due = bench.last(run, "timer_set").payload["due_at"]
    bench.say(run, NewEvent("timer_fired", {"due_at": due}, "w", "w#1"))
    await bench.settle(run, "run_completed")
    assert bench.types(run).count("timer_set") == 1
    assert due > (rfc3339(round(time.time() * 1000)) or "")
