"""Workers are killed while crews and agents work, some of them waiting for a person in between. What was answered and
recorded is never asked again, and every one ends as if nothing had been."""

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
from dataclasses import dataclass
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
KILLS = int(os.environ.get("NEXOD_TEST_KILLS", "40"))
"""`NEXOD_TEST_KILLS=200` for a longer siege."""
WORKERS, IN_FLIGHT, LEASE_S = 3, 16, 2.0
DELAY_S = 0.15
ROLES = {"Researcher": "facts/researcher", "Analyst": "figures/analyst", "Writer": "text/writer", "Clerk": "task/agent"}
SUMS = {"tool_calls": [{"name": "calculate", "arguments": {"expression": text}} for text in ("5 + 5", "6 + 6")]}
CLERK = [
    {"when": {"system": "You are Clerk", "turn": 0}, "then": {**SUMS, "delay_s": DELAY_S}},
    {"when": {"system": "You are Clerk", "turn": 1}, "then": {"text": "It is {results}.", "delay_s": DELAY_S}},
]


@dataclass(frozen=True, slots=True)
class Work:
    """What is done under fire: how many turns it takes, and what comes out when nobody is killed."""

    spec: dict[str, Any]
    turns: int
    outputs: dict[str, Any]

    def outputs_for(self, topic: str) -> Any:
        return json.loads(json.dumps(self.outputs).replace("topic-0", f"topic-{topic}"))


class Watched(ModelServer):
    """Notes when each request came, and which turn of which run it is."""

    def __init__(self) -> None:
        super().__init__()
        self.came: list[tuple[str, str, float]] = []
        self.script(*script(DELAY_S), *CLERK)

    def _next(self, dialect: Dialect) -> dict[str, Any]:
        role = next(role for role in ROLES if f"You are {role}" in dialect.system)
        topic = dialect.asked.split("topic-")[1].split()[0].strip(".")
        self.came.append((topic, f"crew#1/{ROLES[role]}/model:{dialect.turn}", time.time()))
        return super()._next(dialect)


class Siege:
    def __init__(self, folder: Path, models: Watched, works: list[Work], seed: int) -> None:
        self.chance, self.killed, self.runs = random.Random(seed), 0, dict[str, str]()
        self.models = models
        self.env = {"NEXOD_DATA": str(folder), "NEXOD_LEASE_S": str(LEASE_S), **keys(models)}
        settings = Settings.read(self.env)
        self.db = Database.open(settings.database_url)
        migrate(self.db)
        doorbell.hang(self.db, Queue.open(settings))
        self.ws = Workspace(self.db, DEFAULT_WORKSPACE)
        self.works = works
        self.workflows = [workflows.create(self.ws, work.spec)["id"] for work in works]

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
        started = runs.start(self.ws, self.workflows[len(self.runs) % len(self.works)], {"topic": f"topic-{topic}"})
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

    def faults(self) -> list[str]:
        """Everything that must not be. Empty is good."""
        return [f"{topic}: {fault}" for topic, run in self.runs.items() for fault in self._faults(topic, run)]

    def turns(self) -> int:
        """So many requests there would have been without a kill."""
        return sum(self.work(topic).turns for topic in self.runs)

    def work(self, topic: str) -> Work:
        return self.works[int(topic) % len(self.works)]

    def _faults(self, topic: str, run: str) -> Iterator[str]:
        seen, journal, work = runs.get(self.ws, run), ledger.read_events(self.db, run), self.work(topic)
        if seen["status"] != "completed":
            yield f"is {seen['status']}: {[event.type for event in journal][-6:]}"
        elif seen["outputs"] != work.outputs_for(topic):
            yield f"ends otherwise: {seen['outputs']}"
        recorded = {event.key: event.at / 1000 for event in journal if event.type == "model_called"}
        kinds = ("model_called", "tool_called", "task_completed", "approval_requested", "approval_decided")
        said = Counter((event.type, event.key) for event in journal if event.type in kinds)
        twice = [key for key, times in said.items() if times > 1]
        if twice or any(event.type == "diverged" for event in journal):
            yield f"recorded twice or otherwise: {twice}"
        came = [(key, at) for name, key, at in self.models.came if name == topic]
        for key, at in came:
            if at > recorded.get(key, at):
                yield f"{key} was asked again {at - recorded[key]:.3f} s after it was recorded"
        lost = sum(event.type == "attempt_lost" for event in journal)
        if len(came) - work.turns > lost:
            yield f"{len(came) - work.turns} requests repeated, {lost} attempts lost"


