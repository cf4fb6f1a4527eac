"""Vectors in memory, searched one and all. Rows are only ever appended, so a `View` stays true while others write."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.values import is_list
from engine.vectors import Array, Match
from engine.vectors.filters import Condition, Every, Rule

FIRST, LARGEST = 64, 8192
"""Rows of the first block; each further one has twice as many, up to the largest."""
SPARE = 1000
Mask = NDArray[np.bool_]
Codes = NDArray[np.int32]


@dataclass(slots=True)
class Column:
    """One field of the metadata: each different value is kept once, rows hold its number, 0 for none."""

    codes: Codes
    values: list[Any] = field(default_factory=lambda: [None])
    numbers: dict[Hashable, int] = field(default_factory=dict[Hashable, int])

    def number(self, value: Any) -> int:
        # 1, 1.0 and True are one key of a dict, and three values.
        key = value if value.__class__ is str else _key(value)
        number = self.numbers.get(key)
        if number is None:
            number = self.numbers[key] = len(self.values)
            self.values.append(value)
        return number

    def mask(self, rule: Condition, rows: int) -> Mask:
        """The rule is asked once per value."""
        codes = self.codes[:rows]
        return np.array([rule.holds(value) for value in tuple(self.values)], dtype=np.bool_)[codes]


@dataclass(frozen=True, slots=True)
class View:
    """The rows that there are at one moment."""

    rows: int
    blocks: tuple[Array, ...]
    alive: Mask
    ids: list[str]
    columns: dict[str, Column]

    def search(self, query: Array, top_k: int, rule: Rule) -> list[Match]:
        wanted = self.alive[: self.rows] & self._mask(rule)
        top_k = min(top_k, int(np.count_nonzero(wanted)))
        if not top_k:
            return []
        scores = np.where(wanted, self._scores(query), -np.inf)
        least = np.partition(scores, self.rows - top_k)[self.rows - top_k]
        found = [(-float(scores[row]), self.ids[row], int(row)) for row in np.flatnonzero(scores >= least)]
        return [Match(id, _cosine(-score), self._metadata(row)) for score, id, row in sorted(found)[:top_k]]

    def _scores(self, query: Array) -> Array:
        """By einsum: reading memory is what takes time, and the threads of `@` would only wait for each other."""
        parts: list[Array] = []
        left = self.rows
        for block in self.blocks:
            parts.append(np.einsum("ij,j->i", block[: max(0, left)], query))
            left -= len(block)
        return np.concatenate(parts)

    def _mask(self, rule: Rule) -> Mask:
        if isinstance(rule, Condition):
            column = self.columns.get(rule.field)
            return column.mask(rule, self.rows) if column else np.full(self.rows, rule.holds(None))
        masks = [self._mask(part) for part in rule.parts]
        if isinstance(rule, Every):
            return np.logical_and.reduce([np.ones(self.rows, np.bool_), *masks])
        return np.logical_or.reduce(masks)

    def _metadata(self, row: int) -> dict[str, Any]:
        return {name: column.values[column.codes[row]] for name, column in self.columns.items() if column.codes[row]}


class Matrix:
    """The vectors of one space. One thread writes at a time; what `view` gave out may be read by any."""

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self.version = -1
        """How much of the space's history is in here."""
        self._blocks: list[Array] = []
        self._capacity = 0
        self._rows = 0
        self._ids: list[str] = []
        self._row: dict[str, int] = {}
        self._alive: Mask = np.zeros(0, np.bool_)
        self._columns: dict[str, Column] = {}

    def put(self, ids: Sequence[str], data: Sequence[bytes], metadata: Sequence[Mapping[str, Any]]) -> None:
        """Each id once."""
        first = self._rows
        while self._capacity < first + len(ids):
            self._grow()
        self._write(first, np.frombuffer(b"".join(data), dtype="<f4").reshape(-1, self.dimension))
        for row, fields in enumerate(metadata, first):
            for name, value in fields.items():
                column = self._columns.get(name)
                if column is None:
                    column = self._columns[name] = Column(np.zeros(self._capacity, np.int32))
                column.codes[row] = column.number(value)
        for row, id in enumerate(ids, first):
            self.remove(id)
            self._row[id] = row
        self._ids += ids
        self._alive[first : first + len(ids)] = True
        self._rows = first + len(ids)

    def _write(self, first: int, rows: Array) -> None:
        begin = 0
        for block in self._blocks:
            at = max(0, first - begin)
            wanted = rows[max(0, begin - first) :][: max(0, len(block) - at)]
            block[at : at + len(wanted)] = wanted
            begin += len(block)

    def remove(self, id: str) -> None:
        row = self._row.pop(id, None)
        if row is not None:
            self._alive[row] = False

    def view(self) -> View:
        return View(self._rows, tuple(self._blocks), self._alive.copy(), self._ids, dict(self._columns))

    @property
    def wasteful(self) -> bool:
        """More than a third of the rows are of the past: better read anew."""
        return self._rows - len(self._row) > SPARE + len(self._row) // 2

    @property
    def nbytes(self) -> int:
        """About; an id or a value of the metadata is taken for 150 bytes."""
        values = sum(len(column.values) for column in self._columns.values())
        codes = 4 * self._capacity * len(self._columns)
        return sum(block.nbytes for block in self._blocks) + codes + 150 * (self._rows + values)

    def _grow(self) -> None:
        more = min(LARGEST, len(self._blocks[-1]) * 2) if self._blocks else FIRST
        self._blocks.append(np.empty((more, self.dimension), dtype="<f4"))
        self._capacity += more
        self._alive = np.concatenate([self._alive, np.zeros(more, np.bool_)])
        for column in self._columns.values():
            # A view may hold the column itself: its rows are the same in the longer array.
            column.codes = np.concatenate([column.codes, np.zeros(more, np.int32)])


def _key(value: Any) -> Hashable:
    return (list, *value) if is_list(value) else (value.__class__, value)


def _cosine(score: float) -> float:
    return max(-1.0, min(1.0, score))
