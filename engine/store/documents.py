"""The queue of ingests: documents are claimed, kept and finished behind a fence, as runs are in the ledger.

Passages become searchable in one transaction (`flip`), or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import Connection

from engine.errors import Fenced
from engine.failpoint import hit
from engine.store import chores
from engine.store.database import Database, Statement, is_sqlite, now_ms
from engine.store.models import Chunk, EmbeddingRow
from engine.store.values import dumps

CHUNK: sa.Table = Chunk.__table__  # type: ignore[attr-defined]
EMBEDDING: sa.Table = EmbeddingRow.__table__  # type: ignore[attr-defined]
SOME = 500
"""Values in one statement."""
LOST_MOST = 3
"""Leases lost in a row, after which a document is kept from the workers."""
UPLOAD_S = 120
"""How long an upload may take to reach the files after its row is there."""
UPLOAD = "upload"
"""The owner of a document whose file is still on its way."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt's right to a document."""

    workspace_id: str
    id: str
    collection_id: str
    epoch: int
    revision: int
    live: int
    title: str
    source: str
    origin: str
    workflow_id: str | None
    content_type: str
    hash: str
    file_key: str | None
    tries: int
    lost_in_a_row: int
    created_at: int

    @property
    def vectors(self) -> str:
        """How the ids of this revision's vectors begin."""
        return f"{self.id}:{self.revision}:"


@dataclass(frozen=True, slots=True)
class NewChunk:
    n: int
    text: str
    metadata: dict[str, Any]


def embedded(text: str, metadata: dict[str, Any]) -> str:
    """What a passage is embedded as: it says little without its place in the document."""
    heading = metadata.get("heading")
    return f"{heading}\n{text}" if heading else text


@dataclass(frozen=True, slots=True)
class Home:
    """A collection as an ingest needs it, as of when it began."""

    workspace_id: str
    id: str
    store: str
    space: str
    embedding: str
    dimension: int
    chunk_size: int
    chunk_overlap: int

    @property
    def place(self) -> dict[str, Any]:
        return {"store": self.store, "space": self.space, "dimension": self.dimension}


_HOME = Statement(
    "select workspace_id, id, store, space, embedding, dimension, chunk_size, chunk_overlap from collection"
    " where workspace_id = :w and id = :id"
)


def home(db: Database, workspace_id: str, collection_id: str) -> Home | None:
    with db.read() as conn:
        row = _HOME(conn, w=workspace_id, id=collection_id).first()
    return Home(*row) if row else None


# Claiming ----------------------------------------------------------------------------------------------------

_FREE = (
    "(status = 'pending' and (lease_until is null or lease_until < :now) and not exists (select 1 from chore"
    " where chore.workspace_id = document.workspace_id and chore.collection_id = document.collection_id"
    " and chore.kind = 'move') or status = 'ingesting' and lease_until < :now)"
)
"""While a collection moves nothing new comes in; what has begun is finished first."""
_DUE = Statement(f"select 1 from document where {_FREE} limit 1")
_COLUMNS = (
    "workspace_id, id, collection_id, epoch, revision, live, title, source, origin, workflow_id, content_type, hash,"
    " file_key, tries, lost_in_a_row, created_at"
)
_CLAIM = (
    "update document set owner = :owner, epoch = epoch + 1, lease_until = :until, error = null,"
    " lost_in_a_row = lost_in_a_row + case when status = 'ingesting' then 1 else 0 end, status = 'ingesting',"
    " stage = 'waiting', progress = 0, updated_at = :now"
    f" where (workspace_id, id) = (select workspace_id, id from document where {_FREE} {{one}}"
    f" order by id limit 1 {{lock}}) returning {_COLUMNS}"
)
_CLAIMS = {
    (one, lite): Statement(
        _CLAIM.format(one="and workspace_id = :w and id = :id" if one else "",
                      lock="" if lite else "for update skip locked")
    )
    for one in (True, False)
    for lite in (True, False)
}  # fmt: skip


def due(db: Database) -> bool:
    """Whether any document waits for a worker: a read, so that idle workers take no turn at writing."""
    with db.read() as conn:
        return _DUE(conn, now=now_ms(conn)).first() is not None


