"""Plan → LangGraph: one async node a step, the drawn edges as its edges, `Tokens` deciding only at joins.

The only home of langgraph. No checkpointer and no `interrupt`: the journal is the truth, and a Pause is a node
that returns no target. A wake that follows no drawn edge goes through `Command(goto=…)`, which adds to the edges
and is not drawn, so `get_graph()` shows what the person drew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph  # pyright: ignore[reportMissingTypeStubs]
from langgraph.types import Command

from engine.backends.protocol import Steps
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
