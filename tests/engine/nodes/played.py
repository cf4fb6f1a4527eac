"""One step in the real engine: planned, executed and journalled, with the journal in memory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from engine.backends import load
from engine.backends.attempt import Attempt
from engine.backends.run import Run
from engine.errors import NodeError
from engine.events import Event, NewEvent
from engine.journal import Journal
from engine.plan import build
from engine.spec import read


@dataclass
class Played:
    """A step with its journal; `again` plays a further attempt over the same one."""

    spec: dict[str, Any]
    inputs: dict[str, Any]
    events: list[Event] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    failure: NodeError | None = None
    review: str | None = None

    @property
    def output(self) -> Any:
        return self.of("node_completed")[-1]["output"]

    def of(self, type_: str) -> list[dict[str, Any]]:
        return [e.payload for e in self.events if e.type == type_]

    def again(self) -> Played:
        asyncio.run(self._attempt())
        return self

    async def _append(self, new: list[NewEvent]) -> list[Event]:
        made = [Event(len(self.events) + i, e.type, e.node_id, e.key, 0, e.payload) for i, e in enumerate(new)]
        self.events += made
        return made

    async def _attempt(self) -> None:
        spec, problems = read(self.spec)
        assert spec, problems
        plan, problems = build(spec)
        assert plan, problems
        journal = Journal(self.events, self._append)

        async def emit(_path: str, _key: str, text: str) -> None:
            self.tokens.append(text)

        run = Run("run-1", "w", "run-1", "2026-01-01T00:00:00Z", journal, load("langgraph"), {}, emit)
        scope = {"input": self.inputs, "run": {"id": "run-1", "started_at": "2026-01-01T00:00:00Z"}}
        await Attempt(run, plan, scope).play()
        await journal.append()
        await journal.close()
        self.failure = run.failure[1] if run.failure else None
        self.review = next((reason for _, reason in run.reviews.values()), None)


def play(kind: str, config: dict[str, Any], inputs: dict[str, Any] | None = None, **node: Any) -> Played:
    """The step `it` of this kind, run once."""
    step = {"id": "it", "kind": kind, "config": config, **node}
    return Played({"nexod": 1, "name": "One step", "nodes": [step]}, inputs or {}).again()
