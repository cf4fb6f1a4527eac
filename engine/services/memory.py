"""What the workspace remembers, for people: facts, patterns learned from decisions, and the threads of talk."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from engine.errors import Invalid, NotFound, Problem
from engine.events import rfc3339
from engine.knowledge import memory
from engine.secrets import redact
from engine.services.pages import id_cursor, limit_of, page, time_cursor
from engine.store import memory as rows
from engine.store.models import MemoryItem, ThreadMessage, new_id
from engine.store.session import Workspace
from engine.values import is_object

KINDS = ("fact", "pattern")
ITEM, MESSAGE = {"text": 10_000, "subject": 200}, {"text": 8_000}
"""Fields that a person may write, and their longest values."""
ALL = 1_000_000


def list_items(
    ws: Workspace, kind: str | None = None, query: str = "", limit: int | None = None, after: str | None = None
) -> dict[str, Any]:
    """Last changed first. `kind` is fact or pattern; `query`: words that all have to be in it."""
    most = limit_of(limit)
    if kind and kind not in KINDS:
        raise _bad("kind", "kind is fact or pattern.")
    with ws.read() as tx:
        found = rows.items(tx, most + 1, time_cursor(after), kind or "", query.split()[:10])
        return page(found, most, item_json, lambda row: (row.updated_at, row.id))


def add_item(ws: Workspace, body: Any) -> dict[str, Any]:
    """A fact that a person writes down: `{"text", "subject"?}`."""
    said = _fields(body, ITEM)
    if "text" not in said:
        raise _bad("text", "text is missing.")
    with ws.begin() as tx:
        row = MemoryItem(
            workspace_id=ws.id, id=new_id(), text=said["text"], subject=said.get("subject", ""),
            created_at=tx.now, updated_at=tx.now,
        )  # fmt: skip
        tx.add(row)
        return item_json(row)


def get_item(ws: Workspace, item_id: str) -> dict[str, Any]:
    with ws.read() as tx:
        return item_json(rows.item(tx, item_id))


def update_item(ws: Workspace, item_id: str, body: Any) -> dict[str, Any]:
    """`{"text"?, "subject"?}`."""
    said = _fields(body, ITEM)
    with ws.begin() as tx:
        row = rows.item(tx, item_id)
        for name, value in said.items():
            setattr(row, name, value)
        row.updated_at = max(tx.now, row.updated_at + 1)
        tx.add(row)
        return item_json(row)


def delete_item(ws: Workspace, item_id: str) -> None:
    with ws.begin() as tx:
        tx.delete(rows.item(tx, item_id))
    memory.forget(ws.db, ws.id, item_id)


def list_threads(ws: Workspace, limit: int | None = None, after: str | None = None) -> dict[str, Any]:
    """The one spoken in last comes first."""
    most = limit_of(limit)
    with ws.read() as tx:
        return page(rows.threads(tx, most + 1, time_cursor(after)), most, _thread_json, lambda row: (row[2], row[0]))


def thread(ws: Workspace, thread: str, limit: int | None = None, after: str | None = None) -> dict[str, Any]:
    """Its messages, oldest first."""
    most = limit_of(limit)
    with ws.read() as tx:
        return page(rows.messages(tx, thread, most + 1, id_cursor(after)), most, message_json, lambda row: row.id)


def update_message(ws: Workspace, message_id: str, body: Any) -> dict[str, Any]:
    """`{"text"}`."""
    said = _fields(body, MESSAGE)
    with ws.begin() as tx:
        row = rows.message(tx, message_id)
        row.text = said.get("text", row.text)
        tx.add(row)
        return message_json(row)


def delete_message(ws: Workspace, message_id: str) -> None:
    """A summary of older messages may still tell of it: that is a message, too."""
    with ws.begin() as tx:
        tx.delete(rows.message(tx, message_id))


def delete_thread(ws: Workspace, thread: str) -> None:
    with ws.begin() as tx:
        if not rows.forget_thread(tx, thread):
            raise NotFound(f"There is no thread {thread!r}.")


def export(ws: Workspace) -> dict[str, Any]:
    """All of it, for one JSON file."""
    with ws.read() as tx:
        kept = [item_json(row) for row in rows.items(tx, ALL)]
        talk = groupby(rows.all_messages(tx), key=lambda row: row.thread)
        threads = [{"thread": name, "messages": [message_json(row) for row in said]} for name, said in talk]
        facts, patterns = ([one for one in kept if one["kind"] == kind] for kind in KINDS)
        return {
            "nexod_memory": 1, "exported_at": rfc3339(tx.now), "facts": facts, "patterns": patterns, "threads": threads,
        }  # fmt: skip


def item_json(row: MemoryItem) -> dict[str, Any]:
    return {
        "id": row.id, "kind": row.kind, "text": row.text, "subject": row.subject, "confidence": row.confidence,
        "seen": row.seen, "details": row.details, "run_id": row.run_id,
        "created_at": rfc3339(row.created_at), "updated_at": rfc3339(row.updated_at),
    }  # fmt: skip


def message_json(row: ThreadMessage) -> dict[str, Any]:
    return {
        "id": row.id, "role": row.role, "text": row.text, "run_id": row.run_id, "created_at": rfc3339(row.created_at)
    }  # fmt: skip


def _thread_json(row: rows.Thread) -> dict[str, Any]:
    return {"thread": row[0], "messages": row[1], "last_at": rfc3339(row[2])}


def _fields(body: Any, longest: Mapping[str, int]) -> dict[str, str]:
    """What a person wrote as it is kept: trimmed, without known secrets."""
    if not is_object(body):
        raise _bad("", "The body is a JSON object.")
    for name, value in body.items():
        most = longest.get(name)
        if most is None:
            raise _bad(name, f"{name!r} is no field here.", "unknown_field")
        if not isinstance(value, str) or len(value) > most or "\0" in value or (name == "text" and not value.strip()):
            raise _bad(name, f"{name} is text of at most {most:,} characters{', not empty' * (name == 'text')}.")
    return redact({name: value.strip() for name, value in body.items()})


def _bad(field: str, message: str, code: str = "bad_value") -> Invalid:
    return Invalid.of([Problem(code, message, field=field)], message)
