"""One graph under examination, and the list that its problems go to."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.errors import Problem
from engine.plan.layout import Plan
from engine.spec import FlowSpec, NodeSpec


@dataclass
class Flow:
    """The workflow, or the inside of the subflow step `path`. `mapped`: it runs once for each item of a list;
    `steps` counts those of all flows, in its one element."""

    spec: FlowSpec
    target: str
    found: list[Problem]
    path: str = ""
    depth: int = 0
    mapped: bool = False
    steps: list[int] = field(default_factory=lambda: [0])
    subflows: dict[str, Plan] = field(default_factory=dict[str, Plan])

    def inner(self, node_id: str) -> str:
        return f"{self.path}/{node_id}" if self.path else node_id

    def errors(self) -> int:
        return sum(problem.severity == "error" for problem in self.found)

    def of_step(
        self, code: str, node: NodeSpec, fault: str, cure: str, place: str | None = None, *, warning: bool = False
    ) -> None:
        """A problem of one step; `place` is its field."""
        message = f"{node.title or node.id}: {fault}"
        self._say(code, message, cure, self.inner(node.id), place, warning)

    def of_flow(self, code: str, fault: str, cure: str, place: str | None = None, *, warning: bool = False) -> None:
        """A problem of the flow itself, its edges included."""
        where = f"config.flow.{place}" if self.path and place else place
        self._say(code, fault[:1].upper() + fault[1:], cure, self.path or None, where, warning)

    def _say(self, code: str, message: str, cure: str, owner: str | None, place: str | None, warning: bool) -> None:
        self.found.append(Problem(code, message, cure, owner, place, "warning" if warning else "error"))
