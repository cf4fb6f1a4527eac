"""j. Search in the embedded store, one search after the other; and what the adapter adds to Pinecone's client.

Vectors are random and 512 long, metadata is what an ingest writes. Pinecone is a local server in a process of its own;
adapter and client take turns at the same query.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from pinecone import Pinecone as Client

from bench.table import Row, median, p95
from engine.settings import Settings
from engine.store.database import Database
from engine.store.migrate import migrate
from engine.store.vectors import Embedded
from engine.vectors import Array, Item, Space
from engine.vectors.pinecone import Pinecone
from tests.running import ROOT
from tests.world.pinecone import Service

SIZES = {10_000: 50, 100_000: 100}
DIMENSION = 512
SEARCHES = 200
QUERIES = 1000
RECORDS = 20
WARM = 20
FILTER = {"page": {"$gte": 3}, "content_type": "application/pdf"}


def rows() -> list[Row]:
    return [*(row for size, most in SIZES.items() for row in _embedded(size, most)), _pinecone()]


def _embedded(size: int, most: float) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        db = Database.open(f"sqlite:///{Path(folder) / 'nexod.db'}")
        migrate(db)
        store, space = Embedded(db), Space("w", "c", DIMENSION)
        for at in range(0, size, 1000):
            store.upsert(space, list(_items(at, 1000)))
        before = _memory_mb()
        began = time.perf_counter()
        store.query(space, _vectors(1, 0)[0], 5)
        cold, memory = time.perf_counter() - began, _memory_mb() - before
        plain = [_ms(store.query, space, query, 5) for query in _vectors(SEARCHES, 1)]
        filtered = [_ms(store.query, space, query, 5, FILTER) for query in _vectors(SEARCHES, 2)]
        db.close()
    note = f"median {median(plain):.1f} ms; read in {cold:.2f} s, +{memory:.0f} MB"
    return [
        Row(f"j  embedded search of {size:,}, p95", p95(plain), "ms", most=most, note=note),
        Row("j  the same with a filter, p95", p95(filtered), "ms", most=most),
    ]


def _pinecone() -> Row:
    with _server() as origin:
        settings = Settings(pinecone_api_key=Service.key, pinecone_host=origin)
        store, space = Pinecone(settings), Space("w", "c", DIMENSION)
        store.upsert(space, list(_items(0, RECORDS)))
        client = Client(api_key=Service.key, host=origin).index(name=f"nexod-{DIMENSION}")
        asked = {"top_k": 5, "namespace": "w", "filter": {"collection": {"$eq": "c"}}, "include_metadata": True}
        ours, theirs = [], []
        for turn, query in enumerate(_vectors(QUERIES + WARM, 3)):
            numbers = [round(number, 8) for number in query.tolist()]
            if turn % 2:
                ours.append(_ms(store.query, space, query, 5))
            theirs.append(_ms(client.query, vector=numbers, **asked))
            if not turn % 2:
                ours.append(_ms(store.query, space, query, 5))
    mine, other = median(ours[WARM:]), median(theirs[WARM:])
    note = f"ours {mine:.2f} ms, the client alone {other:.2f} ms"
    return Row("j  Pinecone: adapter over a raw call, ratio", mine / other, most=1.2, note=note)


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.world.pinecone"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def _items(first: int, count: int) -> Iterator[Item]:
    for n, row in enumerate(_vectors(count, first + 7), first):
        document = f"0198c0de-0000-7000-8000-{n // 50:012d}"
        metadata: dict[str, Any] = {
            "title": f"Title {n // 50}", "source": f"file-{n // 50}.pdf", "content_type": "application/pdf",
            "created": 1_763_640_000_000 + n // 50, "n": n % 50, "page": n % 9, "heading": f"Part {n % 50}",
        }  # fmt: skip
        yield Item(f"{document}:1:{n % 50}", row, metadata)


def _vectors(count: int, seed: int) -> Array:
    rows = np.random.default_rng(seed).standard_normal((count, DIMENSION)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _ms(call: Callable[..., object], *given: Any, **asked: Any) -> float:
    began = time.perf_counter()
    call(*given, **asked)
    return (time.perf_counter() - began) * 1000


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6
