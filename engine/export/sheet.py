"""One file under construction: what all its parts share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.errors import Problem
from engine.export.classes import Classes
from engine.export.helpers import HELPERS, TOOLS
from engine.export.names import TAKEN, Names, python_name
from engine.export.tree import Unwritable
from engine.expressions import compile_expression
from engine.plan import Plan, PlannedNode


@dataclass
class Sheet:
    """`env` are the variables that the file reads besides OpenAI's; `pins` the packages that it needs."""

    target: str
    title: str = "Workflow"
    """The name of the workflow, as that of a class."""
    tools_used: frozenset[str] = frozenset()
    helpers: set[str] = field(default_factory=set[str])
    imports: set[str] = field(default_factory=set[str])
    secrets: set[str] = field(default_factory=set[str])
    problems: list[Problem] = field(default_factory=list[Problem])
    tools: dict[str, str] = field(default_factory=dict[str, str])
    """Tools that are left to fill in, as code."""
    stubs: dict[str, str] = field(default_factory=dict[str, str])
    """What they are called."""

    def __post_init__(self) -> None:
        brought = {name for name in HELPERS if name not in TOOLS or name in self.tools_used}
        self.names = Names(TAKEN | brought)
        self.classes = Classes(self.names)

    def use(self, *names: str) -> None:
        self.helpers |= set(names)

    def bring(self, *imports: str) -> None:
        self.imports |= set(imports)


@dataclass
class FlowSheet:
    """One flow of the file: the workflow itself, or the inside of a step. `prefix` sets its names apart."""

    sheet: Sheet
    plan: Plan
    path: str = ""
    prefix: str = ""
    mapped: bool = False
    inputs: Any = None
    item: Any = None
    keys: dict[str, str] = field(default_factory=dict[str, str])
    """How the state calls what a step made, and a method the step."""
    names: dict[str, str] = field(default_factory=dict[str, str])
    """What the function of a step is called."""

    def __post_init__(self) -> None:
        keys = Names()
        for node in self.plan.nodes:
            self.keys[node] = keys.free(python_name(node, self.sheet.target))
            self.names[node] = self.keys[node]
            if self.sheet.target == "langgraph":
                self.names[node] = self.sheet.names.free(python_name(f"{self.prefix}{node}", self.sheet.target))

    @property
    def top(self) -> bool:
        return not self.path

    def fault(self, node: PlannedNode | None, field: str, unwritable: Unwritable) -> None:
        """A problem of the export: what cannot be written, and where it stands."""
        owner = f"{self.path}{node.id}" if node else self.path.rstrip("/") or None
        title = f"{node.title}: " if node else ""
        cure = unwritable.cure or "Change it, or run this workflow in Nexod."
        self.sheet.problems.append(Problem("bad_value", f"{title}{unwritable.fault}.", cure, owner, field))


def reads(source: str) -> frozenset[str]:
    return compile_expression(source).names
