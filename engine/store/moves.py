"""A collection on its way to another store: what is to be copied, how far it is, and the switch."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection

from engine.errors import Fenced
from engine.store import chores
from engine.store.chores import Chore
from engine.store.database import Database, Statement, is_sqlite, now_ms
from engine.store.values import dumps

_BUSY = Statement(
    "select 1 from document where workspace_id = :w and collection_id = :id and status = 'ingesting' limit 1"
)
_IDS = Statement("select id from chunk where workspace_id = :w and collection_id = :id")
_CHUNK = Statement("select id, text, metadata from chunk where workspace_id = :w and id = :id")
_MINE = Statement("select 1 from chore where workspace_id = :w and id = :id and epoch = :epoch")
_SAY = Statement("update collection set moving = :moving where workspace_id = :w and id = :id")
_HOLD = "select 1 from collection where workspace_id = :w and id = :id"
_HELD = {True: Statement(_HOLD), False: Statement(_HOLD + " for update")}
_SWITCH = Statement(
    "update collection set store = :store, embedding = :embedding, dimension = :dimension, space = :space,"
    " moving = null, updated_at = :now where workspace_id = :w and id = :id"
)


def done(db: Database, chore: Chore) -> None:
    with db.begin() as conn:
        chores.done(conn, chore)


def busy(db: Database, chore: Chore) -> bool:
    """Whether a document of it is being read: nothing new begins while a move waits."""
    with db.read() as conn:
        return _BUSY(conn, w=chore.workspace_id, id=chore.collection_id).first() is not None


def chunk_ids(db: Database, chore: Chore) -> set[str]:
    with db.read() as conn:
        return _ids(conn, chore)


def _ids(conn: Connection, chore: Chore) -> set[str]:
    return {row.id for row in _IDS(conn, w=chore.workspace_id, id=chore.collection_id)}


def chunks(db: Database, workspace_id: str, ids: list[str]) -> list[tuple[str, str, dict[str, Any]]]:
    """(id, text, metadata) of those that are still there."""
    with db.read() as conn:
        rows = [_CHUNK(conn, w=workspace_id, id=id_).first() for id_ in ids]
    return [(row.id, row.text, json.loads(row.metadata)) for row in rows if row is not None]


def progress(db: Database, chore: Chore, done: int, of: int, delayed: dict[str, Any] | None = None) -> None:
    """`delayed`: why it will be tried again. Raises Fenced when it is somebody else's now, or not wanted any more."""
    with db.begin() as conn:
        _fence(conn, chore)
        _say(conn, chore, {"done": done, "of": of, "error": None, **({"delayed": delayed} if delayed else {})})


def switch(db: Database, chore: Chore, copied: set[str]) -> bool:
    """From here on the collection is there, and what was before is forgotten. False if it changed meanwhile."""
    with db.begin() as conn:
        # Held before anything is compared: who adds or deletes passages holds it as well.
        _HELD[is_sqlite(conn)](conn, w=chore.workspace_id, id=chore.collection_id)
        if _ids(conn, chore) != copied:
            return False
        body = chore.body
        chores.forget(conn, chore.workspace_id, chore.collection_id, vectors="")
        _SWITCH(
            conn, store=body["store"], embedding=body["embedding"], dimension=body["dimension"], space=body["space"],
            now=now_ms(conn), w=chore.workspace_id, id=chore.collection_id,
        )  # fmt: skip
        _last(conn, chore)
        return True


def give_up(db: Database, chore: Chore, error: dict[str, Any] | None) -> None:
    """The collection stays where it is and says why; what was copied is forgotten."""
    with db.begin() as conn:
        _fence(conn, chore)
        _say(conn, chore, {"done": 0, "of": 0, "error": error})
        place = {name: chore.body[name] for name in ("store", "space", "dimension")}
        body = {**place, "vectors": "", "files": None}
        chores.add(conn, chore.workspace_id, "forget", chore.collection_id, body)
        _last(conn, chore)


def _last(conn: Connection, chore: Chore) -> None:
    """The chore is done; if somebody called it off, nothing of this happened."""
    if not chores.done(conn, chore):
        raise Fenced(f"chore {chore.id} is not in attempt {chore.epoch} any more")


def _fence(conn: Connection, chore: Chore) -> None:
    if _MINE(conn, w=chore.workspace_id, id=chore.id, epoch=chore.epoch).first() is None:
        raise Fenced(f"chore {chore.id} is not in attempt {chore.epoch} any more")


def _say(conn: Connection, chore: Chore, more: dict[str, Any]) -> None:
    target = {name: chore.body[name] for name in ("store", "embedding", "dimension")}
    _SAY(conn, moving=dumps({**target, **more}), w=chore.workspace_id, id=chore.collection_id)
