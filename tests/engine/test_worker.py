"""One worker in this process, or several: the real loop with queue, heartbeat, sweep and watch."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from engine.events import NewEvent
from engine.node import Group, NodeConfig, Step, node
from engine.queue import Queue
from engine.settings import Settings
from engine.store import ledger
from engine.store.models import DEFAULT_WORKSPACE
from engine.worker import Worker
from tests.engine.harness import Bench, chain


class SleepConfig(NodeConfig):
    seconds: float = 0.0
    blocks: bool = False


@node
class Sleep(Step):
    """Takes its time, politely or blocking the loop."""

    kind, title, group, icon = "sleep_in_worker", "Sleep", Group.LOGIC, "wait"
    Config = SleepConfig
    sample: ClassVar[dict[str, Any]] = {}

    async def run(self, config: SleepConfig, inputs: Any, ctx: Any) -> Any:
        if config.blocks:
            time.sleep(config.seconds)  # noqa: ASYNC251 - just what must do no harm
        else:
            await asyncio.sleep(config.seconds)
        return {"slept": config.seconds}


END = {"id": "end", "kind": "template", "config": {"text": "ok"}}


def sleeping(seconds: float, blocks: bool = False) -> dict[str, Any]:
    config = {"seconds": seconds, "blocks": blocks}
    return chain({"id": "nap", "kind": "sleep_in_worker", "config": config}, END)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.read({"NEXOD_DATA": str(tmp_path), "NEXOD_LEASE_S": "1"})


@pytest.fixture
def bench(settings: Settings) -> Bench:
    return Bench(settings.data)


@contextlib.asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[Worker]:
    worker = Worker(settings)
    task = asyncio.create_task(worker.main())
    await until(lambda: hasattr(worker, "runner"))
    try:
        yield worker
    finally:
        worker.stop()
        await task


async def until(fact: Callable[[], Any], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < end, "it did not come true"
        await asyncio.sleep(0.02)


def ended(bench: Bench, run_id: str) -> Callable[[], bool]:
    return lambda: bench.types(run_id)[-1] in ("run_completed", "run_cancelled", "run_failed")


async def test_a_rung_run_is_executed(settings: Settings, bench: Bench):
    async with working(settings):
        run_id = bench.start(sleeping(0))
        Queue.open(settings).ring(run_id)
        await until(ended(bench, run_id))
    assert bench.types(run_id)[-1] == "run_completed"


async def test_a_run_that_nobody_rang_for_is_found(settings: Settings, bench: Bench):
    before = bench.start(sleeping(0))
    async with working(settings):
        await until(ended(bench, before))
        after = bench.start(sleeping(0))
        await until(ended(bench, after))


async def test_rings_for_runs_that_are_no_more_or_never_were_do_no_harm(settings: Settings, bench: Bench):
    async with working(settings):
        run_id = bench.start(sleeping(0))
        queue = Queue.open(settings)
        for _ in range(5):
            queue.ring(run_id)
        queue.ring("nobody")
        await until(ended(bench, run_id))
        for _ in range(5):
            queue.ring(run_id)
        await asyncio.sleep(0.2)
    assert bench.types(run_id).count("run_completed") == 1


@pytest.mark.parametrize("blocks", [False, True])
async def test_a_step_may_take_longer_than_the_lease(settings: Settings, bench: Bench, blocks: bool):
    async with working(settings):
        run_id = bench.start(sleeping(2.5, blocks))
        await until(ended(bench, run_id))
    assert "attempt_lost" not in bench.types(run_id)


async def test_a_running_run_is_cancelled(settings: Settings, bench: Bench):
    async with working(settings):
        run_id = bench.start(sleeping(60))
        await until(lambda: "node_started" in bench.types(run_id))
        with bench.db.begin() as conn:
            assert ledger.cancel(conn, DEFAULT_WORKSPACE, run_id, "Ada") == "running"
        await until(ended(bench, run_id))
    assert bench.types(run_id)[-1] == "run_cancelled"


async def test_a_worker_that_stops_gives_its_runs_to_the_next(
    settings: Settings, bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("engine.worker.GRACE_S", 0.2)
    async with working(settings):
        run_id = bench.start(sleeping(1.5))
        await until(lambda: "node_started" in bench.types(run_id))
    assert not ended(bench, run_id)()
    async with working(settings):
        await until(ended(bench, run_id))
    assert "attempt_lost" not in bench.types(run_id)
    assert bench.types(run_id)[-1] == "run_completed"


async def test_a_short_step_is_let_finish_before_the_worker_ends(settings: Settings, bench: Bench):
    async with working(settings):
        run_id = bench.start(sleeping(1))
        await until(lambda: "node_started" in bench.types(run_id))
    assert bench.types(run_id)[-1] == "run_completed"


async def test_a_lost_lease_stops_the_attempt_and_nothing_is_recorded_twice(settings: Settings, bench: Bench):
    async with working(settings) as first:
        run_id = bench.start(sleeping(2))
        await until(lambda: "node_started" in bench.types(run_id))
        with bench.db.begin() as conn:
            conn.exec_driver_sql("update run_queue set state = 'queued', owner = null")
        async with working(settings):
            await until(ended(bench, run_id))
        await until(lambda: not first.runner.alive())
    done = [event.key for event in bench.events(run_id) if event.type == "node_completed"]
    assert len(done) == len(set(done))
    assert bench.types(run_id).count("run_completed") == 1


async def test_a_timer_brings_its_run_back(settings: Settings, bench: Bench):
    wait = {"id": "pause", "kind": "wait", "config": {"seconds": 1}}
    async with working(settings):
        run_id = bench.start(chain(wait, END))
        await until(ended(bench, run_id))
    assert "timer_fired" in bench.types(run_id)


async def test_an_answer_brings_its_run_back(settings: Settings, bench: Bench):
    ask = {"id": "ask", "kind": "approval", "config": {"question": "Go on?"}}
    spec = {"nodes": [ask, END], "edges": [{"source": "ask", "port": "approved", "target": "end"}]}
    async with working(settings):
        run_id = bench.start(spec)
        await until(lambda: bench.types(run_id)[-1] == "run_waiting")
        asked = bench.last(run_id, "approval_requested")
        said = {
            "approval_id": asked.payload["approval_id"], "decision": "approved", "data": {}, "comment": "",
            "decided_by": "Ada",
        }  # fmt: skip
        bench.say(run_id, NewEvent("approval_decided", said, asked.node_id, asked.key))
        await until(ended(bench, run_id))
    assert bench.types(run_id)[-1] == "run_completed"
