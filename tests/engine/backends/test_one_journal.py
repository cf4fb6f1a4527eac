"""One drawing, one journal: the reference interpreter and the engines record the same, crashes included."""

from __future__ import annotations

import asyncio
import os
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.backends import load
from engine.backends.attempt import Attempt
from engine.backends.run import Run
from engine.errors import Fenced
from engine.events import Event, NewEvent
from engine.journal import Journal
from engine.plan import Plan, build
from engine.spec import WorkflowSpec
from tests.engine.backends.graphs import stable, workflows
from tests.engine.backends.reference import Record, interpret

GRAPHS = int(os.environ.get("NEXOD_TEST_GRAPHS", "100"))
"""In each of the four comparisons; `NEXOD_TEST_GRAPHS=1250` is the long form."""
TARGETS = ["langgraph", "crewai"]
several = settings(
    max_examples=GRAPHS, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


class Tape:
    """A journal in memory that refuses every append from `crash_at` on, as a lost lease would."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.crash_at: int | None = None

    async def append(self, new: list[NewEvent]) -> list[Event]:
        await asyncio.sleep(0)
        if self.crash_at is not None and len(self.events) >= self.crash_at:
            raise Fenced
        made = [Event(len(self.events) + i, e.type, e.node_id, e.key, 0, e.payload) for i, e in enumerate(new)]
        self.events += made
        return made

    def done(self) -> dict[str, tuple[str, Any]]:
        ends = [e for e in self.events if e.type in ("node_completed", "node_failed") and "port" in e.payload]
        return {e.key or "": (e.payload["port"], e.payload.get("output", e.payload.get("error"))) for e in ends}

    def asked(self) -> set[str]:
        return {e.key or "" for e in self.events if e.type == "approval_requested"}

    def answer(self, key: str, port: str) -> None:
        asked = next(e for e in self.events if e.type == "approval_requested" and e.key == key)
        payload = {"approval_id": asked.payload["approval_id"], "decision": port}
        self.events.append(Event(len(self.events), "approval_decided", asked.node_id, key, 0, payload))


async def attempt(plan: Plan, tape: Tape, target: str, programs: dict[int, Any]) -> str:
    """completed, failed, waiting or crashed."""
    journal = Journal(tape.events, tape.append)

    async def emit(*_: str) -> None: ...

    run = Run("r", "w", "r", "2026-01-01T00:00:00Z", journal, load(target), programs, emit)
    top = Attempt(run, plan, {"input": {}, "run": {"id": "r", "started_at": ""}})
    await top.play()
    try:
        await journal.append()
    except Fenced as signal:
        run.stop(signal)
    await journal.close()
    if isinstance(run.signal, Fenced):
        return "crashed"
    return "failed" if run.failure else "waiting" if top.waiting else "completed"


def play(plan: Plan, target: str, chance: random.Random | None) -> list[tuple[str, dict[str, Any], set[str]]]:
    """Every quiescence of a run whose questions are answered one by one: (status, outcomes, questions)."""
    tape, programs, stages = Tape(), dict[int, Any](), []
    while True:
        crashes = chance is not None and chance.random() < 0.5
        tape.crash_at = len(tape.events) + chance.randint(0, 6) if chance and crashes else None
        status = asyncio.run(attempt(plan, tape, target, programs))
        if status == "crashed":
            continue
        stages.append((status, tape.done(), tape.asked()))
        unanswered = sorted(tape.asked() - tape.done().keys())
        if status != "waiting" or len(stages) > 100:
            return stages
        tape.answer(unanswered[0], answer_of(unanswered[0]))


def expected(plan: Plan) -> list[tuple[str, dict[str, Any], set[str]]]:
    record, stages = Record(), []
    while True:
        status = interpret(plan, record)
        stages.append((status, dict(record.done), set(record.asked)))
        unanswered = sorted(record.asked - record.done.keys())
        if status != "waiting" or len(stages) > 100:
            return stages
        record.answers[unanswered[0]] = answer_of(unanswered[0])


def answer_of(key: str) -> str:
    return ("approved", "rejected")[stable(key) % 2]


def same(spec: WorkflowSpec, target: str, seed: int | None) -> None:
    plan, _ = build(spec)
    if plan is None:
        return
    want = expected(plan)
    got = play(plan, target, None if seed is None else random.Random(seed))
    assert [stage[0] for stage in got] == [stage[0] for stage in want]
    if want[-1][0] == "failed":
        # Fail fast: what else got recorded is a race, but nothing that a drained run would not have.
        assert got[:-1] == want[:-1]
        return
    assert got == want


@pytest.mark.parametrize("target", TARGETS)
@several
@given(spec=workflows())
def test_engines_record_what_the_reference_records(target: str, spec: WorkflowSpec) -> None:
    same(spec, target, None)


@pytest.mark.parametrize("target", TARGETS)
@several
@given(spec=workflows(), seed=st.integers(0, 10**6))
def test_crashes_at_any_append_change_nothing(target: str, spec: WorkflowSpec, seed: int) -> None:
    same(spec, target, seed)


@pytest.mark.parametrize("target", TARGETS)
@several
@given(spec=workflows(fails=True), seed=st.integers(0, 10**6))
def test_failures_and_error_ports_are_the_same(target: str, spec: WorkflowSpec, seed: int) -> None:
    same(spec, target, seed)


@pytest.mark.parametrize("target", TARGETS)
@several
@given(spec=workflows(anys=True, nested=False))
def test_any_joins_end_alike(target: str, spec: WorkflowSpec) -> None:
    """Which arrival wins is a race, so only the keys are compared, not what a winner knew."""
    plan, _ = build(spec)
    if plan is None:
        return
    want, got = expected(plan), play(plan, target, None)
    assert [(s, d.keys(), q) for s, d, q in got] == [(s, d.keys(), q) for s, d, q in want] or want[-1][0] == "failed"


@settings(max_examples=50, deadline=None)
@given(spec=workflows())
def test_drawn_edges_are_langgraphs_edges(spec: WorkflowSpec) -> None:
    plan, _ = build(spec)
    if plan is None:
        return
    graph = load("langgraph").compile(plan).graph.get_graph()  # type: ignore[attr-defined]
    drawn = {(e.source, e.target) for e in graph.edges if e.source != "__start__" and e.target != "__end__"}
    assert drawn == {(e.source, e.target) for e in spec.edges}
