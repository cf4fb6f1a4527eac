"""From a question's JSON to what the inbox draws: a card of the list, and the open one. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.form import sentence, titled
from engine.events import to_ms
from nexod_app import prose
from nexod_app.inbox import graph
from nexod_app.inbox.graph import Lead, Step
from nexod_app.words import person

SOON_MS = 24 * 3600_000
CLOSED = ("approved", "rejected", "expired", "cancelled")
WORDS = {"approved": "Approved", "rejected": "Rejected", "expired": "Expired", "cancelled": "Withdrawn"}


@dataclass
class Item:
    """One card of the list."""

    id: str
    question: str
    place: str
    status: str
    word: str
    asked_at: str
    deadline_at: str
    by: str
    decided_at: str
    icon: str
    group: str
    heading: str = ""
    """Stands above the first card of its group."""


@dataclass
class Card:
    """The open question with everything a person needs to answer it."""

    id: str = ""
    run_id: str = ""
    status: str = ""
    word: str = ""
    question: str = ""
    workflow: str = ""
    step: str = ""
    asked_at: str = ""
    deadline_at: str = ""
    place: str = ""
    """Which of how many."""
    empty: bool = True
    """There is nothing but the question."""
    html: str = ""
    text: str = ""
    cut: bool = False
    hash: str = ""
    short_hash: str = ""
    demo: bool = False
    data: dict[str, Any] = field(default_factory=dict)
    fields: list[dict[str, Any]] = field(default_factory=list)
    leads: list[Lead] = field(default_factory=list)
    way: list[Step] = field(default_factory=list)
    by: str = ""
    decided_at: str = ""
    comment: str = ""
    given: list[tuple[str, str]] = field(default_factory=list)
    """The values of the answer, once there is one."""


def item(approval: Mapping[str, Any], flow: Mapping[str, Any], heading: str = "") -> Item:
    return Item(
        id=approval["id"],
        question=approval["question"],
        place=f"{flow.get('name', 'Workflow')} · {graph.title(flow, approval['node_id'])}",
        status=approval["status"],
        word=WORDS.get(approval["status"], ""),
        asked_at=approval.get("created_at") or "",
        deadline_at=approval["deadline_at"] or "",
        by=_by(approval),
        decided_at=approval["decided_at"] or "",
        icon="approval" if approval["type"] == "approval" else "tool",
        group="people" if approval["type"] == "approval" else "integration",
        heading=heading,
    )


def waiting(approvals: Sequence[Mapping[str, Any]], now: int) -> list[tuple[Mapping[str, Any], str]]:
    """Open questions, the most urgent first, each with the heading that it begins."""
    timed = sorted((one for one in approvals if one["deadline_at"]), key=lambda one: one["deadline_at"])
    soon = [one for one in timed if to_ms(one["deadline_at"]) - now < SOON_MS]
    rest = timed[len(soon) :] + [one for one in approvals if not one["deadline_at"]]
    later = "Later" if soon else "Waiting for an answer"
    return _headed(soon, "Due soon") + _headed(rest, later)


def _headed(approvals: Sequence[Mapping[str, Any]], heading: str) -> list[tuple[Mapping[str, Any], str]]:
    return [(one, heading if index == 0 else "") for index, one in enumerate(approvals)]


def card(
    approval: Mapping[str, Any],
    flow: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]],
    kinds: Mapping[str, Mapping[str, Any]],
    place: str = "",
) -> Card:
    path, what = approval["node_id"], approval["content"]
    form = fields(approval["schema"], approval["data"])
    text = prose.written(what)
    return Card(
        id=approval["id"],
        run_id=approval["run_id"],
        status=approval["status"],
        word=WORDS.get(approval["status"], ""),
        question=approval["question"],
        workflow=flow.get("name", "Workflow"),
        step=graph.title(flow, path),
        asked_at=approval.get("created_at") or "",
        deadline_at=approval["deadline_at"] or "",
        place=place,
        empty=what is None,
        html=prose.shown(what),
        text=text[: prose.MOST],
        cut=len(text) > prose.MOST,
        hash=approval["hash"],
        short_hash=f"{approval['hash'][:4]} {approval['hash'][4:8]}",
        demo=graph.by_demo(events),
        data=approval["data"] if isinstance(approval["data"], dict) else {},
        fields=form,
        leads=graph.leads(flow, path, bool(approval["deadline_at"]))
        if approval["type"] == "approval"
        else graph.asked_by(flow, path, approval["type"]),
        way=graph.way(flow, events, kinds),
        by=_by(approval),
        decided_at=approval["decided_at"] or "",
        comment=approval["comment"] or "",
        given=[(one["title"], _said(one["was"])) for one in form] if approval["status"] == "approved" else [],
    )


def _by(approval: Mapping[str, Any]) -> str:
    match approval["status"]:
        case "approved" | "rejected":
            return f"by {person(approval['decided_by'] or 'somebody')}"
        case "expired":
            return "no answer in time"
        case "cancelled":
            return "the run ended"
        case _:
            return ""


def _said(value: Any) -> str:
    match value:
        case True | False:
            return "Yes" if value else "No"
        case None:
            return ""
        case _:
            return prose.written(value)


def fields(schema: Mapping[str, Any] | None, data: Any) -> list[dict[str, Any]]:
    """The form's fields: one for each property of the schema, with the value that it had when it was asked."""
    known = data if isinstance(data, dict) else {}
    required = (schema or {}).get("required") or []
    found = (schema or {}).get("properties") or {}
    return [
        _field(name, one if isinstance(one, dict) else {}, name in required, known.get(name))
        for name, one in found.items()
    ]


def _field(name: str, schema: Mapping[str, Any], required: bool, value: Any) -> dict[str, Any]:
    return {
        "name": name,
        "title": titled(schema, name),
        "help": sentence((schema.get("description") or "").replace("`", "")),
        "kind": _kind(schema, value),
        "options": schema.get("enum") or [],
        "required": required,
        "was": value,
    }


def _kind(schema: Mapping[str, Any], value: Any) -> str:
    if isinstance(schema.get("enum"), list):
        return "choice"
    match schema.get("type"):
        case "boolean" | "integer" | "number" as plain:
            return plain
        case "string":
            roomy = schema.get("maxLength", 0) > 200 and not re.fullmatch(r"https?://\S+", str(value))
            return "long" if roomy or "\n" in str(value) or len(str(value)) > 80 else "text"
        case _:
            return "json"


def faults(details: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What is wrong with which field, from the problems of a refused answer."""
    return {(one["field"] or "").removeprefix("data.").split(".")[0]: one["message"] for one in details}
