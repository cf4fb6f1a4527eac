"""A brief, worked by CrewAI: real agents, tasks and crews, with everything that costs going over the desk.

What an earlier attempt finished is not in the crew any more: later tasks read the recorded texts. CrewAI's retries,
limits, memory, caches, plans and files are off; what the desk raises leaves the kickoff at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextvars import Context
from dataclasses import replace
from typing import Any

from pydantic import PrivateAttr

from engine.backends.crewai import vendor
from engine.backends.crewai.loop import Loop
from engine.backends.crewai.model import DeskModel, Left, Seat, leaving
from engine.backends.crewai.tools import DeskTool
from engine.backends.desk import Desk
from engine.llm import structured
from engine.node import Brief, Member, Task

COMPLETE = "The complete result."
Done = dict[str, dict[str, Any]]
"""{text, data?} of finished tasks, by their id."""


async def work(brief: Brief, desk: Desk) -> dict[str, Any]:
    done: Done = {task.id: found for task in brief.tasks if (found := desk.finished(task.id)) is not None}
    if len(done) < len(brief.tasks):
        crew: Any = await assemble(brief, desk, done)
        try:
            # A context of its own: CrewAI keeps scopes, counters and the current flow in ContextVars.
            await asyncio.create_task(crew.akickoff(), context=Context())
        except Left as left:
            raise left.fault from left.fault.__cause__
    tasks = [{"id": task.id, **_result(done[task.id])} for task in brief.tasks]
    return {
        **_result(done[brief.tasks[-1].id]), "tasks": tasks, "model": desk.model_name, "usage": desk.usage.to_json(),
        "turns": desk.turns.total(),
    }  # fmt: skip


async def assemble(brief: Brief, desk: Desk, done: Done) -> Crew:
    """The crew for what is left to do. Fills `done` as its tasks end."""
    led = brief.process == "hierarchical"
    left = [task for task in brief.tasks if task.id not in done]
    needed = [m for m in brief.members if led or any(task.member == m.id for task in left)]
    # Schemas are for the answer to a task, not for what a manager is told on the way.
    plain = {task.id: replace(task, output_schema=None) if led else task for task in left}
    seats = {m.id: Seat(desk, m, plain, await desk.hands(m)) for m in needed}
    manager = Seat(desk, _manager(brief), {task.id: task for task in left}) if led else None
    agents = {id_: _agent(seat, brief.max_turns) for id_, seat in seats.items()}
    head = None if manager is None else _agent(manager, brief.max_turns, leads=True)
    tasks = {task.id: _known(task, done[task.id]) for task in brief.tasks if task.id in done}
    for task in left:
        seat = manager or seats[task.member]
        tasks[task.id] = _task(task, brief, agents.get(task.member), tasks, seat, done)
    return Crew(
        agents=list(agents.values()), tasks=[tasks[task.id] for task in left], manager_agent=head,
        process=vendor.Process.hierarchical if led else vendor.Process.sequential,
        verbose=False, memory=False, cache=False, planning=False, share_crew=False, tracing=False, checkpoint=False,
    )  # fmt: skip


class Unrecorded:
    """Instead of a database in the user's home that all crews of a machine empty and refill."""

    def reset(self) -> None: ...

    def update(self, *_: object) -> None: ...


class Crew(vendor.Crew):
    _task_output_handler: Any = PrivateAttr(default_factory=Unrecorded)


class Agent(vendor.Agent):
    def _use_trained_data(self, task_prompt: str) -> str:
        return task_prompt  # instead of a pickle in the working directory


def _agent(seat: Seat, max_turns: int, leads: bool = False) -> Agent:
    who = seat.member
    return Agent(
        role=who.role, goal=who.goal, backstory=who.backstory, llm=DeskModel.of(seat), executor_class=Loop,
        tools=[DeskTool.of(hand) for hand in seat.hands.values()], allow_delegation=leads,
        max_iter=max_turns + 2,  # the desk ends it before; here every turn more would end in a call of CrewAI's own
        max_retry_limit=0, verbose=False, cache=False, respect_context_window=False, use_better_compaction=False,
    )  # fmt: skip


def _manager(brief: Brief) -> Member:
    """CrewAI's own words for it."""
    provider, model = brief.manager or ("auto", "")
    name, taken = "manager", {member.id for member in brief.members}
    while name in taken:
        name += "_"
    role, goal, backstory = (
        vendor.I18N_DEFAULT.retrieve("hierarchical_manager_agent", part) for part in ("role", "goal", "backstory")
    )
    return Member(name, role, goal, backstory, provider=provider, model=model)


def _task(
    task: Task, brief: Brief, agent: Agent | None, known: Mapping[str, vendor.Task], seat: Seat, done: Done
) -> vendor.Task:
    async def finished(output: vendor.TaskOutput) -> None:
        async with leaving():
            await seat.desk.task_done(task.id, output.raw, seat.data.get(task.id))
        done[task.id] = {"text": output.raw} | ({"data": seat.data[task.id]} if task.id in seat.data else {})

    led = brief.process == "hierarchical"
    told = task.description
    if task.output_schema and (seat.hands or led):
        told += f"\n\nWhen you are done: {structured.instruction(task.output_schema)}"
    made = vendor.Task(
        name=task.id, description=told, expected_output=task.expected_output or COMPLETE, agent=agent,
        context=[known[id_] for id_ in _reads(task, brief)], allow_crewai_trigger_context=False,
    )  # fmt: skip
    made.callback = finished
    if led:
        made.tools = []  # else the manager gets the member's
    return made


def _known(task: Task, done: Mapping[str, Any]) -> vendor.Task:
    made = vendor.Task(name=task.id, description=task.description, expected_output=task.expected_output or COMPLETE)
    made.output = vendor.TaskOutput(description=task.description, raw=done["text"], agent=task.member)
    return made


def _reads(task: Task, brief: Brief) -> list[str]:
    """The tasks whose results it gets: those named, else the one before it."""
    ids = [t.id for t in brief.tasks]
    at = ids.index(task.id)
    return list(task.context) or ids[max(at - 1, 0) : at]


def _result(done: Mapping[str, Any]) -> dict[str, Any]:
    return {name: done[name] for name in ("text", "data") if name in done}
