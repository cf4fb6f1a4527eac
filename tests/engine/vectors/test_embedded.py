"""What the embedded store promises beyond the contract: processes that agree, memory that ends somewhere."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from engine.errors import NodeError
from engine.store import vectors as module
from engine.store.database import Database
from engine.store.vectors import Embedded
from engine.vectors import Item, Match, Space
from tests.engine.vectors import process
from tests.engine.vectors.world import DIMENSION, items, nearest, space, vectors
from tests.running import ROOT


@pytest.fixture
def other(embedded: Embedded) -> Iterator[Embedded]:
    """The same database as another process sees it."""
    db = Database.open(embedded.db.engine.url.render_as_string(hide_password=False))
    yield Embedded(db)
    db.close()


@pytest.fixture
def rows_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each reading of the database brought."""
    return _watch(monkeypatch, lambda matrix, rows: len(rows))


@pytest.fixture
def rows_held(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows were in memory together after each reading."""
    return _watch(monkeypatch, lambda matrix, rows: matrix.view().rows)


def _watch(monkeypatch: pytest.MonkeyPatch, what: Callable[[Any, Any], int]) -> list[int]:
    counts: list[int] = []
    apply = module._apply

    def watching(space: Space, matrix: Any, rows: Any) -> None:
        apply(space, matrix, rows)
        counts.append(what(matrix, rows))

    monkeypatch.setattr(module, "_apply", watching)
    return counts


def ids(found: list[Match]) -> list[str]:
    return [match.id for match in found]


def raw_rows(store: Embedded, here: Space) -> int:
    with store.db.read() as conn:
        sql = sa.text("select count(*) from vector_item where workspace_id = :w and collection_id = :c")
        return conn.execute(sql, {"w": here.workspace_id, "c": here.collection_id}).scalar_one()


def test_a_process_sees_each_change_of_another(embedded: Embedded, other: Embedded):
    here, dice, there = space(), random.Random(5), {}
    for step in range(80):
        writer, reader = dice.sample([embedded, other], 2)
        document = f"d{dice.randrange(4)}:"
        if dice.random() < 0.4:
            writer.drop(here, document)
            there = {id: item for id, item in there.items() if not id.startswith(document)}
        else:
            new = items(dice.randrange(1, 9), seed=step, prefix=document)
            writer.upsert(here, new)
            there |= {item.id: item for item in new}
        query = vectors(1, seed=500 + step)[0]
        assert ids(reader.query(here, query, 100)) == [id for id, _ in nearest(list(there.values()), query, 100)]


def test_processes_write_while_others_read(embedded: Embedded):
    """Nobody sees half a write, nor an older state after a newer one, nor what was deleted at the end."""
    url = embedded.db.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.engine.vectors.process", url]
    readers = [
        subprocess.Popen(
            [*command, "read"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    writers = [subprocess.Popen([*command, "write", str(n)], cwd=ROOT) for n in range(process.DOCUMENTS)]
    assert [writer.wait() for writer in writers] == [0] * process.DOCUMENTS
    for reader in readers:
        out, err = reader.communicate("")
        assert reader.returncode == 0, err
        seen = json.loads(out)
        # The last step of each writer is a deletion.
        assert (seen["torn"], seen["backwards"], seen["found"]) == (0, 0, 0)
        assert seen["reads"] > 0
    assert embedded.count(process.SPACE) == 0


def test_only_what_changed_is_read_again(embedded: Embedded, other: Embedded, rows_read: list[int]):
    here, query = space(), vectors(1)[0]
    embedded.upsert(here, items(500))
    other.query(here, query, 1)
    other.query(here, query, 1)
    assert rows_read == [500]
    embedded.upsert(here, items(7, seed=2, prefix="new:"))
    embedded.drop(here, "d:1:49")
    other.query(here, query, 1)
    assert rows_read == [500, 7 + 11]


def test_traces_of_what_was_deleted_are_removed_and_who_missed_them_reads_anew(
    embedded: Embedded, other: Embedded, rows_read: list[int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "MOST_GONE", 20)
    here, all_ = space(), items(60)
    embedded.upsert(here, all_)
    other.query(here, all_[0].vector, 1)
    embedded.drop(here, "d:1:1")  # 11 of them
    assert raw_rows(embedded, here) == 60
    embedded.drop(here, "d:1:2")
    assert raw_rows(embedded, here) == embedded.count(here) == 60 - 22
    left = [item for item in all_ if not item.id.startswith(("d:1:1", "d:1:2"))]
    assert ids(other.query(here, all_[10].vector, 100)) == [id for id, _ in nearest(left, all_[10].vector, 100)]
    assert rows_read[-1] == 38


def test_a_space_that_is_dropped_leaves_no_row(embedded: Embedded, other: Embedded):
    here, all_ = space(), items(40)
    embedded.upsert(here, all_)
    assert len(other.query(here, all_[0].vector, 100)) == 40
    embedded.drop(here)
    assert raw_rows(embedded, here) == 0
    assert other.query(here, all_[0].vector, 100) == []
    embedded.upsert(here, all_[:2])
    assert len(other.query(here, all_[0].vector, 100)) == 2


def test_memory_stays_below_its_bound_and_the_space_used_longest_ago_goes_first(embedded: Embedded, other: Embedded):
    spaces = [space() for _ in range(6)]
    for here in spaces:
        embedded.upsert(here, items(300))
    whole = 0
    for here in spaces:
        embedded.query(here, vectors(1)[0], 1)
        matrix = embedded._cache.get(here)
        assert matrix is not None
        whole += matrix.nbytes
    small = Embedded(other.db, cache_bytes=whole // 2)
    for here in (*spaces, spaces[0]):
        assert len(small.query(here, vectors(1)[0], 5)) == 5
        assert small._cache.nbytes <= whole // 2
    assert small._cache.get(spaces[0]) is not None
    assert small._cache.get(spaces[1]) is None


def test_a_space_larger_than_the_bound_is_searched_in_pieces(
    embedded: Embedded, other: Embedded, rows_held: list[int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "PAGE", 64)
    here, all_ = space(), items(300)
    embedded.upsert(here, all_)
    embedded.drop(here, "d:1:29")
    left = [item for item in all_ if not item.id.startswith("d:1:29")]
    small = Embedded(other.db, cache_bytes=1000)
    for query in vectors(5, seed=9):
        expected = [id for id, _ in nearest(left, query, 20, {"n": {"$gt": 20}})]
        assert ids(small.query(here, query, 20, {"n": {"$gt": 20}})) == expected
    assert small._cache.nbytes == 0
    assert max(rows_held) == 64


def test_a_space_that_was_mostly_rewritten_is_read_anew(embedded: Embedded, rows_read: list[int]):
    here = space()
    for seed in range(6):
        embedded.upsert(here, items(1000, seed=seed))
        query = vectors(1, seed=seed)[0]
        assert ids(embedded.query(here, query, 1)) == ["d:1:0"]
    matrix = embedded._cache.get(here)
    assert matrix is not None
    assert matrix.view().rows < 4000


def test_vectors_of_another_embedding_are_an_error_and_no_nonsense(embedded: Embedded):
    here = space()
    embedded.upsert(here, items(3))
    there = Space(here.workspace_id, here.collection_id, DIMENSION * 2)
    for ask in (
        lambda: embedded.query(there, vectors(1, DIMENSION * 2)[0], 1),
        lambda: embedded.fetch(there, ["d:1:0"]),
    ):
        with pytest.raises(NodeError) as caught:
            ask()
        assert caught.value.code == "dimension_mismatch"
    assert len(embedded.query(here, vectors(1)[0], 5)) == 3


def test_threads_search_while_one_writes(embedded: Embedded):
    """A search sees whole batches: every document has eight vectors, whichever revision."""
    here, faults = space(), []
    done = threading.Event()

    def search() -> None:
        try:
            while not done.is_set():
                found = embedded.query(here, vectors(1)[0], 100, {"of": 1})
                stamps = {match.metadata["stamp"] for match in found}
                assert len(stamps) <= 1 and len(found) in (0, 8), (len(found), stamps)
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=search) for _ in range(4)]
    for thread in threads:
        thread.start()
    for stamp in range(60):
        rows = vectors(8, seed=stamp)
        embedded.upsert(here, [Item(f"1:{n}", row, {"of": 1, "stamp": stamp}) for n, row in enumerate(rows)])
        if stamp % 5 == 4:
            embedded.drop(here, "1:")
    done.set()
    for thread in threads:
        thread.join()
    assert faults == []
