"""Workers are killed while crews work. What was answered and recorded is never asked again, and every crew ends as if
nothing had been."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.backends import TARGETS
from engine.queue import Queue
from engine.services import doorbell, runs, workflows
from engine.settings import Settings
from engine.store import ledger
from engine.store.database import Database, Statement
from engine.store.migrate import migrate
from engine.store.models import DEFAULT_WORKSPACE
from engine.store.session import Workspace
from tests.engine.backends.crews import CREW, TURNS, Play, drawing, plan_of, script
from tests.engine.killing import attend
from tests.running import ROOT
from tests.world.dialects import Dialect
from tests.world.models import ModelServer

_OWNERS = Statement("select owner from run_queue where state = 'running'")
KILLS, WORKERS, IN_FLIGHT, LEASE_S = 40, 3, 16, 2.0
DELAY_S = 0.15
PLACES = {"Researcher": "facts/researcher", "Analyst": "figures/analyst", "Writer": "text/writer"}


class Watched(ModelServer):
    """Notes when each request came, and which turn of which run it is."""

    def __init__(self) -> None:
        super().__init__()
        self.came: list[tuple[str, str, float]] = []
        self.script(*script(DELAY_S))

    def _next(self, dialect: Dialect) -> dict[str, Any]:
        role = next(role for role in PLACES if f"You are {role}" in dialect.system)
        topic = dialect.asked.split("topic-")[1].split()[0].strip(".")
        self.came.append((topic, f"crew#1/{PLACES[role]}/model:{dialect.turn}", time.time()))
        return super()._next(dialect)


class Siege:
    def __init__(self, folder: Path, models: Watched, seed: int) -> None:
        self.chance, self.killed, self.runs = random.Random(seed), 0, dict[str, str]()
        self.models = models
        self.env = {"NEXOD_DATA": str(folder), "NEXOD_LEASE_S": str(LEASE_S), "OPENAI_BASE_URL": models.url,
                    "OPENAI_API_KEY": "k"}  # fmt: skip
        settings = Settings.read(self.env)
        self.db = Database.open(settings.database_url)
        migrate(self.db)
        doorbell.hang(self.db, Queue.open(settings))
        self.ws = Workspace(self.db, DEFAULT_WORKSPACE)
        self.workflows = [workflows.create(self.ws, crew(target))["id"] for target in TARGETS]

    def __enter__(self) -> Siege:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.engine.backends.besieged", str(WORKERS)],
            cwd=ROOT, env=os.environ | self.env, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout
        assert self.process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(20)
        self.db.close()

    def admit(self) -> None:
        topic = str(len(self.runs))
        started = runs.start(self.ws, self.workflows[len(self.runs) % 2], {"topic": f"topic-{topic}"})
        self.runs[topic] = started["run_id"]

    def kill(self) -> None:
        """One worker that has crews, at whatever it is doing."""
        with self.db.read() as conn:
            owners = [row.owner for row in _OWNERS(conn)]
        busy = [child.pid for child in self._workers() if any(f":{child.pid}:" in owner for owner in owners)]
        for pid in self.chance.sample(busy, min(1, len(busy))):
            os.kill(pid, signal.SIGKILL)
            self.killed += 1

    def _workers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def left(self) -> int:
        ended = ("completed", "failed", "cancelled")
        return sum(runs.get(self.ws, run)["status"] not in ended for run in self.runs.values())

    def faults(self, want: dict[str, Any]) -> list[str]:
        """Everything that must not be. Empty is good."""
        return [f"{topic}: {fault}" for topic, run in self.runs.items() for fault in self._faults(topic, run, want)]

    def _faults(self, topic: str, run: str, want: dict[str, Any]) -> Iterator[str]:
        seen, journal = runs.get(self.ws, run), ledger.read_events(self.db, run)
        if seen["status"] != "completed":
            yield f"is {seen['status']}: {[event.type for event in journal][-6:]}"
        elif seen["outputs"] != json.loads(json.dumps(want).replace("topic-0", f"topic-{topic}")):
            yield f"ends otherwise: {seen['outputs']}"
        recorded = {event.key: event.at / 1000 for event in journal if event.type == "model_called"}
        kinds = ("model_called", "tool_called", "task_completed")
        twice = [key for key, n in Counter(e.key for e in journal if e.type in kinds).items() if n > 1]
        if twice or any(event.type == "diverged" for event in journal):
            yield f"recorded twice or otherwise: {twice}"
        came = [(key, at) for name, key, at in self.models.came if name == topic]
        for key, at in came:
            if at > recorded.get(key, at):
                yield f"{key} was asked again {at - recorded[key]:.3f} s after it was recorded"
        lost = sum(event.type == "attempt_lost" for event in journal)
        if len(came) - TURNS > lost:
            yield f"{len(came) - TURNS} requests repeated, {lost} attempts lost"


def crew(target: str) -> dict[str, Any]:
    tasks = [{**task, "description": task["description"] + " {{ input.topic }}"} for task in CREW["tasks"]]
    return drawing(target, tasks=tasks)


async def undisturbed(models: Watched) -> dict[str, Any]:
    play = Play(plan_of(crew("crewai")), "crewai", "topic-0")
    assert await play.attempt() == "waiting"
    models.came.clear()
    return play.outputs


async def test_killed_while_crews_work_nothing_recorded_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Watched() as models:
        monkeypatch.setenv("OPENAI_BASE_URL", models.url)
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        want, began = await undisturbed(models), time.monotonic()
        with Siege(tmp_path, models, seed=random.randrange(10**6)) as siege:
            due = time.monotonic() + 1
            while siege.killed < KILLS or siege.left():
                assert time.monotonic() - began < 300, siege.faults(want)
                if siege.killed < KILLS and siege.left() < IN_FLIGHT:
                    siege.admit()
                if siege.killed < KILLS and time.monotonic() > due:
                    due += siege.chance.uniform(0.2, 0.9)
                    siege.kill()
                attend(siege.ws)
                time.sleep(0.02)  # noqa: ASYNC251 - nothing else runs here
            seconds = time.monotonic() - began
            faults = siege.faults(want)
            repeated = len(models.came) - TURNS * len(siege.runs)
    with capsys.disabled():
        print(f"\n{seconds:.0f} s: {siege.killed} kills, {len(siege.runs)} crews, {len(models.came)} model calls, "
              f"{repeated} of them repeated in flight, {len(faults)} faults")  # fmt: skip
    assert faults == []
    assert repeated > 0  # else nothing was hit
