"""The passages that can be searched: read by id, and found by their words through the database's own full text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.store.database import Database
from engine.store.models import Chunk, Collection

CHUNK: sa.Table = Chunk.__table__  # type: ignore[attr-defined]
COLLECTION: sa.Table = Collection.__table__  # type: ignore[attr-defined]
SOME = 500


@dataclass(frozen=True, slots=True)
class Place:
    """The part of a collection's row that a search needs."""

    workspace_id: str
    id: str
    name: str
    store: str
    space: str
    embedding: str
    dimension: int


@dataclass(frozen=True, slots=True)
class Found:
    id: str
    document_id: str
    text: str
    metadata: dict[str, Any]


def place(db: Database, workspace_id: str, name_or_id: str) -> Place | None:
    """The collection of that id, else of that name."""
    c = COLLECTION.c
    wanted = sa.select(c.workspace_id, c.id, c.name, c.store, c.space, c.embedding, c.dimension).where(
        c.workspace_id == workspace_id, sa.or_(c.id == name_or_id, c.name == name_or_id)
    )
    with db.read() as conn:
        rows = [Place(*row) for row in conn.execute(wanted)]
    return min(rows, key=lambda row: row.id != name_or_id, default=None)


def names(db: Database, workspace_id: str) -> list[str]:
    """Of all collections."""
    c = COLLECTION.c
    with db.read() as conn:
        return list(conn.scalars(sa.select(c.name).where(c.workspace_id == workspace_id).order_by(c.name)))


def live(db: Database, collection: Place, ids: Sequence[str]) -> dict[str, Found]:
    """Those of `ids` that can still be searched."""
    c, found = CHUNK.c, dict[str, Found]()
    with db.read() as conn:
        for at in range(0, len(ids), SOME):
            asked = sa.select(c.id, c.document_id, c.text, c.metadata).where(
                c.workspace_id == collection.workspace_id,
                c.collection_id == collection.id,
                c.id.in_(ids[at : at + SOME]),
            )
            found |= {row.id: Found(*row) for row in conn.execute(asked)}
    return found
