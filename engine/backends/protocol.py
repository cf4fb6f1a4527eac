"""What a backend is: it carries the tokens of a plan over its own engine's edges, and knows no kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from engine.node import Brief
from engine.plan import Plan

if TYPE_CHECKING:
    from engine.backends.desk import Desk


class Steps(Protocol):
    """What a compiled graph asks while it runs (`backends.attempt.Attempt`)."""

    fired: dict[str, Sequence[str]]
    """For each node, what its latest visit set free."""

    left_by: dict[str, str | None]
    """For each node, the port that its latest call left by; None when there was nothing to do or it waits."""

    def waits(self, node: str) -> bool:
        """Whether `node` holds its token for a person or the clock."""
        ...

    async def step(self, node: str) -> Sequence[str]:
        """Run the next visit of `node`, if there is one; answers the nodes that may run now."""
        ...


class Program(Protocol):
    """A plan, compiled; holds no run, so one serves all runs of a version."""

    async def run(self, steps: Steps) -> None:
        """Until nothing more can run. Never raises for a failed step: `steps` remembers that."""
        ...


class Backend(Protocol):
    def compile(self, plan: Plan) -> Program: ...

    async def work(self, brief: Brief, desk: Desk) -> dict[str, Any]:
        """Do what an Agent step is briefed to: {text, data?, tasks?, model, usage, turns}. Whatever costs or changes
        something goes over `desk`. Raises NodeError, and Paused when a person has to answer first."""
        ...
