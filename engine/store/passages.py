"""The passages that can be searched: read by id, and found by their words through the database's own full text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from unicodedata import normalize

import sqlalchemy as sa

from engine.store.database import Database, Statement, is_sqlite
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
    if "\0" in name_or_id:  # which PostgreSQL would not even look for
        return None
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


def by_words(
    db: Database, collection: Place, words: Sequence[str], limit: int, offset: int = 0
) -> list[tuple[str, float]]:
    """(id, rank) of the passages that hold any of `words`, best first: the more of the rarer ones, the better. Words
    are whole, as `embeddings.words` cuts them; anything else in them is taken literally."""
    with db.read() as conn:
        return (_sqlite if is_sqlite(conn) else _postgresql)(conn, collection, words, limit, offset)


def holding(
    db: Database, collection: Place, pieces: Sequence[str], limit: int, offset: int = 0
) -> list[tuple[str, float]]:
    """(id, how many) of the passages in which any of `pieces` occurs, most first: for scripts without spaces, which no
    index here can cut. Reads every passage of the collection."""
    with db.read() as conn:
        c, within = CHUNK.c, sa.func.instr if is_sqlite(conn) else sa.func.strpos
        text = sa.func.lower(c.text)
        count = sum((sa.case((within(text, piece) > 0, 1), else_=0) for piece in pieces), sa.literal(0))
        asked = sa.select(c.id, count.label("held")).where(
            c.workspace_id == collection.workspace_id,
            c.collection_id == collection.id,
            sa.or_(*(within(text, piece) > 0 for piece in pieces)),
        )
        rows = conn.execute(asked.order_by(sa.desc("held"), c.id).limit(limit).offset(offset))
        return [(id_, float(held)) for id_, held in rows]


_MATCH = Statement(
    "select k.chunk_id, -f.rank from chunk_search f join chunk_search_key k on k.key = f.rowid"
    " where chunk_search match :query and rank match :ranking and k.workspace_id = :w"
    " order by f.rank limit :limit offset :offset"
)
HEAD_WEIGHT = 1.0
"""What a word in title or heading counts, against one in the text."""


def _sqlite(
    conn: sa.Connection, collection: Place, words: Sequence[str], limit: int, offset: int
) -> list[tuple[str, float]]:
    any_of = " OR ".join('"' + word.replace('"', '""') + '"' for word in words)
    query = f'scope : "{collection.id.replace("-", "")}" AND {{head body}} : ({any_of})'
    ranking = f"bm25(0.0, {HEAD_WEIGHT}, 1.0)"
    rows = _MATCH(conn, query=query, ranking=ranking, w=collection.workspace_id, limit=limit, offset=offset)
    return [(id_, float(rank)) for id_, rank in rows]


_ACCENTS = re.compile("[\\u0300-\\u036f]")
"""What the index leaves out of a decomposed word."""
# ts_rank knows no rarity, so each word's rank is weighed by how few passages of the collection hold it. The queries are
# made once, in `asked`: written where they are used, they would be parsed for every row.
_RANKED = Statement(
    "with asked as materialized (select n, plainto_tsquery('english', word) as query"
    " from unnest(cast(:words as text[])) with ordinality as one (word, n)),"
    " hits as materialized (select s.id, a.n, ts_rank(s.words, a.query, 1) as rank from asked a"
    " join chunk_search s on s.words @@ a.query where s.workspace_id = :w and s.collection_id = :c),"
    " held as (select n, count(*) as times from hits group by n),"
    " every as (select count(*) as times from chunk_search where workspace_id = :w and collection_id = :c)"
    " select id, sum(ln(1 + (every.times - held.times + 0.5) / (held.times + 0.5)) * rank) as total"
    " from hits join held using (n) cross join every group by id order by total desc, id limit :limit offset :offset"
)


def _postgresql(
    conn: sa.Connection, collection: Place, words: Sequence[str], limit: int, offset: int
) -> list[tuple[str, float]]:
    mine = {"w": collection.workspace_id, "c": collection.id}
    plain = list(dict.fromkeys(_ACCENTS.sub("", normalize("NFKD", word)) for word in words))
    rows = _RANKED(conn, words=plain, **mine, limit=limit, offset=offset)
    return [(id_, float(rank)) for id_, rank in rows]
