"""A document comes in: recognised by content or source, its row and original kept, then left to the workers."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from engine.errors import Invalid, NodeError, Problem, TooLarge, Unavailable
from engine.settings import Settings
from engine.store import chores
from engine.store import collections as rows
from engine.store import documents as queue
from engine.store import runs as requests_kept
from engine.store.models import Document
from engine.store.session import Session, Workspace

FILE_BYTES = 25 * 2**20
TITLE = 300
URL = 4000
HEADING = re.compile(r"^#{1,6} \S", re.M)


class New(NamedTuple):
    """What is to be added. `data` None: it is fetched from `source`."""

    origin: str
    source: str
    title: str
    content_type: str
    data: bytes | None
    workflow_id: str | None = None

    @property
    def digest(self) -> str:
        return "" if self.data is None else sha256(self.data).hexdigest()


def put(ws: Workspace, settings: Settings, collection_id: str, new: New, key: str | None = None) -> dict[str, Any]:
    """Row first, then the original, then the queue: whatever is lost in between leaves nothing behind."""
    with ws.begin() as tx:
        rows.one(tx, collection_id, lock=True)
        answer = _remembered(tx, collection_id, new, key)
        if answer:
            row = tx.get(Document, (ws.id, answer["document_id"]))
            if row is None or row.owner != queue.UPLOAD:
                return answer
        else:
            row = _row(tx, collection_id, new)
            answer = {"document_id": row.id, "status": row.status}
            _remember(tx, collection_id, new, key, answer)
        tx.flush()
        waits, epoch, place = row.owner == queue.UPLOAD, row.epoch, row.file_key
    if waits and new.data is not None and place:
        _store(ws, settings, row, epoch, place, new.data)
    return answer


def _row(tx: Session, collection_id: str, new: New) -> Document:
    """The document that this is: a new version of one from the same source, one with the same content, or another."""
    row = rows.same_source(tx, collection_id, new.source)
    found = row if row is not None else rows.same_content(tx, collection_id, new.digest) if new.digest else None
    if found is not None and new.digest and found.hash == new.digest:
        missing = found.owner == queue.UPLOAD or (found.error or {}).get("code") in ("upload_lost", "file_missing")
        if found.status == "failed":
            rows.renew(tx, found)
        if missing:
            rows.expect_file(tx, found)
        found.hash = new.digest
        return found
    if row is None:
        row = rows.new(tx, collection_id, title=new.title, source=new.source, origin=new.origin)
    else:
        rows.renew(tx, row)
    row.title, row.origin = new.title, new.origin
    row.content_type, row.workflow_id = new.content_type, new.workflow_id
    if new.data is not None:
        row.hash, row.size = new.digest, len(new.data)
        rows.expect_file(tx, row)
    return row


def _store(ws: Workspace, settings: Settings, row: Document, epoch: int, place: str, data: bytes) -> None:
    from engine.documents import files

    try:
        files.FileStore.open(settings).put(place, data)
    except NodeError as fault:
        with ws.begin() as tx:
            left = tx.get(Document, (ws.id, row.id), with_for_update=True)
            if left is not None and left.epoch == epoch:
                rows.forget(tx, left) if not left.live else stop(tx, left, fault.to_json())
        raise Unavailable(f"The file cannot be kept: {fault.message}", hint=fault.hint) from fault
    if not queue.arrived(ws.db, ws.id, row.id, epoch):
        _late(ws, row, place)


def _late(ws: Workspace, row: Document, place: str) -> None:
    """While the original was put, a newer one may have come, which forgot this one before it was there."""
    with ws.begin() as tx:
        left = tx.get(Document, (ws.id, row.id))
        if left is None or left.file_key != place:
            chores.forget(tx.connection(), ws.id, row.collection_id, files=place)


def _remembered(tx: Session, collection_id: str, new: New, key: str | None) -> dict[str, Any] | None:
    """What this Idempotency-Key was answered."""
    found = requests_kept.remembered(tx.connection(), tx.workspace_id, "documents", key) if key else None
    if found is None:
        return None
    if found[0] != _print(collection_id, new):
        raise Invalid("This Idempotency-Key was used with another body.", hint="Use a new key for a new request.")
    return found[1]


def _remember(tx: Session, collection_id: str, new: New, key: str | None, answer: dict[str, Any]) -> None:
    if key:
        told = _print(collection_id, new)
        requests_kept.remember(tx.connection(), tx.workspace_id, "documents", key, told, 202, answer, tx.now)


def _print(collection_id: str, new: New) -> str:
    return sha256("\n".join((collection_id, new.origin, new.source, new.digest)).encode()).hexdigest()


# What may be added -------------------------------------------------------------------------------------------


def of_url(value: Any, title: str = "", workflow_id: str | None = None) -> New:
    from engine import egress

    if not isinstance(value, str) or not 0 < len(value) <= URL:
        raise invalid("wrong_type", f"url is a text of at most {URL} characters.", "https://…", "url")
    try:
        url = str(egress.check(value))
    except NodeError as fault:
        raise invalid("bad_value", fault.message, fault.hint, "url") from None
    return New("url", url, title or url[:TITLE], "", None, workflow_id)


def of_text(value: Any, title: str = "", workflow_id: str | None = None, origin: str = "text") -> New:
    if not isinstance(value, str) or not value.strip():
        raise invalid("missing_field", "text is empty.", "Paste some.", "text")
    if "\0" in value:
        raise invalid("bad_value", "The text holds a character that is no text.", "Remove it.", "text")
    data = value.encode("utf-8", "replace")
    if len(data) > FILE_BYTES:
        raise too_large()
    name = title or _first_words(value)
    # A text without a title is never a new version of another one that happens to begin alike.
    source = title or f"{name} ({sha256(data).hexdigest()[:8]})"
    kind = "text/markdown" if HEADING.search(value) else "text/plain"
    return New(origin, source, name, kind, data, workflow_id)


def title_of(value: Any) -> str:
    title = " ".join(value.split()) if isinstance(value, str) else value
    if title is not None and (not isinstance(title, str) or len(title) > TITLE or not title.isprintable()):
        raise invalid("bad_value", f"title is a text of at most {TITLE} characters.", "Shorten it.", "title")
    return title or ""


def _first_words(text: str) -> str:
    line = " ".join(text.strip().splitlines()[0].lstrip("#").split())
    shown = "".join(ch for ch in line if ch.isprintable())
    return shown if len(shown) <= 80 else shown[:79].rstrip() + "…"


def file_name(value: Any) -> str:
    """The last part of a path, as people see it."""
    name = re.split(r"[/\\]", value)[-1] if isinstance(value, str) else ""
    name = " ".join("".join(ch if ch.isprintable() else " " for ch in name).split())
    if not name or name in (".", ".."):
        raise invalid("missing_field", "The file has no name.", "Send it with a filename.", "file")
    stem, dot, ending = name.rpartition(".")
    return name if len(name) <= TITLE else f"{stem[: TITLE - 20]}{dot}{ending[:19]}"


def whole(data: bytes | Path) -> bytes:
    size = len(data) if isinstance(data, bytes) else data.stat().st_size
    if size > FILE_BYTES:
        raise too_large()
    if not size:
        raise invalid("document_empty", "The file is empty.", "Add a file with text in it.", "file")
    return data if isinstance(data, bytes) else data.read_bytes()


def too_large() -> TooLarge:
    return TooLarge(f"The file is over {FILE_BYTES // 2**20} MB.", hint="Split it, or leave out its pictures.")


def stop(tx: Session, row: Document, error: dict[str, Any]) -> None:
    """Whoever is at it is fenced; what was written so far is forgotten."""
    rows.abandon(tx, row)
    told = "The version before is still searched." if row.live else ""
    row.error = {**error, "hint": f"{error.get('hint') or ''} {told}".strip()}
    row.status, row.stage, row.epoch = "failed", "", row.epoch + 1
    row.owner, row.lease_until, row.updated_at = None, None, tx.now


def invalid(code: str, message: str, hint: str, field: str) -> Invalid:
    return Invalid.of([Problem(code, message, hint, field=field)], message)


def add_once(ws: Workspace, settings: Settings, collection: str, new: New, key: str) -> str:
    """The id of the document for a step: the same for every attempt of it. `collection` is a name or an id. Raises
    NodeError."""
    with ws.read() as tx:
        found = rows.find(tx, collection)
        names = [row.name for row in rows.page(tx, 20, None)] if found is None else []
    if found is None:
        hint = f"There are {', '.join(map(repr, names))}." if names else "Make one under Knowledge first."
        raise NodeError(f"There is no collection {collection[:200]!r}.", code="unknown_collection", hint=hint)
    return put(ws, settings, found.id, new, f"step:{key}")["document_id"]
