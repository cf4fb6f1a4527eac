"""Revisions of documents: their passages become searchable in one transaction, or not at all; and what they leave."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import Connection

from engine.errors import Fenced
from engine.failpoint import hit
from engine.store import chores
from engine.store.database import Database, Statement, is_sqlite, now_ms
from engine.store.documents import MINE, Claim, fenced, key
from engine.store.models import EmbeddingRow
from engine.store.values import dumps

EMBEDDING: sa.Table = EmbeddingRow.__table__  # type: ignore[attr-defined]
SOME = 500
"""Values or rows in one statement."""


@dataclass(frozen=True, slots=True)
class NewChunk:
    n: int
    text: str
    metadata: dict[str, Any]


def embedded(text: str, metadata: dict[str, Any]) -> str:
    """What a passage is embedded as: it says little without its place in the document."""
    heading = metadata.get("heading")
    return f"{heading}\n{text}" if heading else text


def files_of(workspace_id: str, collection_id: str, document_id: str, revision: int | None = None) -> str:
    """How the keys of a document's originals begin."""
    prefix = f"{workspace_id}/{collection_id}/{document_id}/"
    return prefix if revision is None else f"{prefix}{revision}/"


# The flip ----------------------------------------------------------------------------------------------------

_FLIP = Statement(
    "update document set status = 'ready', stage = '', progress = 1, live = revision, chunks = :chunks,"
    " title = :title, content_type = :content_type, details = :details, error = null, owner = null,"
    f" lease_until = null, lost_in_a_row = 0, tries = 0, updated_at = :now {MINE}"
)
_SPACE = "select space from collection where workspace_id = :w and id = :id"
_SPACE_HELD = {True: Statement(_SPACE), False: Statement(_SPACE + " for share")}
_TEXTS = {
    of: Statement(f"select text, metadata from chunk where workspace_id = :w and {of} = :id")
    for of in ("document_id", "collection_id")
}
_ADD = "insert into chunk (workspace_id, collection_id, document_id, id, n, text, metadata) select :w, :c, :d, "
_ADD_CHUNKS = {
    True: Statement(
        _ADD + ", ".join(f"json_extract(value, '$[{at}]')" for at in range(4)) + " from json_each(:rows)"
    ),
    False: Statement(
        _ADD + "value ->> 0, cast(value ->> 1 as integer), value ->> 2, value ->> 3"
        " from json_array_elements(cast(:rows as json))"
    ),
}  # fmt: skip
"""Many at a time: SQLite's full text writes to the disk after each statement, and everybody else waits."""
_FORGET_CHUNKS = Statement("delete from chunk where workspace_id = :w and document_id = :id")


def flip(
    db: Database,
    claim: Claim,
    space: str,
    chunks: Sequence[NewChunk],
    *,
    title: str,
    content_type: str,
    details: dict[str, Any],
) -> None:
    """The new revision is what is searched from here on; the one before is gone. Its vectors are already in `space`."""
    rows = [[f"{claim.vectors}{one.n}", one.n, one.text, dumps(one.metadata)] for one in chunks]
    pages = [dumps(rows[at : at + SOME]) for at in range(0, len(rows), SOME)]
    with db.begin() as conn:
        # The collection before the document, as everybody takes them; and it does not move before this is done.
        if _space_of(conn, claim) != space:
            raise Fenced(f"the collection of document {claim.id} has moved")
        now = now_ms(conn)
        said = {"title": title, "content_type": content_type, "details": dumps(details)}
        fenced(_FLIP(conn, **key(claim), **said, chunks=len(rows), now=now), claim)
        forget_embeddings(
            conn, claim.workspace_id, "document_id", claim.id, {embedded(c.text, c.metadata) for c in chunks}
        )
        _FORGET_CHUNKS(conn, w=claim.workspace_id, id=claim.id)
        for page in pages:
            _ADD_CHUNKS[is_sqlite(conn)](
                conn, w=claim.workspace_id, c=claim.collection_id, d=claim.id, rows=page
            )  # fmt: skip
        hit("ingest_flipping")
        if claim.live:
            old = f"{claim.id}:{claim.live}:"
            chores.forget(conn, claim.workspace_id, claim.collection_id, vectors=old)


def _space_of(conn: Connection, claim: Claim) -> str | None:
    return _SPACE_HELD[is_sqlite(conn)](conn, w=claim.workspace_id, id=claim.collection_id).scalar()


def forget_embeddings(
    conn: Connection,
    workspace_id: str,
    of: Literal["document_id", "collection_id"],
    id_: str,
    but: set[str] | None = None,
) -> None:
    """What a model answered for passages that go. A text that others have as well is asked again, if ever."""
    kept, gone = but or set[str](), set[str]()
    for row in _TEXTS[of](conn, w=workspace_id, id=id_):
        if (text := embedded(row.text, json.loads(row.metadata))) not in kept:
            gone.add(sha256(text.encode("utf-8", "surrogatepass")).hexdigest())
    ordered = sorted(gone)
    for at in range(0, len(ordered), SOME):
        some = EMBEDDING.c.hash.in_(ordered[at : at + SOME])
        conn.execute(sa.delete(EMBEDDING).where(EMBEDDING.c.workspace_id == workspace_id, some))


# What is left ------------------------------------------------------------------------------------------------

_NOW_AT = Statement("select revision, status, file_key from document where workspace_id = :w and id = :id")


def left_behind(db: Database, claim: Claim, place: dict[str, Any]) -> None:
    """Somebody who lost the right may have written to `place` after it was forgotten: forget it again, unless the
    revision is still wanted."""
    with db.begin() as conn:
        row = _NOW_AT(conn, w=claim.workspace_id, id=claim.id).first()
        if row is None:
            left = {"vectors": f"{claim.id}:", "files": files_of(claim.workspace_id, claim.collection_id, claim.id)}
        elif row.revision != claim.revision:
            files = files_of(claim.workspace_id, claim.collection_id, claim.id, claim.revision)
            kept = (row.file_key or "").startswith(files)
            left = {"vectors": claim.vectors, "files": None if kept else files}
        elif row.status == "failed" or place["space"] != _space_of(conn, claim):
            left = {"vectors": claim.vectors, "files": None}
        else:
            return
        chores.add(conn, claim.workspace_id, "forget", claim.collection_id, {**place, **left})
