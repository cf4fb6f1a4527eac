"""One of several processes at one space: `python -m tests.engine.vectors.process URL write N` or `… read`.

A writer replaces, deletes and writes anew its own document, eight vectors with one `stamp`. A reader searches until its
input ends and prints what it saw that may never be seen.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter

from engine.store.database import Database
from engine.store.vectors import Embedded
from engine.vectors import Item, Space
from tests.engine.vectors.world import vectors

SPACE = Space("w", "c", 16)
DOCUMENTS, STEPS, SIZE = 3, 40, 8


def write(store: Embedded, document: int) -> None:
    for step in range(1, STEPS + 1):
        if step % 4 == 0:
            store.drop(SPACE, f"{document}:")
        else:
            rows = vectors(SIZE, seed=document * 1000 + step)
            store.upsert(
                SPACE, [Item(f"{document}:{n}", row, {"of": document, "stamp": step}) for n, row in enumerate(rows)]
            )


def read(store: Embedded) -> dict[str, int]:
    """`torn`: part of a write; `backwards`: older than what was seen before."""
    seen: Counter[str] = Counter()
    newest = dict.fromkeys(range(DOCUMENTS), 0)
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    last = False
    while True:
        for document in range(DOCUMENTS):
            found = store.query(SPACE, vectors(1)[0], 100, {"of": document})
            stamps = {match.metadata["stamp"] for match in found}
            seen["reads"] += 1
            seen["torn"] += len(stamps) > 1 or len(found) not in (0, SIZE)
            seen["backwards"] += bool(stamps) and min(stamps) < newest[document]
            newest[document] = max([newest[document], *stamps])
        if last:
            return {**seen, "found": len(store.query(SPACE, vectors(1)[0], 100))}
        last = ended.is_set()


def main() -> None:
    store = Embedded(Database.open(sys.argv[1]))
    if sys.argv[2] == "write":
        write(store, int(sys.argv[3]))
    else:
        print(json.dumps(read(store)))


if __name__ == "__main__":
    main()
