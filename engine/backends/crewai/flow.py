"""Plan → a declarative `crewai.flow/v1` definition, run by CrewAI's own Flow engine over the same tokens.

The definition is plain data written here, never read from a file: every method calls `step`
of this module. A trigger is a doorbell; tokens say whether there is work. A node that picks a port or is a join has a
companion router `<id>_NEXT` (no id has capitals) that turns its result into the label `id:port`; multi-listens are
`{and: [{or: …}]}`, since a bare `or` races its triggers and cancels the losers.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from engine.backends.crewai import crew
from engine.backends.crewai.vendor import Flow, Inline, current_flow_method_name
from engine.backends.desk import Desk
from engine.backends.protocol import Steps
from engine.node import Brief
from engine.plan import Plan

NEXT = "_NEXT"


@dataclass(slots=True)
class Game:
    """One run of a definition. A node runs its visits one at a time; Flow by itself would overlap them."""

    steps: Steps
    locks: dict[str, asyncio.Lock] = field(default_factory=dict[str, asyncio.Lock])


GAME: ContextVar[Game] = ContextVar("game")


class Drawn(Inline, Flow[Any]):
    """A flow without memory of its own: each would open a vector store."""

    _skip_auto_memory: bool = True


class CrewAIProgram:
    def __init__(self, plan: Plan) -> None:
        self.definition = define(plan)

    async def run(self, steps: Steps) -> None:
        GAME.set(Game(steps))
        flow: Any = Drawn.from_declaration(contents=self.definition)
        await flow.kickoff_async()


class CrewAIBackend:
    def compile(self, plan: Plan) -> CrewAIProgram:
        return CrewAIProgram(plan)

    async def work(self, brief: Brief, desk: Desk) -> dict[str, Any]:
        return await crew.work(brief, desk)


def define(plan: Plan) -> dict[str, Any]:
    """The `crewai.flow/v1` definition: one method a node, one small router where the next step depends."""
    heard = _heard(plan)
    methods: dict[str, Any] = {}
    for node in plan.nodes:
        labels = sorted(heard[node])
        method: dict[str, Any] = {"do": {"call": "code", "ref": f"{__name__}:step"}}
        if node in plan.entries:
            method["start"] = True
        elif len(labels) == 1:
            method["listen"] = labels[0]
        else:
            method["listen"] = {"and": [{"or": labels}]}
        methods[node] = method
        if plan.targets(node) and not _plain(plan, node):
            methods[node + NEXT] = {
                "listen": node, "router": True, "emit": [f"{node}:{port}" for port in plan.nodes[node].ports],
                "do": {"call": "code", "ref": f"{__name__}:follow"},
            }  # fmt: skip
    return {
        "schema": "crewai.flow/v1", "name": "nexod", "state": {"type": "dict", "default": {}},
        # The bound on visits is ours; this one would count the calls that find nothing to do.
        "config": {"max_method_calls": 10**6, "suppress_flow_events": True}, "methods": methods,
    }  # fmt: skip


def _plain(plan: Plan, node: str) -> bool:
    """Whether the node can be heard by its own name: it leaves by one port each time it is called."""
    return not plan.nodes[node].picks and node not in plan.multi


def _heard(plan: Plan) -> dict[str, set[str]]:
    """What each node listens to: the drawn edges, and for joins whatever else may wake them."""

    def label(node: str, port: str) -> str:
        return node if _plain(plan, node) else f"{node}:{port}"

    heard: dict[str, set[str]] = {node: set() for node in plan.nodes}
    for node, pairs in plan.incoming.items():
        if node not in plan.alls:
            heard[node] |= {label(source, port) for source, port in pairs}
    for (node, port), joins in plan.wakes.items():
        for join in joins:
            heard[join].add(label(node, port))
    return heard


def step(flow: Any, *_: Any) -> Any:
    """Called by the Flow engine; sync, because the method's name is set only during the call."""
    return _step(current_flow_method_name.get())


async def _step(node: str) -> str | None:
    """The port that the next visit of `node` left by, or None when there was nothing to do or it waits."""
    game = GAME.get()
    if game.steps.waits(node):
        return None
    async with game.locks.setdefault(node, asyncio.Lock()):
        await game.steps.step(node)
        return game.steps.left_by.get(node)


def follow(flow: Any, port: str | None, *_: Any) -> str | None:
    """The companion router: where the token went."""
    name = current_flow_method_name.get()
    return f"{name.removesuffix(NEXT)}:{port}" if port else None


backend = CrewAIBackend()