def claim(db: Database, owner: str, lease_s: float, one: tuple[str, str] | None = None) -> Claim | None:
    """That document (workspace, id), or the one that waits longest; None if there is none. One whose lease was lost
    too often is failed here."""
    w, id_ = one or (None, None)
    with db.begin() as conn:
        now = now_ms(conn)
        until = now + round(lease_s * 1000)
        statement = _CLAIMS[one is not None, is_sqlite(conn)]
        row = statement(conn, owner=owner, now=now, until=until, w=w, id=id_).first()
        claimed = Claim(*row) if row else None
        if claimed and claimed.lost_in_a_row >= LOST_MOST:
            _failed(conn, claimed, LOST)
            claimed = None
    if claimed:
        hit("ingest_claimed")
    return claimed


LOST = {
    "code": "ingest_lost",
    "message": f"The worker was lost {LOST_MOST} times while it read this document.",
    "hint": "Try again; if it happens again, the file is too much for this machine.",
}
_BEAT = Statement(
    "update document set lease_until = :until"
    " where workspace_id = :w and id = :id and epoch = :epoch and status = 'ingesting' returning id"
)


def heartbeat(db: Database, lease_s: float, claims: Iterable[Claim]) -> set[str]:
    """Renew the leases; answers the ids of those still ours."""
    with db.begin() as conn:
        until = now_ms(conn) + round(lease_s * 1000)
        ordered = sorted(claims, key=lambda claim: claim.id)
        beats = [_BEAT(conn, until=until, w=c.workspace_id, id=c.id, epoch=c.epoch).first() for c in ordered]
        return {row[0] for row in beats if row}


# Behind the fence --------------------------------------------------------------------------------------------

_MINE = "where workspace_id = :w and id = :id and epoch = :epoch and status = 'ingesting' returning id"
_PROGRESS = Statement(f"update document set stage = :stage, progress = :progress, updated_at = :now {_MINE}")
_FETCHED = Statement(
    "update document set hash = :hash, size = :size, content_type = :content_type, file_key = :file_key,"
    f" updated_at = :now {_MINE}"
)
_FLIP = Statement(
    "update document set status = 'ready', stage = '', progress = 1, live = revision, chunks = :chunks,"
    " title = :title, content_type = :content_type, details = :details, error = null, owner = null,"
    f" lease_until = null, lost_in_a_row = 0, tries = 0, updated_at = :now {_MINE}"
)
_SAME = Statement(
    "update document set status = 'ready', stage = '', progress = 1, owner = null, lease_until = null,"
    f" lost_in_a_row = 0, tries = 0, updated_at = :now {_MINE}"
)
_SPACE = "select space from collection where workspace_id = :w and id = :id"
_SPACE_HELD = {True: Statement(_SPACE), False: Statement(_SPACE + " for share")}
_TEXTS = {
    of: Statement(f"select text, metadata from chunk where workspace_id = :w and {of} = :id")
    for of in ("document_id", "collection_id")
}
_FORGET_CHUNKS = Statement("delete from chunk where workspace_id = :w and document_id = :id")


def progress(db: Database, claim: Claim, stage: str, share: float) -> None:
    """Say how far it is. Raises Fenced when it is not ours any more."""
    with db.begin() as conn:
        _fenced(_PROGRESS(conn, **_key(claim), stage=stage, progress=round(share, 4), now=now_ms(conn)), claim)


def fetched(db: Database, claim: Claim, *, hash: str, size: int, content_type: str, file_key: str) -> None:
    """The original is in the files, in the place of the one before."""
    with db.begin() as conn:
        values = {"hash": hash, "size": size, "content_type": content_type, "file_key": file_key}
        _fenced(_FETCHED(conn, **_key(claim), **values, now=now_ms(conn)), claim)
        if claim.file_key and claim.file_key != file_key:
            chores.forget(conn, claim.workspace_id, claim.collection_id, files=claim.file_key)


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
    rows = [
        {
            "workspace_id": claim.workspace_id, "id": f"{claim.vectors}{chunk.n}", "collection_id": claim.collection_id,
            "document_id": claim.id, "n": chunk.n, "text": chunk.text, "metadata": chunk.metadata,
        }
        for chunk in chunks
    ]  # fmt: skip
    with db.begin() as conn:
        # The collection before the document, as everybody takes them; and it does not move before this is done.
        if _space_of(conn, claim) != space:
            raise Fenced(f"the collection of document {claim.id} has moved")
        now = now_ms(conn)
        said = {"title": title, "content_type": content_type, "details": dumps(details)}
        _fenced(_FLIP(conn, **_key(claim), **said, chunks=len(rows), now=now), claim)
        forget_embeddings(
            conn, claim.workspace_id, "document_id", claim.id, {embedded(c.text, c.metadata) for c in chunks}
        )
        _FORGET_CHUNKS(conn, w=claim.workspace_id, id=claim.id)
        if rows:
            conn.execute(sa.insert(CHUNK), rows)
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


