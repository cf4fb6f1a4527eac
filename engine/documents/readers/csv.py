"""CSV: one line of text for each row, with the names of the columns; whatever stands between the cells."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence

from engine.documents import Extracted, Section, table
from engine.documents.clean import clean
from engine.documents.limits import Limits, broken, check_characters, empty

DELIMITERS = ",;\t|:^~"
"""Where two fit equally well, the first is taken."""
ROWS = 100


def read(text: str, limits: Limits) -> Extracted:
    text = clean(text.replace("\x1f", "\t"))
    delimiter, text = _delimiter(text)
    usual = csv.field_size_limit(len(text) + 1)
    try:
        lines = list(_counted(table.lines(csv.reader(io.StringIO(text), delimiter=delimiter)), limits))
    except csv.Error as fault:
        raise broken(f"The table cannot be read: {fault}.") from None
    finally:
        csv.field_size_limit(usual)
    if not lines:
        raise empty("The table has no values.")
    return Extracted("csv", "", (Section("\n".join(lines)),))


def _counted(lines: Iterator[str], limits: Limits) -> Iterator[str]:
    count = 0
    for one in lines:
        count += len(one) + 1
        check_characters(count, limits)
        yield one


def _delimiter(text: str) -> tuple[str, str]:
    first, _, rest = text.partition("\n")
    if first.lower().startswith("sep=") and len(first) == 5:
        return first[4], rest
    head = text[:100_000].split("\n")[:ROWS]
    head = head if len(head) < 2 or len(text) <= 100_000 else head[:-1]
    return max(DELIMITERS, key=lambda one: _fits(head, one)), text


def _fits(lines: Sequence[str], delimiter: str) -> tuple[float, int]:
    """How regular the rows are, and how many columns they have."""
    try:
        widths = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter) if row)
    except csv.Error:
        return 0.0, 0
    if not widths:
        return 0.0, 0
    width, times = max(widths.items(), key=lambda item: (item[1], item[0]))
    if width < 2:
        return 0.0, 0
    share = times / sum(widths.values())
    # Colons and circumflexes stand inside of cells more often than between them.
    return round(share if share > 0.5 and delimiter in ",;\t|" else share / 2, 1), width
