"""The embedded store: vectors in our own database, searched exactly, in memory.

Every change of a space takes the next number of its `version`, in the transaction that writes the rows, and each row
keeps the number that wrote it. A process remembers the number it has read, so it reads only what came since; deleted
rows stay as empty ones until there are too many, then `floor` tells who must read all anew.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import sqlalchemy as sa
from sqlalchemy import Connection

from engine.store.database import Database, is_sqlite
from engine.vectors import Array, Item, Match, Space, checks, filters
from engine.vectors.matrix import Matrix, View

CACHE_BYTES = 512 * 1024 * 1024
"""What the matrices of one process may take together; a space that is larger is read through at each search."""
PAGE = 2000
"""Rows that are read at a time."""
MOST_GONE = 1000
BYTES = 4
BESIDE = 400
"""What id and metadata of a vector take in memory, about."""

_BUMP = sa.text(
    "insert into vector_space (workspace_id, collection_id, version, floor, gone) values (:w, :c, 1, 0, 0)"
    " on conflict (workspace_id, collection_id) do update set version = vector_space.version + 1 returning version"
)
_PUT = sa.text(
    "insert into vector_item (workspace_id, collection_id, id, version, metadata, data)"
    " values (:w, :c, :id, :version, :metadata, :data) on conflict (workspace_id, collection_id, id)"
    " do update set version = excluded.version, metadata = excluded.metadata, data = excluded.data"
)
_STATE = sa.text("select version, floor from vector_space where workspace_id = :w and collection_id = :c")
_COUNT = sa.text("select count(*) from vector_item where workspace_id = :w and collection_id = :c and length(data) > 0")
_CHANGES = sa.text(
    "select id, version, metadata, data from vector_item where workspace_id = :w and collection_id = :c"
    " and (version, id) > (:version, :id) order by version, id limit :limit"
)
_FETCH = sa.text(
    "select id, metadata, data from vector_item where workspace_id = :w and collection_id = :c and id in :ids"
    " and length(data) > 0"
).bindparams(sa.bindparam("ids", expanding=True))
_BEGINS = " substr(id, 1, :length) = :prefix"
_IDS = (
    "select id from vector_item where workspace_id = :w and collection_id = :c and length(data) > 0 and id > :after and"
    + _BEGINS
    + " order by id limit :limit"
)
_EMPTY = (
    "update vector_item set version = :version, metadata = '{}', data = :empty"
    " where workspace_id = :w and collection_id = :c and length(data) > 0 and" + _BEGINS
)
_GONE = sa.text(
    "update vector_space set gone = gone + :n where workspace_id = :w and collection_id = :c returning gone"
)
_PRUNE = sa.text("delete from vector_item where workspace_id = :w and collection_id = :c and length(data) = 0")
_CLEAR = sa.text("delete from vector_item where workspace_id = :w and collection_id = :c")
_FLOOR = sa.text("update vector_space set floor = version, gone = 0 where workspace_id = :w and collection_id = :c")


class Embedded:
    """Any number of these share what was read of one database."""

    def __init__(self, db: Database, cache_bytes: int = CACHE_BYTES) -> None:
        self.db = db
        with _lock:
            self._cache = _caches.setdefault(db, Cache())
        self._cache.most = cache_bytes

    def prepare(self, space: Space) -> None:
        """The tables are there."""

    def upsert(self, space: Space, items: Sequence[Item], *, wait: bool = True) -> None:
        rows = [
            {**_key(space), "id": item.id, "metadata": _text(item.metadata), "data": item.vector.tobytes()}
            for item in checks.items(space, items)
        ]
        if rows:
            with self.db.begin() as conn:
                version = conn.execute(_BUMP, _key(space)).scalar_one()
                conn.execute(_PUT, [{**row, "version": version} for row in rows])

    def query(self, space: Space, vector: Array, top_k: int, filter: Mapping[str, Any] | None = None) -> list[Match]:
        rule = filters.parse(filter or {})
        unit, top_k = checks.unit(space, vector), checks.top_k(top_k)
        found = [match for view in self._views(space) for match in view.search(unit, top_k, rule)]
        return sorted(found, key=lambda match: (-match.score, match.id))[:top_k]

    def fetch(self, space: Space, ids: Sequence[str]) -> list[Item]:
        found: list[Item] = []
        with self.db.read() as conn:
            for at in range(0, len(ids), PAGE):
                rows = conn.execute(_FETCH, {**_key(space), "ids": list(ids[at : at + PAGE])})
                found += [Item(row.id, _vector(space, row.data), json.loads(row.metadata)) for row in rows]
        return found

    def ids(self, space: Space, prefix: str = "") -> Iterator[str]:
        after = ""
        while True:
            with self.db.read() as conn:
                asked = {**_key(space), **_prefix(prefix), "after": after, "limit": PAGE}
                page = [str(row.id) for row in conn.execute(_narrow(conn, _IDS), asked)]
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1]

    def count(self, space: Space) -> int:
        with self.db.read() as conn:
            return conn.execute(_COUNT, _key(space)).scalar_one()

    def drop(self, space: Space, prefix: str = "") -> None:
        key = _key(space)
        with self.db.begin() as conn:
            version = conn.execute(_BUMP, key).scalar_one()
            if not prefix:
                conn.execute(_CLEAR, key)
                conn.execute(_FLOOR, key)
                return
            given = {**key, **_prefix(prefix), "version": version, "empty": b""}
            emptied = conn.execute(_narrow(conn, _EMPTY), given).rowcount
            if conn.execute(_GONE, {**key, "n": emptied}).scalar_one() > MOST_GONE:
                conn.execute(_PRUNE, key)
                conn.execute(_FLOOR, key)

    def _views(self, space: Space) -> Iterator[View]:
        """All of a space: in one piece out of the memory, or piece by piece."""
        with self._cache.turn(space):
            with self.db.read() as conn:
                state = conn.execute(_STATE, _key(space)).first()
                if state is None:
                    return
                matrix = self._cache.get(space)
                if matrix is None or matrix.version < state.floor or matrix.wasteful:
                    matrix = self._fresh(conn, space)
                if matrix is not None and matrix.version < state.version:
                    self._cache.drop(space)
                    for rows in _changes(conn, space, matrix.version):
                        _apply(space, matrix, rows)
                    matrix.version = state.version
                    self._cache.put(space, matrix)
            view = matrix.view() if matrix else None
        if view:
            yield view
        else:
            yield from self._pieces(space)

    def _fresh(self, conn: Connection, space: Space) -> Matrix | None:
        self._cache.drop(space)
        size = conn.execute(_COUNT, _key(space)).scalar_one() * (space.dimension * BYTES + BESIDE)
        return Matrix(space.dimension) if size <= self._cache.most else None

    def _pieces(self, space: Space) -> Iterator[View]:
        with self.db.read() as conn:
            for rows in _changes(conn, space, -1):
                matrix = Matrix(space.dimension)
                _apply(space, matrix, rows)
                yield matrix.view()


class Cache:
    """The matrices of one process, the one used last at the end. `turn` lets one thread at a time read a space."""

    def __init__(self) -> None:
        self.most = CACHE_BYTES
        self._matrices: OrderedDict[Space, Matrix] = OrderedDict()
        self._turns: dict[Space, threading.Lock] = {}
        self._lock = threading.Lock()

    def turn(self, space: Space) -> threading.Lock:
        with self._lock:
            return self._turns.setdefault(space, threading.Lock())

    def get(self, space: Space) -> Matrix | None:
        with self._lock:
            if space in self._matrices:
                self._matrices.move_to_end(space)
            return self._matrices.get(space)

    def put(self, space: Space, matrix: Matrix) -> None:
        with self._lock:
            self._matrices[space] = matrix
            self._matrices.move_to_end(space)
            while self.nbytes > self.most:
                self._matrices.popitem(last=False)

    @property
    def nbytes(self) -> int:
        return sum(one.nbytes for one in self._matrices.values())

    def drop(self, space: Space) -> None:
        with self._lock:
            self._matrices.pop(space, None)


_caches: WeakKeyDictionary[Database, Cache] = WeakKeyDictionary()
_lock = threading.Lock()


def _changes(conn: Connection, space: Space, version: int) -> Iterator[Sequence[sa.Row[Any]]]:
    """What was written after a version, oldest first."""
    at = {"version": version + 1, "id": ""}
    while True:
        rows = conn.execute(_CHANGES, {**_key(space), **at, "limit": PAGE}).all()
        if rows:
            yield rows
        if len(rows) < PAGE:
            return
        at = {"version": rows[-1].version, "id": rows[-1].id}


def _apply(space: Space, matrix: Matrix, rows: Sequence[sa.Row[Any]]) -> None:
    there = [row for row in rows if row.data]
    for row in rows:
        if not row.data:
            matrix.remove(row.id)
        elif len(row.data) != space.dimension * BYTES:
            raise checks.mismatch(space, len(row.data) // BYTES)
    metadata = json.loads(f"[{','.join([row.metadata for row in there])}]")
    matrix.put([row.id for row in there], [row.data for row in there], metadata)


def _vector(space: Space, data: bytes) -> Array:
    if len(data) != space.dimension * BYTES:
        raise checks.mismatch(space, len(data) // BYTES)
    return np.frombuffer(data, dtype="<f4")


def _key(space: Space) -> dict[str, str]:
    return {"w": space.workspace_id, "c": space.collection_id}


def _prefix(prefix: str) -> dict[str, Any]:
    return {"prefix": prefix, "length": len(prefix)}


def _narrow(conn: Connection, sql: str) -> sa.TextClause:
    """SQLite compares texts as bytes, so its index finds where a prefix begins. A PostgreSQL may know a language."""
    return sa.text(sql + " " if not is_sqlite(conn) else sql.replace(_BEGINS, f" id >= :prefix and{_BEGINS}"))


def _text(metadata: Mapping[str, Any]) -> str:
    return json.dumps(dict(metadata), ensure_ascii=False, separators=(",", ":"))