def unchanged(db: Database, claim: Claim) -> None:
    """What was fetched is what is searched already."""
    with db.begin() as conn:
        _fenced(_SAME(conn, **_key(claim), now=now_ms(conn)), claim)


_FAIL = Statement(
    "update document set status = 'failed', stage = '', error = :error, owner = null, lease_until = null,"
    f" lost_in_a_row = 0, tries = 0, updated_at = :now {_MINE}"
)
_AGAIN = Statement(
    "update document set status = 'pending', owner = null, lease_until = :due, error = :error, tries = tries + 1,"
    f" updated_at = :now {_MINE}"
)
_RELEASE = Statement(f"update document set status = 'pending', owner = null, lease_until = null {_MINE}")


def fail(db: Database, claim: Claim, error: dict[str, Any]) -> None:
    with db.begin() as conn:
        _failed(conn, claim, error)


def _failed(conn: Connection, claim: Claim, error: dict[str, Any]) -> None:
    if claim.live:
        told = "The version before is still searched."
        error = {**error, "hint": f"{error.get('hint') or ''} {told}".strip()}
    _fenced(_FAIL(conn, **_key(claim), error=dumps(error), now=now_ms(conn)), claim)
    chores.forget(conn, claim.workspace_id, claim.collection_id, vectors=claim.vectors)


def again(db: Database, claim: Claim, error: dict[str, Any], delay_s: float) -> None:
    """A passing fault: back into the queue, not to be claimed before a while."""
    with db.begin() as conn:
        now = now_ms(conn)
        _fenced(_AGAIN(conn, **_key(claim), error=dumps(error), due=now + round(delay_s * 1000), now=now), claim)


def release(db: Database, claim: Claim) -> None:
    """Give it back unfinished: a worker that shuts down."""
    with db.begin() as conn:
        _RELEASE(conn, **_key(claim))


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


def files_of(workspace_id: str, collection_id: str, document_id: str, revision: int | None = None) -> str:
    """How the keys of a document's originals begin."""
    prefix = f"{workspace_id}/{collection_id}/{document_id}/"
    return prefix if revision is None else f"{prefix}{revision}/"


def _key(claim: Claim) -> dict[str, Any]:
    return {"w": claim.workspace_id, "id": claim.id, "epoch": claim.epoch}


def _fenced(rows: Any, claim: Claim) -> None:
    if rows.first() is None:
        raise Fenced(f"document {claim.id} is not in attempt {claim.epoch} any more")


_ARRIVED = Statement(
    "update document set owner = null, lease_until = null"
    " where workspace_id = :w and id = :id and epoch = :epoch and owner = 'upload' returning id"
)


def arrived(db: Database, workspace_id: str, document_id: str, epoch: int) -> bool:
    """The original is in the files: workers may begin. False when a newer one came meanwhile."""
    with db.begin() as conn:
        return _ARRIVED(conn, w=workspace_id, id=document_id, epoch=epoch).first() is not None


# Looking -----------------------------------------------------------------------------------------------------

_STATE = Statement(
    "select status, error, live, revision, chunks, title from document where workspace_id = :w and id = :id"
)


@dataclass(frozen=True, slots=True)
class State:
    status: str
    error: dict[str, Any] | None
    live: int
    revision: int
    chunks: int
    title: str


def state(db: Database, workspace_id: str, document_id: str) -> State | None:
    with db.read() as conn:
        row = _STATE(conn, w=workspace_id, id=document_id).first()
    if row is None:
        return None
    return State(row.status, json.loads(row.error) if row.error else None, *row[2:])
