"""One try at a plan, and the wrapper every backend calls: take, do once, move on.

An attempt runs the whole plan or one nested flow of it; nested ones share the journal and differ in their path.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from json import dumps
from typing import Any

from engine import failpoint
from engine.backends import units
from engine.backends.context import TRIES, Context, Scope, output_of
from engine.backends.run import Run
from engine.errors import Fenced, NodeError
from engine.events import Event, NewEvent
from engine.node import Agent, Call, Effect, Outcome, Pause, Route, Step, SubFlow
from engine.plan import Plan, PlannedNode, resolve
from engine.tokens import Taken, Tokens

RIDE_CHARS = 4096
"""A larger output is committed at once, so that a fault of size is its own step's."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a nested flow stands: `sub/` or `sub[2]/` in paths, `sub#1/` or `sub#1[2]/` in keys."""

    path: str = ""
    key: str = ""

    def winners(self, recorded: dict[str, str]) -> dict[str, str]:
        start = len(self.key)
        return {key[start:]: source for key, source in recorded.items() if key.startswith(self.key)}


class Attempt:
    """`fixed` holds what expressions see besides the steps: input, run, and in a map item and index."""

    def __init__(self, run: Run, plan: Plan, fixed: dict[str, Any], place: Place | None = None) -> None:
        self.run, self.plan, self.fixed, self.place = run, plan, fixed, place or Place()
        self.tokens = Tokens(plan, self.place.winners(run.journal.winners))
        self.values: dict[tuple[str, int], Any] = {}
        self.fired: dict[str, Sequence[str]] = {}
        self.left_by: dict[str, str | None] = {}
        self.failure: tuple[str, NodeError] | None = None

    async def play(self) -> None:
        """Run until nothing more can: then `failure`, `waiting` or neither says how it stands."""
        self.tokens.start()
        if self.plan.entries:
            await self.run.program(self.plan).run(self)
        if not self.failure and not self.tokens.stopped and not self.run.stopped.is_set() and not self._at_rest():
            raise AssertionError(f"tokens left behind: {sorted(self.tokens.waiting)} {sorted(self.tokens.busy)}")

    def _at_rest(self) -> bool:
        return self.waiting or self.tokens.idle()

    @property
    def waiting(self) -> bool:
        return bool(self.tokens.paused)

    def waits(self, node: str) -> bool:
        return node in self.tokens.paused

    def outputs(self) -> dict[str, Any]:
        """The declared outputs over the latest visit of every step. Raises NodeError(bad_expression)."""
        scope = Scope(self.plan, self.values, dict(self.tokens.visits), self.fixed)
        return {name: output_of(self.plan, value, scope, name) for name, value in self.plan.outputs.items()}

    async def step(self, node: str) -> Sequence[str]:
        self.fired[node], self.left_by[node] = (), None
        if self.run.stopped.is_set() or self.failure:
            return ()
        try:
            taken = self.tokens.take(node)
            if taken is None:
                return ()
            outcome = await self._once(self.plan.nodes[node], taken)
        except NodeError as error:
            self._fail(node, error)
            return ()
        except Fenced as signal:
            self.run.stop(signal)
            return ()
        if outcome is None:
            self.tokens.block(node)
            return ()
        self.values[node, taken.visit] = outcome.value
        self.left_by[node] = outcome.port
        self.fired[node] = fired = self.tokens.complete(node, outcome.port)
        return fired

    def _fail(self, node: str, error: NodeError) -> None:
        self.failure = self.failure or (self.place.path + node, error)
        self.tokens.stop()
        if not self.place.path:
            self.run.failure = self.failure
            self.run.stopped.set()

    async def _once(self, node: PlannedNode, taken: Taken) -> Outcome | None:
        key, path = self.place.key + taken.key, self.place.path + node.id
        if node.type.effect(node.config) is Effect.UNSAFE:
            key = TRIES.sub("", key)  # once in the life of a run, however often the flow around it is tried
        recorded = self.run.journal.outcomes.get(key)
        if recorded is not None:
            return _replayed(recorded)
        ctx = Context(self.run, Scope(self.plan, self.values, taken.past, self.fixed), path, key, taken.visit)
        try:
            outcome = await self._begin(node, taken, ctx)
            return None if outcome is None else await self._completed(node, outcome, ctx)
        except NodeError as error:
            return await self._failed(node, error, ctx)

    async def _begin(self, node: PlannedNode, taken: Taken, ctx: Context) -> Outcome | None:
        try:
            inputs = resolve(node.config, ctx.scope)
        except NodeError:
            await self._started(node, taken, ctx, {})
            raise
        await self._started(node, taken, ctx, inputs)
        if isinstance(node.type, Call):
            return await self._called(node, node.type, inputs, ctx)
        if isinstance(node.type, Pause):
            return await units.ask(self.run, node, inputs, ctx)
        if isinstance(node.type, Agent):
            return await units.perform(self.run, node, inputs, ctx)
        return await units.work(self.run, node, inputs, ctx)

    async def _started(self, node: PlannedNode, taken: Taken, ctx: Context, inputs: dict[str, Any]) -> None:
        """Recorded with the next commit, but at once for an `any` join: it holds the winner."""
        if ctx.key in self.run.journal.started:
            return
        first = {"first": taken.source} if node.id in self.plan.anys else {}
        shown = {name: value for name, value in inputs.items() if value is not None and name != "flow"}
        payload = {"visit": taken.visit, "input": shown, **first}
        self.run.journal.ride(NewEvent("node_started", payload, ctx.node_id, ctx.key))
        if first:
            await self.run.journal.append()

    async def _completed(self, node: PlannedNode, outcome: Outcome, ctx: Context) -> Outcome:
        event = NewEvent("node_completed", {"port": outcome.port, "output": outcome.value}, ctx.node_id, ctx.key)
        if self._may_ride(node, outcome):
            return Outcome(outcome.port, self.run.journal.ride(event).payload["output"])
        (written,) = await self.run.journal.append(event)
        failpoint.hit("after_record")
        return Outcome(outcome.port, written.payload["output"])

    def _may_ride(self, node: PlannedNode, outcome: Outcome) -> bool:
        """Whether the record can wait for the next commit: it could be recomputed, or the run ends right here."""
        if len(dumps(outcome.value)) > RIDE_CHARS:
            return False
        if isinstance(node.type, Route) or (isinstance(node.type, Step) and node.type.deterministic):
            return True
        alone = not self.place.path and self.tokens.busy.keys() == {node.id} and not self.tokens.waiting
        last = alone and not self.plan.out[node.id].get(outcome.port)
        return last and node.type.effect(node.config) is Effect.PURE

    async def _failed(self, node: PlannedNode, error: NodeError, ctx: Context) -> Outcome:
        tries = len(self.run.journal.failures.get(ctx.key, ())) + 1
        payload: dict[str, Any] = {"error": error.to_json(), "attempt": tries, "retryable": error.retryable}
        if "error" not in node.ports:
            self.run.journal.ride(NewEvent("node_failed", payload, ctx.node_id, ctx.key))
            raise error
        event = NewEvent("node_failed", {**payload, "port": "error"}, ctx.node_id, ctx.key)
        (written,) = await self.run.journal.append(event)
        return Outcome("error", {"error": written.payload["error"]})

    async def _called(self, node: PlannedNode, kind: Call, inputs: dict[str, Any], ctx: Context) -> Outcome | None:
        while await units.may_try(self.run, ctx):
            try:
                return await self._call(node, kind, inputs, ctx)
            except NodeError as error:
                if not await units.retry(self.run, node, error, ctx):
                    raise
        return None

    async def _call(self, node: PlannedNode, kind: Call, inputs: dict[str, Any], ctx: Context) -> Outcome | None:
        """Run the nested flows, so many at a time; None while one of them waits."""
        slots = asyncio.Semaphore(kind.concurrency(node.config))
        flows = kind.calls(node.config, inputs, ctx)
        failed: list[NodeError] = []
        begun: list[Attempt] = []

        async def one(flow: SubFlow) -> Attempt | None:
            async with slots:
                if failed:
                    return None
                child = self._nested(node, flow, ctx)
                begun.append(child)
                await child.play()
                if child.failure and not kind.collects(node.config):
                    failed.append(child.failure[1])
                    for other in begun:
                        other.tokens.stop()
                return child

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(flow)) for flow in flows]
        if failed:
            raise failed[0]
        children = [child for task in tasks if (child := task.result())]
        if self.run.stopped.is_set() or any(child.waiting and not child.failure for child in children):
            return None
        return Outcome("out", kind.gather(node.config, [_result(child) for child in children]))

    def _nested(self, node: PlannedNode, flow: SubFlow, ctx: Context) -> Attempt:
        mark = "" if flow.index is None else f"[{flow.index}]"
        fixed = {"input": flow.inputs, "run": self.fixed["run"]}
        if flow.index is not None:
            fixed |= {"item": flow.item, "index": flow.index}
        tries = len(ctx.failures())
        again = f"~{tries}" if tries else ""
        place = Place(f"{ctx.node_id}{mark}/", f"{ctx.key}{again}{mark}/")
        return Attempt(self.run, self.plan.subflows[node.id], fixed, place)


def _replayed(recorded: Event) -> Outcome:
    if recorded.type == "node_completed":
        return Outcome(recorded.payload["port"], recorded.payload["output"])
    error = recorded.payload["error"]
    if "port" in recorded.payload:
        return Outcome(recorded.payload["port"], {"error": error})
    extra = {name: value for name, value in error.items() if name not in ("code", "message", "hint")}
    retryable = recorded.payload.get("retryable", False)
    raise NodeError(error["message"], code=error["code"], hint=error.get("hint", ""), retryable=retryable, **extra)


def _result(child: Attempt) -> Any:
    if child.failure:
        node, error = child.failure
        return {"error": {**error.to_json(), "node_id": node}}
    try:
        return child.outputs()
    except NodeError as error:
        return {"error": error.to_json()}
