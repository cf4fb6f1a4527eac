"""From what the workspace remembers to what its page draws. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nexod_app.inbox.graph import title
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


def item(one: Mapping[str, Any], flows: Mapping[str, Mapping[str, Any]] | None = None) -> Item:
    """`flows` are the workflows by id, for patterns: their subject is a workflow's id and a step."""
    details = one.get("details") or {}
    before, after = changed(details.get("changes") or [])
    return Item(
        id=one["id"],
        text=one["text"],
        subject=place(one["subject"] or "", flows or {}) if one["kind"] == "pattern" else one["subject"] or "",
        seen=f"seen {one['seen']} times" if (one.get("seen") or 1) > 1 else "",
        run_id=one.get("run_id") or "",
        changed=one["updated_at"] or "",
        decision=details.get("decision") or "",
        question=clipped(details.get("question")),
        before=before,
        after=after,
        comment="" if details.get("comment", "") in one["text"] else clipped(details["comment"]),
        sure=sure(one.get("confidence") or 0),
        percent=round(100 * min(max(one.get("confidence") or 0, 0), 1)),
    )


def place(subject: str, flows: Mapping[str, Mapping[str, Any]]) -> str:
    """`Refund desk · Above the limit`."""
    workflow, _, step = subject.partition("/")
    flow = flows.get(workflow, {})
    return " · ".join(part for part in (flow.get("name", ""), title(flow, step) if step else "") if part)


def changed(changes: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """What somebody changed, as it was and as it became: a line for each field."""
    return clipped(_lines(changes, "from")), clipped(_lines(changes, "to"))


def _lines(changes: Sequence[Mapping[str, Any]], side: str) -> str:
    told = []
    for one in changes:
        name = (one.get("field") or "").replace("_", " ").replace(".", " › ").capitalize()
        value = "nothing" if one.get(side) is None else written(one[side])
        told.append(f"{name}: {value}" if name else value)
    return "\n".join(told)


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
