"""From what the workspace remembers to what its page draws. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nexod_app.prose import written
from nexod_app.words import count

TABS = (("fact", "Facts"), ("pattern", "Learned"), ("thread", "Threads"))
LONG = 2000
ROLES = {"user": "Asked", "assistant": "Answered", "system": "Told", "summary": "Summary", "tool": "Looked up"}


@dataclass
class Item:
    """A fact, or a pattern learned from what people decided."""

    id: str
    text: str
    subject: str
    seen: str
    run_id: str
    changed: str
    decision: str = ""
    """Of a pattern: approved or rejected."""
    question: str = ""
    before: str = ""
    after: str = ""
    comment: str = ""
    sure: str = ""
    """How sure, in words."""
    percent: int = 0


@dataclass
class Thread:
    """One talk, by its name."""

    name: str
    messages: str
    last_at: str


@dataclass
class Message:
    """One message of the thread that is open."""

    id: str
    role: str
    word: str
    text: str
    run_id: str
    at: str


def item(one: Mapping[str, Any]) -> Item:
    details = one.get("details") or {}
    before, after = change(details.get("before"), details.get("after"))
    return Item(
        id=one["id"],
        text=one["text"],
        subject=one.get("subject") or "",
        seen=f"seen {one['seen']} times" if (one.get("seen") or 1) > 1 else "",
        run_id=one.get("run_id") or "",
        changed=one["updated_at"] or "",
        decision={"approve": "approved", "reject": "rejected"}.get(
            details.get("decision") or "", details.get("decision") or ""
        ),
        question=clipped(details.get("question")),
        before=before,
        after=after,
        comment=clipped(details.get("comment")),
        sure=sure(one.get("confidence") or 0),
        percent=round(100 * min(max(one.get("confidence") or 0, 0), 1)),
    )


def change(before: Any, after: Any) -> tuple[str, str]:
    """Both as text; of objects only the fields that differ."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        return _fields(before, names), _fields(after, names)
    return ("", "") if before == after else (clipped(before), clipped(after))


def _fields(values: Mapping[str, Any], names: Sequence[str]) -> str:
    lines = [f"{name.replace('_', ' ').capitalize()}: {written(values[name])}" for name in names if name in values]
    return clipped("\n".join(lines))


def sure(confidence: float) -> str:
    for least, word in ((0.85, "Very sure"), (0.65, "Fairly sure"), (0.4, "A guess")):
        if confidence >= least:
            return word
    return "A weak guess"


def clipped(value: Any) -> str:
    """As text, of which the beginning of a very long one."""
    if value is None or value == {}:
        return ""
    text = written(value)
    return text if len(text) <= LONG else f"{text[:LONG]}…"


def thread(one: Mapping[str, Any]) -> Thread:
    return Thread(one["thread"], count(one["messages"], "message"), one["last_at"] or "")


def message(one: Mapping[str, Any]) -> Message:
    role = one["role"]
    return Message(
        id=one["id"],
        role=role,
        word=ROLES.get(role, str(role).capitalize()),
        text=one["text"],
        run_id=one.get("run_id") or "",
        at=one.get("created_at") or "",
    )
