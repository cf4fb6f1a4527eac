"""What models answered for texts, kept by the text's hash. Rows are never changed, only added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from engine.store.database import Database, is_sqlite, now_ms
from engine.store.models import EmbeddingRow

TABLE: sa.Table = EmbeddingRow.__table__  # type: ignore[attr-defined]
SOME = 500
"""Rows of one statement."""


def read(db: Database, workspace_id: str, model: str, hashes: Sequence[str]) -> dict[str, bytes]:
    """Those that there are, by hash."""
    found: dict[str, bytes] = {}
    with db.read() as conn:
        for some in _slices(hashes):
            asked = sa.select(TABLE.c.hash, TABLE.c.data).where(
                TABLE.c.workspace_id == workspace_id, TABLE.c.model == model, TABLE.c.hash.in_(some)
            )
            found.update((hash_, bytes(data)) for hash_, data in conn.execute(asked))
    return found


def write(db: Database, workspace_id: str, model: str, rows: Mapping[str, bytes]) -> None:
    """In the order of their hashes, so that two writers of the same rows never wait for each other in a circle. A row
    that is there keeps its place and takes the new answer: it was found unusable, or is the same."""
    with db.begin() as conn:
        insert = sqlite.insert if is_sqlite(conn) else postgresql.insert
        same = {"workspace_id": workspace_id, "model": model, "created_at": now_ms(conn)}
        for some in _slices(sorted(rows)):
            put = insert(TABLE).values([{**same, "hash": hash_, "data": rows[hash_]} for hash_ in some])
            keys = [TABLE.c.workspace_id, TABLE.c.model, TABLE.c.hash]
            conn.execute(put.on_conflict_do_update(index_elements=keys, set_={"data": put.excluded.data}))


def _slices(all_: Sequence[str]) -> list[Sequence[str]]:
    return [all_[at : at + SOME] for at in range(0, len(all_), SOME)]
