"""Documents of a collection: added, looked at, stopped, taken up again, deleted. Workers do the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.errors import Conflict, Invalid, NodeError, NotFound, Problem, Unavailable
from engine.events import rfc3339
from engine.knowledge.adding import FILE_BYTES as FILE_BYTES
from engine.knowledge.adding import New, file_name, invalid, of_text, of_url, put, stop, title_of, whole
from engine.services import collections
from engine.services.pages import cursor, id_cursor, limit_of, page
from engine.settings import Settings
from engine.store import collections as rows
from engine.store.models import Chunk, Document
from engine.store.session import Workspace

STATUSES = ("pending", "ingesting", "ready", "failed")
CANCELLED = {"code": "cancelled", "message": "Somebody stopped it.", "hint": "Try again."}


def list_(
    ws: Workspace, collection_id: str, limit: int | None = None, after: str | None = None, status: str | None = None
) -> dict[str, Any]:
    """Newest first; `status` may name several with commas."""
    most, wanted = limit_of(limit), [part for part in (status or "").split(",") if part]
    if any(part not in STATUSES for part in wanted):
        fault = f"status is one of {', '.join(STATUSES)}."
        raise Invalid.of([Problem("bad_value", fault, field="status")], fault)
    with ws.read() as tx:
        rows.one(tx, collection_id)
        found = rows.documents(tx, collection_id, most + 1, id_cursor(after), wanted)
    return page(found, most, _json, lambda row: row.id)


def get(ws: Workspace, document_id: str) -> dict[str, Any]:
    with ws.read() as tx:
        return _json(rows.document(tx, document_id))


def passages(ws: Workspace, document_id: str, limit: int | None = None, after: str | None = None) -> dict[str, Any]:
    """What is searched of it, in its order."""
    most, place = limit_of(limit), cursor(after)
    if place is not None and (not isinstance(place, int) or isinstance(place, bool) or not 0 <= place < 2**31):
        raise invalid("bad_value", "after is no cursor of ours.", "Take it from the answer before.", "after")
    with ws.read() as tx:
        rows.document(tx, document_id)
        found = rows.passages(tx, document_id, most + 1, -1 if place is None else place)
    return page(found, most, _passage, lambda row: row.n)


def original(ws: Workspace, settings: Settings, document_id: str) -> tuple[str, bytes]:
    """Its file as it came, with its name. NotFound when there is none yet, or any more."""
    with ws.read() as tx:
        row = rows.document(tx, document_id)
        key, name = row.file_key, row.source if row.origin == "file" else f"{row.title}.txt"
    from engine.documents import files

    if not key:
        raise NotFound("The document has no file.")
    try:
        return name, files.FileStore.open(settings).get(key)
    except NodeError as fault:
        if fault.code == "file_missing":
            raise NotFound("Its file is gone.", hint=fault.hint) from None
        raise Unavailable(fault.message, hint=fault.hint) from fault


# Adding ------------------------------------------------------------------------------------------------------


def add(
    ws: Workspace, settings: Settings, collection_id: str, body: dict[str, Any], key: str | None = None
) -> dict[str, Any]:
    """{url} or {title?, text}. Answers {document_id, status}; the same text again is the same document."""
    with ws.read() as tx:
        rows.one(tx, collection_id)
    return put(ws, settings, collection_id, _new(body), key)


def add_file(
    ws: Workspace, settings: Settings, collection_id: str, name: str, content_type: str, data: bytes | Path,
    key: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """A file, by its bytes or where they lie. The same bytes again are the same document; another file of the same
    name is a new version of it."""
    with ws.read() as tx:
        rows.one(tx, collection_id)
    content, name = whole(data), file_name(name)
    new = New("file", name, name, content_type.partition(";")[0].strip().lower()[:200], content)
    return put(ws, settings, collection_id, new, key)


def _new(body: dict[str, Any]) -> New:
    url, text = body.get("url"), body.get("text")
    if (url is None) == (text is None):
        raise invalid("missing_field", "Send exactly one of url and text.", "Or a file.", "url")
    title = title_of(body.get("title"))
    return of_url(url, title) if text is None else of_text(text, title)


# Changing ----------------------------------------------------------------------------------------------------


def delete(ws: Workspace, document_id: str) -> None:
    """Not found from here on; store and files follow."""
    with ws.begin() as tx:
        rows.forget(tx, rows.held(tx, document_id))


def cancel(ws: Workspace, document_id: str) -> dict[str, Any]:
    """Stop its ingest. Conflict when there is none."""
    with ws.begin() as tx:
        row = rows.document(tx, document_id, lock=True)
        if row.status not in ("pending", "ingesting"):
            raise Conflict(f"The document is {row.status}.", hint="Only what is being read can be stopped.")
        stop(tx, row, CANCELLED)
        return _json(row)


def retry(ws: Workspace, document_id: str) -> dict[str, Any]:
    """Read a failed one again; one from the web is fetched again whatever it is. Conflict otherwise."""
    with ws.begin() as tx:
        row = rows.document(tx, document_id, lock=True)
        if row.status != "failed" and not (row.origin == "url" and row.status == "ready"):
            raise Conflict(f"The document is {row.status}.", hint="Only a failed one can be tried again.")
        if row.origin != "url" and not row.file_key:
            raise NotFound("Its file is gone.", hint="Add it again.")
        rows.renew(tx, row)
        return _json(row)


def preview(
    settings: Settings, name: str, data: bytes | Path, size: Any = None, overlap: Any = None, content_type: str = ""
) -> dict[str, Any]:
    """How a file would be read and cut, with nothing stored. Raises Invalid for one that cannot be read."""
    wanted = collections.sizes(size, overlap)
    return _previewed(name, whole(data), content_type, *wanted)


def preview_text(settings: Settings, body: dict[str, Any]) -> dict[str, Any]:
    new = of_text(body.get("text"), title_of(body.get("title")))
    wanted = collections.sizes(body.get("chunk_size"), body.get("chunk_overlap"))
    name = "pasted.md" if new.content_type == "text/markdown" else "pasted.txt"
    return {**_previewed(name, new.data or b"", new.content_type, *wanted), "title": new.title}


def _previewed(name: str, data: bytes, content_type: str, size: int, overlap: int) -> dict[str, Any]:
    from engine.knowledge import reading

    try:
        return reading.preview(data, file_name(name), content_type, size, overlap)
    except NodeError as fault:
        raise invalid(fault.code, fault.message, fault.hint, "file") from None


# As it is shown ----------------------------------------------------------------------------------------------


def _json(row: Document) -> dict[str, Any]:
    return {
        "id": row.id, "collection_id": row.collection_id, "title": row.title, "source": row.source,
        "status": row.status, "progress": row.progress, "chunks": row.chunks, "error": row.error,
        "origin": row.origin, "content_type": row.content_type, "size": row.size, "hash": row.hash,
        "stage": row.stage, "details": row.details or {}, "searchable": row.live > 0, "revision": row.revision,
        "workflow_id": row.workflow_id,
        "created_at": rfc3339(row.created_at), "updated_at": rfc3339(row.updated_at),
    }  # fmt: skip


def _passage(row: Chunk) -> dict[str, Any]:
    return {"id": row.id, "n": row.n, "text": row.text, "metadata": row.metadata_}
