"""One drawing, one journal: the reference interpreter and the engines record the same, crashes included."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from engine.backends import load
from engine.backends.attempt import Attempt
from engine.backends.run import Run
from engine.errors import Fenced
from engine.events import Event, EventType, NewEvent
from engine.journal import Journal
from engine.node import NO_KNOWLEDGE, Knowledge
from engine.plan import Plan, build
from engine.spec import WorkflowSpec
from engine.store.models import new_id
from tests.engine.backends.graphs import stable, workflows
from tests.engine.backends.reference import Record, interpret

GRAPHS = int(os.environ.get("NEXOD_TEST_GRAPHS", "100"))
"""In each of the five comparisons (the fifth is in `test_every_kind.py`); `NEXOD_TEST_GRAPHS=1250` is the long form."""
TARGETS = ["langgraph", "crewai"]
several = settings(
    max_examples=GRAPHS, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


class Tape:
    """A journal in memory that refuses every append from `crash_at` on, as a lost lease would."""

    def __init__(self) -> None:
        self.run_id = new_id()
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
        """People, and the clock."""
        return {e.key or "" for e in self.events if e.type in ("approval_requested", "timer_set")}

    def answered(self) -> set[str]:
        return {e.key or "" for e in self.events if e.type in ("approval_decided", "timer_fired")}

    def answer(self, key: str, port: str) -> None:
        asked = next(e for e in self.events if e.type in ("approval_requested", "timer_set") and e.key == key)
        type_: EventType = "timer_fired" if asked.type == "timer_set" else "approval_decided"
        payload = {**asked.payload, "decision": port}
        self.events.append(Event(len(self.events), type_, asked.node_id, key, 0, payload))


async def attempt(
    plan: Plan, tape: Tape, target: str, programs: dict[int, Any], knowledge: Knowledge = NO_KNOWLEDGE
) -> str:
    """completed, failed, waiting or crashed."""
    journal = Journal(tape.events, tape.append)

    async def emit(*_: str) -> None: ...

    run = Run(tape.run_id, "w", tape.run_id, "2026-01-01T00:00:00Z", journal, load(target), programs, emit)
    run.knowledge = knowledge
    top = Attempt(run, plan, {"input": {}, "run": {"id": tape.run_id, "started_at": ""}})
    await top.play()
    try:
        await journal.append()
    except Fenced as signal:
        run.stop(signal)
    await journal.close()
    if isinstance(run.signal, Fenced):
        return "crashed"
    return "failed" if run.failure else "waiting" if top.waiting else "completed"


Stage = tuple[str, dict[str, Any], set[str]]
"""A quiescence: status, outcomes, questions."""


def play(plan: Plan, target: str, chance: random.Random | None, knowledge: Knowledge = NO_KNOWLEDGE) -> list[Stage]:
    """Every quiescence of a run whose questions are answered one by one."""
    tape, programs, stages = Tape(), dict[int, Any](), list[Stage]()
    while True:
        crashes = chance is not None and chance.random() < 0.5
        tape.crash_at = len(tape.events) + chance.randint(0, 6) if chance and crashes else None
        status = asyncio.run(attempt(plan, tape, target, programs, knowledge))
        if status == "crashed":
            continue
        stages.append((status, tape.done(), tape.asked()))
        unanswered = sorted(tape.asked() - tape.answered())
        if status != "waiting" or len(stages) > 100:
            return stages
        tape.answer(unanswered[0], answer_of(unanswered[0]))


def expected(interpret: Callable[[Record], str]) -> list[Stage]:
    record, stages = Record(), list[Stage]()
    while True:
        status = interpret(record)
        stages.append((status, dict(record.done), set(record.asked)))
        unanswered = sorted(record.asked - record.answers.keys())
        if status != "waiting" or len(stages) > 100:
            return stages
        record.answers[unanswered[0]] = answer_of(unanswered[0])


def answer_of(key: str) -> str:
    return ("approved", "rejected")[stable(key) % 2]


def same(spec: WorkflowSpec, target: str, seed: int | None) -> None:
    plan = planned(spec)
    want = expected(partial(interpret, plan))
    agree(want, play(plan, target, None if seed is None else random.Random(seed)))


def planned(spec: WorkflowSpec) -> Plan:
    """Drawings that the planner refuses are not counted."""
    plan, _ = build(spec)
    assume(plan is not None)
    assert plan is not None
    return plan


def agree(want: list[Stage], got: list[Stage]) -> None:
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
    plan = planned(spec)
    want, got = expected(partial(interpret, plan)), play(plan, target, None)
    assert [(s, d.keys(), q) for s, d, q in got] == [(s, d.keys(), q) for s, d, q in want] or want[-1][0] == "failed"


@settings(max_examples=50, deadline=None)
@given(spec=workflows())
def test_drawn_edges_are_langgraphs_edges(spec: WorkflowSpec) -> None:
    graph = load("langgraph").compile(planned(spec)).graph.get_graph()  # type: ignore[attr-defined]
    drawn = {(e.source, e.target) for e in graph.edges if e.source != "__start__" and e.target != "__end__"}
    assert drawn == {(e.source, e.target) for e in spec.edges}
