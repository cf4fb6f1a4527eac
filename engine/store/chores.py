"""What a change leaves behind: vectors and files to forget, collections to move. Written in the change's own
transaction, claimed like runs, and repeated until it is done."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from engine.store.database import Database, Statement, is_sqlite, now_ms
from engine.store.models import new_id
from engine.store.values import dumps


@dataclass(frozen=True, slots=True)
class Chore:
    """One worker's right to do it, until its lease ends."""

    workspace_id: str
    id: str
    kind: str
    collection_id: str
    body: dict[str, Any]
    epoch: int
    tries: int


_ADD = Statement(
    "insert into chore (workspace_id, id, kind, collection_id, body, due_at, epoch, tries, created_at)"
    " values (:w, :id, :kind, :collection_id, :body, :due, 0, 0, :now)"
)


def add(
    conn: Connection, workspace_id: str, kind: str, collection_id: str, body: dict[str, Any], due_at: int | None = None
) -> str:
    now, id_ = now_ms(conn), new_id()
    _ADD(
        conn, w=workspace_id, id=id_, kind=kind, collection_id=collection_id, body=dumps(body),
        due=max(now, due_at or 0), now=now,
    )  # fmt: skip
    return id_


_PLACE = Statement("select store, space, dimension from collection where workspace_id = :w and id = :id")


def forget(
    conn: Connection,
    workspace_id: str,
    collection_id: str,
    *,
    vectors: str | None = None,
    files: str | None = None,
    due_at: int | None = None,
) -> None:
    """Later: drop the vectors whose ids begin with `vectors` from where the collection is now, and the files whose
    keys begin with `files`. `due_at`: not while somebody who lost the right may still be writing."""
    place = _PLACE(conn, w=workspace_id, id=collection_id).first()
    if place is not None:
        body = {"store": place.store, "space": place.space, "dimension": place.dimension}
        add(conn, workspace_id, "forget", collection_id, {**body, "vectors": vectors, "files": files}, due_at)


_DUE = Statement("select 1 from chore where due_at <= :now limit 1")
_CLAIM = (
    "update chore set owner = :owner, epoch = epoch + 1, due_at = :until where (workspace_id, id) ="
    " (select workspace_id, id from chore where due_at <= :now order by due_at limit 1 {lock})"
    " returning workspace_id, id, kind, collection_id, body, epoch, tries"
)
_CLAIMS = {lite: Statement(_CLAIM.format(lock="" if lite else "for update skip locked")) for lite in (True, False)}


def claim(db: Database, owner: str, lease_s: float) -> Chore | None:
    with db.read() as conn:
        if _DUE(conn, now=now_ms(conn)).first() is None:
            return None
    with db.begin() as conn:
        now = now_ms(conn)
        row = _CLAIMS[is_sqlite(conn)](conn, owner=owner, now=now, until=now + round(lease_s * 1000)).first()
    if row is None:
        return None
    return Chore(row.workspace_id, row.id, row.kind, row.collection_id, json.loads(row.body), row.epoch, row.tries)


_BEAT = Statement("update chore set due_at = :until where workspace_id = :w and id = :id and epoch = :epoch")
_DONE = Statement("delete from chore where workspace_id = :w and id = :id and epoch = :epoch")
_AGAIN = Statement(
    "update chore set owner = null, tries = tries + :one, due_at = :due"
    " where workspace_id = :w and id = :id and epoch = :epoch"
)


def heartbeat(db: Database, chore: Chore, lease_s: float) -> bool:
    with db.begin() as conn:
        until = now_ms(conn) + round(lease_s * 1000)
        return _BEAT(conn, until=until, w=chore.workspace_id, id=chore.id, epoch=chore.epoch).rowcount == 1


def done(conn: Connection, chore: Chore) -> bool:
    """False if it is somebody else's by now."""
    return _DONE(conn, w=chore.workspace_id, id=chore.id, epoch=chore.epoch).rowcount == 1


def again(db: Database, chore: Chore, delay_s: float, *, failed: bool = True) -> None:
    """Give it back, to be tried after a while."""
    with db.begin() as conn:
        due = now_ms(conn) + round(delay_s * 1000)
        _AGAIN(conn, one=int(failed), due=due, w=chore.workspace_id, id=chore.id, epoch=chore.epoch)


_MOVING = Statement("select 1 from chore where workspace_id = :w and collection_id = :id and kind = 'move' limit 1")


def moving(conn: Connection, workspace_id: str, collection_id: str) -> bool:
    return _MOVING(conn, w=workspace_id, id=collection_id).first() is not None


_NO_MOVE = Statement(
    "delete from chore where workspace_id = :w and collection_id = :id and kind = 'move' returning body"
)


def cancel_move(conn: Connection, workspace_id: str, collection_id: str) -> None:
    """What was copied already is forgotten, once nobody can be at it any more."""
    for row in _NO_MOVE(conn, w=workspace_id, id=collection_id):
        body = json.loads(row.body)
        place = {name: body[name] for name in ("store", "space", "dimension")}
        due = now_ms(conn) + STALE_MS
        add(conn, workspace_id, "forget", collection_id, {**place, "vectors": "", "files": None}, due)


STALE_MS = 60_000
"""After this nobody writes any more who lost the right to."""
