"""The agent library: specialists and crews that are ready to use, each one a class in one file.

A class names its tools and its brief; what it gives is the whole config of an `agent` or `crew` step, which people
then change as they like. Built-ins are the files of this folder, plugins come by the entry points `nexod.agents`.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, TypeVar

from engine import plugins
from engine.node import Task, ToolUse


class Preset:
    """What specialists and crews share; subclass one of the two, not this."""

    kind: ClassVar[str]
    name: ClassVar[str]
    title: ClassVar[str]
    inputs: ClassVar[Mapping[str, str]] = {}
    """Name → title of the inputs that its task reads."""

    @property
    def help(self) -> str:
        return inspect.cleandoc(self.__doc__ or "")

    def config(self) -> dict[str, Any]:
        """Of a step of its kind, complete."""
        raise NotImplementedError


class Specialist(Preset):
    """One agent: its tools and its brief. The docstring says in a sentence what it is good for."""

    kind = "agent"
    tools: ClassVar[tuple[ToolUse, ...]] = ()
    role: ClassVar[str]
    goal: ClassVar[str]
    backstory: ClassVar[str]
    task: ClassVar[str]
    expected_output: ClassVar[str] = ""
    output_schema: ClassVar[dict[str, Any] | None] = None

    def config(self) -> dict[str, Any]:
        schema = {"output_schema": self.output_schema} if self.output_schema else {}
        return {**self._who(), "task": self.task, "expected_output": self.expected_output, **schema}

    def member(self) -> dict[str, Any]:
        """The same one as a member of a crew."""
        return {"id": self.name, **self._who()}

    def _who(self) -> dict[str, Any]:
        tools = [{"name": t.name, "config": dict(t.config), "approve": t.approve} for t in self.tools]
        return {"role": self.role, "goal": self.goal, "backstory": self.backstory, "tools": tools}


class Team(Preset):
    """A crew: members of the library and what each of them does."""

    kind = "crew"
    members: ClassVar[tuple[str, ...]]
    tasks: ClassVar[tuple[Task, ...]]

    def config(self) -> dict[str, Any]:
        return {
            "members": [specialist(name).member() for name in self.members],
            "tasks": [_task(task) for task in self.tasks],
            "process": "sequential",
        }


def _task(task: Task) -> dict[str, Any]:
    schema = {"output_schema": task.output_schema} if task.output_schema else {}
    return {
        "id": task.id, "description": task.description, "expected_output": task.expected_output,
        "member": task.member, "context": list(task.context), **schema,
    }  # fmt: skip


def record(**parts: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of an object that has all of these."""
    return {"type": "object", "properties": parts, "required": list(parts)}


def text(title: str = "", *choices: str) -> dict[str, Any]:
    return {"type": "string", **({"title": title} if title else {}), **({"enum": list(choices)} if choices else {})}


def number(title: str, least: float, most: float | None = None) -> dict[str, Any]:
    return {"type": "number", "title": title, "minimum": least, **({} if most is None else {"maximum": most})}


def yes_no(title: str) -> dict[str, Any]:
    return {"type": "boolean", "title": title}


def many(title: str, one: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "title": title, "items": one}


T = TypeVar("T", bound=Preset)
_PRESETS: dict[str, Preset] = {}


def preset(cls: type[T]) -> type[T]:
    """Register a specialist or a team. A second one of the same name is refused."""
    taken = _PRESETS.get(cls.name)
    if taken is not None and type(taken).__module__ != cls.__module__:
        raise ValueError(f"agent {cls.name!r} is taken by {type(taken).__qualname__}; choose another name")
    _PRESETS[cls.name] = cls()
    return cls


@cache
def registry() -> Mapping[str, Preset]:
    """All of the library: the files of this folder, then the entry points `nexod.agents`."""
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
        importlib.import_module(f"{__name__}.{module}")
    plugins.load("nexod.agents")
    return _PRESETS


def specialist(name: str) -> Specialist:
    found = registry().get(name)
    if not isinstance(found, Specialist):
        raise ValueError(f"there is no specialist {name!r}")
    return found