def keys(models: ModelServer) -> dict[str, str]:
    return {"OPENAI_BASE_URL": models.url, "OPENAI_API_KEY": "k", "ANTHROPIC_BASE_URL": models.url,
            "ANTHROPIC_API_KEY": "k"}  # fmt: skip


ASKS = {"name": "calculate", "approve": True}


def crew(target: str, provider: str, asks: bool = False) -> dict[str, Any]:
    """`asks`: the analyst shows its call to a person first."""
    tasks = [{**task, "description": task["description"] + " {{ input.topic }}"} for task in CREW["tasks"]]
    members = [{**m, "tools": [ASKS]} if asks and m["id"] == "analyst" else m for m in CREW["members"]]
    return drawing(target, provider, tasks=tasks, members=members)


def agent(target: str, provider: str) -> dict[str, Any]:
    """An agent in the crew's place, who shows both its calls to a person first."""
    config = {"role": "Clerk", "goal": "Sums", "task": "Add up for {{ input.topic }}.", "tools": [ASKS]}
    spec = drawing(target)
    spec["nodes"][0] = {"id": "crew", "kind": "agent", "config": {**config, "provider": provider}}
    return {**spec, "outputs": {"text": "{{ crew.text }}", "usage": "{{ crew.usage }}"}}


async def undisturbed(models: Watched, spec: dict[str, Any]) -> Work:
    play = Play(plan_of(spec), spec["target"], "topic-0")
    while await play.attempt() == "waiting" and (asked := play.tape.asked() - play.tape.answered() - {"review#1"}):
        play.tape.answer(asked.pop(), "approved")
    turns = len(models.came)
    models.came.clear()
    return Work(spec, turns, play.outputs)


async def test_killed_while_crews_work_nothing_recorded_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Watched() as models:
        for name, value in keys(models).items():
            monkeypatch.setenv(name, value)
        specs = [spec for target in TARGETS for spec in (
            crew(target, "openai"), crew(target, "anthropic", asks=True), agent(target, "openai"),
        )]  # fmt: skip
        works = [await undisturbed(models, spec) for spec in specs]
        assert [work.turns for work in works] == [TURNS, TURNS, 2] * 2
        began = time.monotonic()
        with Siege(tmp_path, models, works, seed=random.randrange(10**6)) as siege:
            due, met = 0.0, 0
            while siege.killed < KILLS or siege.left():
                assert time.monotonic() - began < 300 + 5 * max(0, KILLS - 40), siege.faults()
                if siege.killed < KILLS and siege.left() < IN_FLIGHT:
                    siege.admit()
                # A while after somebody asked a model: kills that let nobody begin would hit nothing.
                if not due and len(models.came) > met:
                    due = time.monotonic() + siege.chance.uniform(0, 0.8)
                if siege.killed < KILLS and due and time.monotonic() > due:
                    siege.kill()
                    due, met = 0.0, len(models.came)
                attend(siege.ws)
                time.sleep(0.02)  # noqa: ASYNC251 - nothing else runs here
            seconds = time.monotonic() - began
            faults = siege.faults()
            repeated = len(models.came) - siege.turns()
    with capsys.disabled():
        print(f"\n{seconds:.0f} s: {siege.killed} kills, {len(siege.runs)} runs, {len(models.came)} model calls, "
              f"{repeated} of them repeated in flight, {len(faults)} faults")  # fmt: skip
    assert faults == []
    assert repeated > 0  # else nothing was hit
