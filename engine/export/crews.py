"""Agents, crews and their tools as code."""

from __future__ import annotations

from collections.abc import Callable

from engine.export.sheet import Sheet


def tool(sheet: Sheet, name: str, refuse: Callable[[str, str], None]) -> str:
    """The function of a tool."""
    refuse(f"the tool {name} cannot be written", "Leave it out.")
    return name


def answers_object(name: str) -> bool:
    return name not in ("calculate",)
