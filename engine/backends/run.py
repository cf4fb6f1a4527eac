"""What all attempts and nested flows of one run share while it is executed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from engine import llm
from engine.backends.protocol import Backend, Program
from engine.errors import Cancelled, NodeError
from engine.journal import Journal
from engine.node import NO_KNOWLEDGE, Knowledge
from engine.plan import Plan

Emit = Callable[[str, str, str], Awaitable[None]]
"""(node path, key, text): a piece of streamed model text for the live page."""


@dataclass(slots=True)
class Run:
    """`effect_run_id` is the run whose name idempotency keys carry: a retry keeps the first one's."""

    run_id: str
    workspace_id: str
    effect_run_id: str
    started_at: str
    journal: Journal
    backend: Backend
    programs: dict[int, Program]
    emit: Emit
    preferences: llm.Preferences = field(default_factory=llm.Preferences)
    knowledge: Knowledge = NO_KNOWLEDGE
    deadlines: dict[str, float] = field(default_factory=dict[str, float])
    """Key of each running step → the moment (monotonic) after which this worker is taken for hung."""
    effects: set[str] = field(default_factory=set[str])
    """Keys of the unsafe effects that are under way."""
    reviews: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """Key → (node path, reason): steps that only a person can take further."""
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a question is put that several steps may want to put."""
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    failure: tuple[str, NodeError] | None = None
    signal: BaseException | None = None

    def program(self, plan: Plan) -> Program:
        """`plan` compiled, once a version."""
        found = self.programs.get(id(plan))
        if found is None:
            found = self.programs[id(plan)] = self.backend.compile(plan)
        return found

    def stop(self, signal: BaseException) -> None:
        """Nothing new starts; what runs is cancelled by the runner."""
        self.signal = self.signal or signal
        self.stopped.set()

    def cancel(self) -> None:
        self.stop(Cancelled())

    def late(self) -> bool:
        """Whether some step is past its deadline, so that this worker's lease must not be renewed."""
        now = time.monotonic()
        return any(deadline < now for deadline in self.deadlines.values())
