"""One row of the table, and the arithmetic of all of them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """`most` and `least` are targets; a row without one is there to be read."""

    name: str
    value: float
    unit: str = ""
    most: float | None = None
    least: float | None = None
    note: str = ""

    @property
    def target(self) -> str:
        if self.most is not None:
            return f"≤ {self.most:g} {self.unit}".rstrip()
        return f"≥ {self.least:g} {self.unit}".rstrip() if self.least is not None else ""

    @property
    def met(self) -> bool | None:
        if self.most is None and self.least is None:
            return None
        return (self.most is None or self.value <= self.most) and (self.least is None or self.value >= self.least)


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def p95(values: Sequence[float]) -> float:
    """The nearest rank: a value that was really measured."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def show(rows: Sequence[Row]) -> str:
    verdict = {True: "met", False: "missed", None: ""}
    cells = [("what", "measured", "target", "", "")]
    cells += [(r.name, f"{r.value:.3g} {r.unit}".rstrip(), r.target, verdict[r.met], r.note) for r in rows]
    widths = [max(len(row[at]) for row in cells) for at in range(5)]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([lines[0], "─" * max(map(len, lines)), *lines[1:]])
