"""Rows of cells as lines of text, each understood without the others: every value has the name of its column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

Row = Sequence[str]
NUMBERLIKE = re.compile(r"[\W_]*\d[\d\W_]*(?:[a-zA-Z%€$£]{1,3})?")
NAME = 60
"""Characters of a column's name; what is longer is a value."""


def lines(rows: Iterable[Row], header: bool | None = None) -> Iterator[str]:
    """`header`: whether the first row names the columns; without it, how the row looks decides."""
    names: Row | None = None
    waiting: Row | None = None
    for cells in rows:
        row = [" ".join(cell.split()) for cell in cells]
        if not any(row):
            continue
        if names is None:
            names = row if (is_header(row) if header is None else header) else ()
            if names:
                waiting = names
                continue
        waiting = None
        yield _line(row, names)
    if waiting:
        yield _line(waiting, ())


def is_header(row: Row) -> bool:
    filled = [cell for cell in row if cell]
    return (
        len(row) > 1
        and len(filled) >= len(row) - 1
        and len(set(filled)) == len(filled)
        and not any(len(cell) > NAME or cell.endswith(":") or NUMBERLIKE.fullmatch(cell) for cell in filled)
    )


def _line(row: Row, names: Row) -> str:
    if not names:
        return " | ".join(cell for cell in row if cell)
    named = (names[at] if at < len(names) else "" for at in range(len(row)))
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in zip(named, row, strict=True) if cell)
