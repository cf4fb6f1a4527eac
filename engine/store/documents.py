"""The queue of ingests: documents are claimed, kept and finished behind a fence, as runs are in the ledger.

What an ingest brings, and the instant at which it is found, is in `revisions.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from engine.errors import Fenced
from engine.failpoint import hit
from engine.store import chores
from engine.store.database import Database, Statement, is_sqlite, now_ms
from engine.store.values import dumps

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

MINE = "where workspace_id = :w and id = :id and epoch = :epoch and status = 'ingesting' returning id"
_PROGRESS = Statement(f"update document set stage = :stage, progress = :progress, updated_at = :now {MINE}")
_FETCHED = Statement(
    "update document set hash = :hash, size = :size, content_type = :content_type, file_key = :file_key,"
    f" updated_at = :now {MINE}"
)
_SAME = Statement(
    "update document set status = 'ready', stage = '', progress = 1, owner = null, lease_until = null,"
    f" lost_in_a_row = 0, tries = 0, updated_at = :now {MINE}"
)


def progress(db: Database, claim: Claim, stage: str, share: float) -> None:
    """Say how far it is. Raises Fenced when it is not ours any more."""
    with db.begin() as conn:
        fenced(_PROGRESS(conn, **key(claim), stage=stage, progress=round(share, 4), now=now_ms(conn)), claim)


def fetched(db: Database, claim: Claim, *, hash: str, size: int, content_type: str, file_key: str) -> None:
    """The original is in the files, in the place of the one before."""
    with db.begin() as conn:
        values = {"hash": hash, "size": size, "content_type": content_type, "file_key": file_key}
        fenced(_FETCHED(conn, **key(claim), **values, now=now_ms(conn)), claim)
        if claim.file_key and claim.file_key != file_key:
            chores.forget(conn, claim.workspace_id, claim.collection_id, files=claim.file_key)


def unchanged(db: Database, claim: Claim) -> None:
    """What was fetched is what is searched already."""
    with db.begin() as conn:
        fenced(_SAME(conn, **key(claim), now=now_ms(conn)), claim)


_FAIL = Statement(
    "update document set status = 'failed', stage = '', error = :error, owner = null, lease_until = null,"
    f" lost_in_a_row = 0, tries = 0, updated_at = :now {MINE}"
)
_AGAIN = Statement(
    "update document set status = 'pending', owner = null, lease_until = :due, error = :error, tries = tries + 1,"
    f" updated_at = :now {MINE}"
)
_RELEASE = Statement(f"update document set status = 'pending', owner = null, lease_until = null {MINE}")


def fail(db: Database, claim: Claim, error: dict[str, Any]) -> None:
    with db.begin() as conn:
        _failed(conn, claim, error)


def _failed(conn: Connection, claim: Claim, error: dict[str, Any]) -> None:
    if claim.live:
        told = "The version before is still searched."
        error = {**error, "hint": f"{error.get('hint') or ''} {told}".strip()}
    fenced(_FAIL(conn, **key(claim), error=dumps(error), now=now_ms(conn)), claim)
    chores.forget(conn, claim.workspace_id, claim.collection_id, vectors=claim.vectors)


def again(db: Database, claim: Claim, error: dict[str, Any], delay_s: float) -> None:
    """A passing fault: back into the queue, not to be claimed before a while."""
    with db.begin() as conn:
        now = now_ms(conn)
        fenced(_AGAIN(conn, **key(claim), error=dumps(error), due=now + round(delay_s * 1000), now=now), claim)


def release(db: Database, claim: Claim) -> None:
    """Give it back unfinished: a worker that shuts down."""
    with db.begin() as conn:
        _RELEASE(conn, **key(claim))


def key(claim: Claim) -> dict[str, Any]:
    return {"w": claim.workspace_id, "id": claim.id, "epoch": claim.epoch}


def fenced(rows: Any, claim: Claim) -> None:
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
