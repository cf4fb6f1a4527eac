"""Vectors in memory, searched one and all. Rows are only ever appended, so a `View` stays true while others write."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
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
    """One field of the metadata: each different value is kept once, rows hold its number, -1 for none."""

    codes: Codes
    values: list[Any] = field(default_factory=list[Any])
    numbers: dict[Hashable, int] = field(default_factory=dict[Hashable, int])

    def put(self, row: int, value: Any) -> None:
        key = value if isinstance(value, str) else _key(value)
        number = self.numbers.setdefault(key, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        self.codes[row] = number

    def mask(self, rule: Condition, rows: int) -> Mask:
        """The rule is asked once per value, the last answer is for rows without one."""
        answers = np.array([*map(rule.holds, tuple(self.values)), rule.holds(None)], dtype=np.bool_)
        codes = self.codes[:rows]
        return answers[np.where(codes < len(answers) - 1, codes, -1)]


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
        return {
            name: column.values[column.codes[row]] for name, column in self.columns.items() if column.codes[row] >= 0
        }


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

    def put(self, id: str, data: bytes, metadata: Mapping[str, Any]) -> None:
        self.remove(id)
        row = self._rows
        if row == self._capacity:
            self._grow()
        last = self._blocks[-1]
        last[len(last) - (self._capacity - row)] = np.frombuffer(data, dtype="<f4")
        for name, value in metadata.items():
            if name not in self._columns:
                self._columns[name] = Column(np.full(self._capacity, -1, np.int32))
            self._columns[name].put(row, value)
        self._ids.append(id)
        self._alive[row] = True
        self._row[id] = row
        self._rows += 1

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
            column.codes = np.concatenate([column.codes, np.full(more, -1, np.int32)])


def _key(value: Any) -> Hashable:
    """1, 1.0 and True are one key of a dict, and three values."""
    return (type(value).__name__, tuple(value) if is_list(value) else value)


def _cosine(score: float) -> float:
    return max(-1.0, min(1.0, score))
