"""Plan → LangGraph: one async node a step, the drawn edges as its edges, `Tokens` deciding only at joins.

The only home of langgraph. No checkpointer and no `interrupt`: the journal is the truth, and a Pause is a node
that returns no target. A wake that follows no drawn edge goes through `Command(goto=…)`, which adds to the edges
and is not drawn, so `get_graph()` shows what the person drew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph  # pyright: ignore[reportMissingTypeStubs]
from langgraph.types import Command

from engine import llm
from engine.backends import load, talk
from engine.backends.desk import Desk, Hand
from engine.backends.protocol import Steps
from engine.node import Brief, Member, Task
from engine.plan import Plan

STEPS: ContextVar[Steps] = ContextVar("steps")


class State(TypedDict, total=False):
    """Nothing flows through LangGraph's channels: data is read from the journal."""


class LangGraphProgram:
    def __init__(self, plan: Plan) -> None:
        visits = max((node.max_visits for node in plan.nodes.values()), default=1)
        self.graph: Any = build(plan)
        self._config: Any = {"recursion_limit": (visits + 1) * len(plan.nodes) + 10}

    async def run(self, steps: Steps) -> None:
        STEPS.set(steps)
        await self.graph.ainvoke({}, self._config)


class LangGraphBackend:
    def compile(self, plan: Plan) -> LangGraphProgram:
        return LangGraphProgram(plan)

    async def work(self, brief: Brief, desk: Desk) -> dict[str, Any]:
        if len(brief.members) == 1 and len(brief.tasks) == 1:
            return await converse(brief.members[0], brief.tasks[0], desk)
        return await load("crewai").work(brief, desk)


class Talk(TypedDict):
    """A model–tool conversation: who talks about what, what is asked next, and what was answered last."""

    at: Seat
    request: llm.Request
    said: llm.Reply


@dataclass(frozen=True, slots=True)
class Seat:
    desk: Desk
    member: Member
    task: Task
    hands: Mapping[str, Hand]


async def converse(member: Member, task: Task, desk: Desk) -> dict[str, Any]:
    """Model, tools, model … until the model calls none. The last turn has no tools to call."""
    at = Seat(desk, member, task, await desk.hands(member))
    opening = talk.opening(member, task, at.hands)
    end: Talk = await conversation().ainvoke({"at": at, "request": opening}, {"recursion_limit": 10_000})
    result = await talk.finish(desk, member, task, end["request"], end["said"])
    return {**result, "model": desk.model_name, "usage": desk.usage.to_json(), "turns": desk.turns.total()}


@cache
def conversation() -> Any:
    """The compiled graph of all agents; it holds none of them."""
    graph: Any = StateGraph(Talk)
    graph.add_node("model", _model)
    graph.add_node("tools", _tools)
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", _follow, {"tools": "tools", END: END})
    graph.add_edge("tools", "model")
    return graph.compile()


async def _model(state: Talk) -> dict[str, Any]:
    at, request = state["at"], state["request"]
    if at.hands and at.desk.left(at.task.id, at.member.id) <= 1:
        request = replace(request, tools=(), messages=(*request.messages, llm.Message("user", talk.LAST)))
    return {"said": await at.desk.model(at.task.id, at.member.id, request, at.member.provider)}


async def _tools(state: Talk) -> dict[str, Any]:
    at, request, said = state["at"], state["request"], state["said"]
    told = await at.desk.tools(at.task.id, at.member.id, said.tool_calls, at.hands)
    answers = tuple(
        llm.Message("tool", text, tool_call_id=call.id) for call, text in zip(said.tool_calls, told, strict=True)
    )
    return {"request": replace(request, messages=(*request.messages, said.message(), *answers))}


def _follow(state: Talk) -> str:
    return "tools" if state["said"].tool_calls else END


def build(plan: Plan) -> Any:
    """The compiled `StateGraph`."""
    graph: Any = StateGraph(State)
    for node in plan.nodes:
        graph.add_node(node, _body(plan, node))
    for entry in plan.entries:
        graph.add_edge(START, entry)
    for node in plan.nodes:
        targets = {target for port in plan.out[node].values() for target in port}
        guarded = targets if plan.nodes[node].picks else targets & plan.multi
        for target in sorted(targets - guarded):
            graph.add_edge(node, target)
        if guarded:
            graph.add_conditional_edges(node, _pick(node, guarded), {target: target for target in sorted(guarded)})
        if not targets:
            graph.add_edge(node, END)
    return graph.compile()


def _body(plan: Plan, node: str) -> Callable[[State], Awaitable[Any]]:
    every = {target for targets in plan.out[node].values() for target in targets}

    async def body(state: State) -> Any:
        fired = await STEPS.get().step(node)
        hidden = [target for target in fired if target not in every]
        return Command(goto=hidden) if hidden else {}

    return body


def _pick(node: str, drawn: set[str]) -> Callable[[State], Sequence[str]]:
    def pick(state: State) -> Sequence[str]:
        return [target for target in STEPS.get().fired.get(node, ()) if target in drawn]

    return pick


backend = LangGraphBackend()
