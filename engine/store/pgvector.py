"""Vectors in our own PostgreSQL with the extension pgvector: nothing in memory, searched exactly by the database.

Its table is no part of the migrations, since most databases cannot have it: it is made at first use.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

import numpy as np
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from engine.errors import NodeError
from engine.store.database import Database
from engine.values import is_list
from engine.vectors import Array, Item, Match, Space, checks, filters
from engine.vectors.filters import Condition, Every, Rule

PAGE = 2000
LOCK = 7_309_443
"""Whoever makes the table holds this."""
NUL = re.compile(r"\\\\|\\u0000")
SQL = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}

_MAY = sa.text(
    "select exists (select from pg_extension where extname = 'vector') or exists (select from"
    " pg_available_extension_versions v where v.name = 'vector' and (not v.superuser or"
    " (v.trusted and has_database_privilege(current_database(), 'create')) or"
    " (select rolsuper from pg_roles where rolname = current_user)))"
)
_MAKE = (
    "create extension if not exists vector",
    # Each row in one piece, as long as a page holds it: a search reads all of them.
    "create table if not exists pgvector (workspace_id text not null, collection_id text not null, id text not null,"
    " metadata jsonb not null, data vector not null, primary key (workspace_id, collection_id, id))"
    " with (toast_tuple_target = 8160)",
)
_MINE = " workspace_id = :w and collection_id = :c"
_PUT = sa.text(
    "insert into pgvector (workspace_id, collection_id, id, metadata, data)"
    " values (:w, :c, :id, cast(:metadata as jsonb), cast(:data as vector))"
    " on conflict (workspace_id, collection_id, id) do update set metadata = excluded.metadata, data = excluded.data"
)
_NEAREST = (
    "select id, metadata, 1 - distance as score from"
    " (select id, metadata, data <=> cast(:vector as vector) as distance from pgvector"
    f" where{_MINE} and %s order by distance, id limit :limit) nearest"
)
_FETCH = sa.text(f"select id, metadata, cast(data as text) as data from pgvector where{_MINE} and id = any(:ids)")
_BEGINS = f"{_MINE} and starts_with(id, :prefix)"
_IDS = sa.text(f"select id from pgvector where{_BEGINS} and id > :after order by id limit :limit")
_COUNT = sa.text(f"select count(*) from pgvector where{_MINE}")
_DROP = sa.text(f"delete from pgvector where{_BEGINS}")

_made: WeakSet[Database] = WeakSet()
_lock = threading.Lock()


def available(db: Database) -> bool:
    """Whether the extension is there, or may be made by us."""
    if db.sqlite:
        return False
    with db.read() as conn:
        return bool(conn.execute(_MAY).scalar())


class PgVector:
    def __init__(self, db: Database) -> None:
        self.db = db

    def prepare(self, space: Space) -> None:
        self._make()

    def upsert(self, space: Space, items: Sequence[Item], *, wait: bool = True) -> None:
        rows = [
            {**_key(space), "id": item.id, "metadata": _json(item.metadata), "data": _text(item.vector)}
            for item in checks.items(space, items)
        ]
        if rows:
            self._make()
            with self.db.begin() as conn:
                # In one order everywhere, so that two writers of the same ids never wait for each other.
                conn.execute(_PUT, sorted(rows, key=lambda row: row["id"]))

    def query(self, space: Space, vector: Array, top_k: int, filter: Mapping[str, Any] | None = None) -> list[Match]:
        values: dict[str, Any] = {}
        wanted = _where(filters.parse(filter or {}), values)
        values |= {**_key(space), "vector": _text(checks.unit(space, vector)), "limit": checks.top_k(top_k)}
        with self._reading(space) as conn:
            rows = conn.execute(sa.text(_NEAREST % wanted), values).all()
        found = [Match(row.id, max(-1.0, min(1.0, row.score)), row.metadata) for row in rows]
        return sorted(found, key=lambda match: (-match.score, match.id))

    def fetch(self, space: Space, ids: Sequence[str]) -> list[Item]:
        with self._reading(space) as conn:
            rows = conn.execute(_FETCH, {**_key(space), "ids": list(ids)}).all()
        return [Item(row.id, np.array(json.loads(row.data), np.float32), row.metadata) for row in rows]

    def ids(self, space: Space, prefix: str = "") -> Iterator[str]:
        after = ""
        while True:
            with self._reading(space) as conn:
                asked = {**_key(space), "prefix": prefix, "after": after, "limit": PAGE}
                page = [str(row.id) for row in conn.execute(_IDS, asked)]
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1]

    def count(self, space: Space) -> int:
        with self._reading(space) as conn:
            return conn.execute(_COUNT, _key(space)).scalar_one()

    def drop(self, space: Space, prefix: str = "") -> None:
        self._make()
        with self.db.begin() as conn:
            conn.execute(_DROP, {**_key(space), "prefix": prefix})

    @contextmanager
    def _reading(self, space: Space) -> Generator[sa.Connection]:
        self._make()
        try:
            with self.db.read() as conn:
                yield conn
        except DBAPIError as fault:
            if "different vector dimensions" in str(fault.orig):
                message = f"The collection holds vectors that are not {space.dimension} numbers long."
                raise NodeError(message, code="dimension_mismatch", hint="Embed the collection anew.") from None
            raise

    def _make(self) -> None:
        """Extension and table, unless this process has seen them."""
        with _lock:
            if self.db in _made:
                return
            if not available(self.db):
                hint = "On PostgreSQL with pgvector, its owner says: create extension vector."
                raise NodeError("This database has no vectors.", code="store_unavailable", hint=hint)
            with self.db.begin() as conn:
                conn.execute(sa.text("select pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
                if not conn.execute(sa.text("select to_regclass('pgvector')")).scalar():
                    for statement in _MAKE:
                        conn.exec_driver_sql(statement)
            _made.add(self.db)


def _where(rule: Rule, values: dict[str, Any]) -> str:
    """A rule as SQL over `metadata`; what it compares with goes into `values`."""
    if isinstance(rule, Condition):
        return _condition(rule, values)
    joined = (" and " if isinstance(rule, Every) else " or ").join(_where(part, values) for part in rule.parts)
    return f"({joined or 'true'})"


def _condition(rule: Condition, values: dict[str, Any]) -> str:
    n = len(values)
    field, value = f"f{n}", f"v{n}"
    values[field] = rule.field.replace("\0", "")
    has = f"metadata -> cast(:{field} as text)"
    if rule.operator == "$exists":
        return f"({has}) is {'not ' if rule.value else ''}null"
    if rule.operator in SQL:
        values[value] = str(rule.value)
        number = f"cast(metadata ->> cast(:{field} as text) as numeric) {SQL[rule.operator]} cast(:{value} as numeric)"
        return f"(case when jsonb_typeof({has}) = 'number' then {number} else false end)"
    # A list contains each of its entries, and a plain value itself.
    wanted: list[Any] = rule.value if is_list(rule.value) else [rule.value]
    given = {f"{value}_{at}": _json(one) for at, one in enumerate(wanted)}
    values.update(given)
    found = f"coalesce({has} @> any(array[{', '.join(f'cast(:{name} as jsonb)' for name in given)}]), false)"
    return found if rule.operator in ("$eq", "$in") else f"not {found}"


def _key(space: Space) -> dict[str, str]:
    return {"w": space.workspace_id, "c": space.collection_id}


def _text(vector: Array) -> str:
    """With as many decimals as a float32 of a vector of length one has."""
    return json.dumps(np.round(vector.astype(np.float64), 8).tolist(), separators=(",", ":"))


def _json(value: Any) -> str:
    """jsonb has no character NUL; a backslash that is itself escaped begins none."""
    return NUL.sub(lambda found: found[0] if found[0] == "\\\\" else "", json.dumps(value, ensure_ascii=False))
