"""The icon set: one sprite, `assets/icons.svg`, built into the pages; drawn the same from Python and from JSX."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex_components_core.el.elements.media import Use

from components.linked import linked

SPRITE = linked(__file__, "sprite.js")
STATUS_ICONS: dict[str, str] = {
    "idle": "dot", "pending": "dot", "running": "spin", "waiting": "pause", "completed": "check", "failed": "x",
    "skipped": "skip", "cancelled": "stop", "needs_review": "quest",
    "approved": "check", "rejected": "x", "expired": "clock",
}  # fmt: skip
STATUS_WORDS: dict[str, str] = {
    "idle": "Idle", "pending": "Pending", "running": "Running", "waiting": "Waiting", "completed": "Completed",
    "failed": "Failed", "skipped": "Skipped", "cancelled": "Cancelled", "needs_review": "Needs review",
    "approved": "Approved", "rejected": "Rejected", "expired": "Expired",
}  # fmt: skip

SIGNS = (
    "llm", "agent", "crew", "condition", "wait", "subflow", "fail", "approval", "template", "retrieve", "http", "tool",
    "note", "flow", "book", "clock", "key", "code", "search", "memory", "file", "link", "chat",
)  # fmt: skip
"""Symbols that a kind may wear; the built-in kinds have one of their own name."""


def sign(kind: str, wanted: str) -> str:
    """The symbol of a kind: its own, else the one that it asks for, else that of any step."""
    return kind if kind in SIGNS else wanted if wanted in SIGNS else "flow"


class Symbol(Use):
    """`<use>` of a symbol; whoever draws one has the sprite in the page."""

    def add_imports(self) -> dict[str, Any]:
        return {"": SPRITE}


def icon(name: str | rx.Var[str], size: int = 16, *, bold: bool = False, class_name: str = "") -> rx.Component:
    """One symbol of the sprite; its colour is the text colour around it."""
    return rx.el.svg(
        Symbol.create(href=f"#i-{name}"),
        class_name=f"ic {'b ' if bold else ''}{class_name}".strip(),
        width=str(size),
        height=str(size),
        view_box="0 0 24 24",
        aria_hidden="true",
    )


def tile(name: str | rx.Var[str], group: str | rx.Var[str], size: str = "") -> rx.Component:
    """A kind's icon on its group's colour. `group` in lower case; size "", "m" or "s"."""
    return rx.el.span(
        icon(name, {"": 20, "m": 16, "s": 14}[size]),
        class_name=f"tile {size} g-{group}",
    )


def status_chip(status: str | rx.Var[str], word: str | rx.Var[str] = "") -> rx.Component:
    """Icon, word and colour of a status together; another `word` if one is given."""
    said = _word(status) if isinstance(word, str) and not word else word
    return rx.el.span(_status_icon(status, 14), said, class_name=f"st s-{status}")


def status_badge(status: str | rx.Var[str]) -> rx.Component:
    """The round badge; the word is there for screen readers."""
    return rx.el.span(
        _status_icon(status, 13),
        rx.el.span(_word(status), class_name="sr"),
        class_name=f"bd s-{status}",
        title=_word(status),
    )


def _status_icon(status: str | rx.Var[str], size: int) -> rx.Component:
    if isinstance(status, str):
        return icon(STATUS_ICONS.get(status, "dot"), size, bold=True, class_name="spin" if status == "running" else "")
    return icon(rx.match(status, *STATUS_ICONS.items(), "dot"), size, bold=True, class_name="spin")


def _word(status: str | rx.Var[str]) -> str | rx.Var[str]:
    if isinstance(status, str):
        return STATUS_WORDS.get(status, status)
    return rx.match(status, *STATUS_WORDS.items(), status)
