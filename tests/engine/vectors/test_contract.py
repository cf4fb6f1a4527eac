"""What every store of vectors promises."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import NodeError
from engine.vectors import Item, VectorStore
from tests.engine.vectors.world import DIMENSION, items, nearest, space, vectors

UNUSUAL = [
    "a b", "ä/ö", "%", "%25", "_", "a%b_c", "'\"", "日本語", "#?&=", "\\", "d:1:1", "d:1:10", "D:1:1", "a\nb", "..",
    "x" * 60, "🙂", " ",
]  # fmt: skip


def test_a_search_finds_what_asking_each_finds_in_that_order(store: VectorStore):
    here, all_ = space(), items(300)
    store.prepare(here)
    store.upsert(here, all_)
    for query in vectors(20, seed=2):
        found = store.query(here, query, 10)
        expected = nearest(all_, query, 10)
        assert [match.id for match in found] == [id for id, _ in expected]
        assert [match.score for match in found] == pytest.approx([score for _, score in expected], abs=1e-5)
        assert all(match.metadata == {"n": int(match.id.removeprefix("d:1:"))} for match in found)


def test_a_store_that_holds_nothing_answers_nothing(store: VectorStore):
    here = space()
    store.prepare(here)
    assert store.query(here, vectors(1)[0], 5) == []
    assert (store.count(here), list(store.ids(here)), store.fetch(here, ["a"])) == (0, [], [])
    store.drop(here)
    store.upsert(here, [])
    assert store.count(here) == 0


def test_an_id_that_is_there_is_replaced_whole(store: VectorStore):
    here, (old, new) = space(), vectors(2)
    store.prepare(here)
    store.upsert(here, [Item("a", old, {"kind": "old", "page": 1})])
    assert store.query(here, old, 1)[0].score == pytest.approx(1, abs=1e-5)
    store.upsert(here, [Item("a", new, {"kind": "new"})])
    assert [(m.id, m.metadata) for m in store.query(here, old, 5)] == [("a", {"kind": "new"})]
    assert store.query(here, new, 1)[0].score == pytest.approx(1, abs=1e-5)
    assert store.query(here, new, 1, {"page": 1}) == []
    assert store.count(here) == 1


def test_of_one_id_given_twice_the_last_counts(store: VectorStore):
    here, (one, other) = space(), vectors(2)
    store.prepare(here)
    store.upsert(here, [Item("a", one, {"n": 1}), Item("a", other, {"n": 2})])
    assert [match.metadata for match in store.query(here, other, 2)] == [{"n": 2}]


def test_what_is_fetched_is_what_was_given(store: VectorStore):
    here, all_ = space(), items(30)
    store.prepare(here)
    store.upsert(here, all_)
    found = {item.id: item for item in store.fetch(here, ["d:1:3", "d:1:29", "absent"])}
    assert sorted(found) == ["d:1:29", "d:1:3"]
    assert found["d:1:3"].metadata == {"n": 3}
    assert np.allclose(found["d:1:3"].vector, all_[3].vector, atol=1e-6)


def test_metadata_comes_back_as_it_was(store: VectorStore):
    metadata = {"text": "ä 'q' \"d\" \\ %", "whole": 3, "part": 0.25, "yes": True, "no": False, "tags": ["a", "b"]}
    here, (one,) = space(), vectors(1)
    store.prepare(here)
    store.upsert(here, [Item("a", one, metadata)])
    (match,) = store.query(here, one, 1)
    assert match.metadata == metadata
    assert match.metadata["yes"] is True


@pytest.mark.parametrize("name", ["workspace", "_workspace", "collection", "__collection", "id", "values", "a.b", "ä"])
def test_no_name_of_metadata_is_taken(store: VectorStore, name: str):
    here, (one, other) = space(), vectors(2)
    store.prepare(here)
    store.upsert(here, [Item("a", one, {name: "mine"}), Item("b", other, {name: "other"})])
    (match,) = store.query(here, one, 5, {name: "mine"})
    assert (match.id, match.metadata) == ("a", {name: "mine"})


def test_unusual_ids_are_kept_apart(store: VectorStore):
    here, rows = space(), vectors(len(UNUSUAL))
    store.prepare(here)
    store.upsert(here, [Item(id, row) for id, row in zip(UNUSUAL, rows, strict=True)])
    assert sorted(store.ids(here)) == sorted(UNUSUAL)
    assert [store.query(here, row, 1)[0].id for row in rows] == UNUSUAL
    assert sorted(item.id for item in store.fetch(here, UNUSUAL)) == sorted(UNUSUAL)


@pytest.mark.parametrize("prefix", ["d:1:", "d:1:1", "%", "_", "a", "ä", "日", "\\", "D", "x"])
def test_a_prefix_is_dropped_and_nothing_beside_it(store: VectorStore, prefix: str):
    here, there = space(), space()
    store.prepare(here)
    for one in (here, there):
        store.upsert(one, [Item(id, row) for id, row in zip(UNUSUAL, vectors(len(UNUSUAL)), strict=True)])
    gone = [id for id in UNUSUAL if id.startswith(prefix)]
    assert gone and sorted(store.ids(here, prefix)) == sorted(gone)
    store.drop(here, prefix)
    store.drop(here, prefix)
    assert sorted(store.ids(here)) == sorted(set(UNUSUAL) - set(gone))
    found = {match.id for row in vectors(len(UNUSUAL)) for match in store.query(here, row, len(UNUSUAL))}
    assert found == set(UNUSUAL) - set(gone)
    assert store.fetch(here, gone) == []
    assert store.count(there) == len(UNUSUAL)


def test_all_of_a_space_is_dropped_and_it_can_be_filled_again(store: VectorStore):
    here, beside, all_ = space(), space(), items(250)
    for one in (here, beside):
        store.prepare(one)
        store.upsert(one, all_)
    store.drop(here)
    assert (store.count(here), store.count(beside)) == (0, 250)
    assert store.query(here, all_[0].vector, 5) == []
    store.upsert(here, all_[:3])
    assert [match.id for match in store.query(here, all_[2].vector, 1)] == ["d:1:2"]
    assert store.count(here) == 3


def test_filters_hold_before_the_best_are_chosen(store: VectorStore):
    here, all_ = space(), items(400)
    store.prepare(here)
    store.upsert(here, all_)
    for query in vectors(5, seed=3):
        furthest = [int(id.removeprefix("d:1:")) for id, _ in nearest(all_, query, 400)[-3:]]
        found = store.query(here, query, 3, {"n": {"$in": furthest}})
        assert [match.metadata["n"] for match in found] == furthest


VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(["a", "b", "A", "ä'\"%", "", "1", "true"]),
    st.integers(-2, 2),
    st.sampled_from([0.5, -1.0, 1e9, 2.0]),
    st.booleans(),
)
TAGS = st.lists(st.sampled_from(["a", "b", "1"]), max_size=3)
FIELDS = st.sampled_from(["kind", "page", "tags", "a.b"])
METADATA = st.lists(st.dictionaries(FIELDS, st.one_of(VALUES, TAGS)), min_size=6, max_size=6)
NUMBERS = st.one_of(st.integers(-2, 2), st.sampled_from([0.5, -0.5]))
PLAIN = st.one_of(st.sampled_from(["a", "b", "1", "true", ""]), NUMBERS)
TESTS = st.one_of(
    VALUES,
    st.dictionaries(st.sampled_from(["$eq", "$ne"]), VALUES, min_size=1),
    st.dictionaries(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), NUMBERS, min_size=1),
    st.dictionaries(st.sampled_from(["$in", "$nin"]), st.lists(PLAIN, min_size=1, max_size=3), min_size=1),
    st.dictionaries(st.just("$exists"), st.booleans(), min_size=1),
)
FIELD_TESTS = st.dictionaries(FIELDS, TESTS, min_size=1, max_size=2)
FILTERS = st.recursive(
    FIELD_TESTS,
    lambda inner: st.dictionaries(
        st.sampled_from(["$and", "$or"]), st.lists(inner, min_size=1, max_size=3), min_size=1, max_size=2
    ),
    max_leaves=5,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(metadata=METADATA, filters_=st.lists(FILTERS, min_size=4, max_size=8))
def test_filters_mean_the_same_in_every_store(
    store: VectorStore, metadata: list[dict[str, Any]], filters_: list[dict[str, Any]]
):
    here, rows = space("w"), vectors(len(metadata))
    all_ = [Item(str(n), row, given) for n, (row, given) in enumerate(zip(rows, metadata, strict=True))]
    store.prepare(here)
    store.upsert(here, all_)
    for filter in filters_:
        expected = nearest(all_, rows[0], 10, filter)
        assert [match.id for match in store.query(here, rows[0], 10, filter)] == [id for id, _ in expected], filter


@pytest.mark.parametrize("filter", [{"n": {"$near": 1}}, {"$or": []}, {"n": {"$gt": "1"}}, {"n": None}])
def test_a_filter_that_is_none_is_refused(store: VectorStore, filter: dict[str, Any]):
    here = space()
    store.prepare(here)
    with pytest.raises(NodeError) as caught:
        store.query(here, vectors(1)[0], 1, filter)
    assert caught.value.code == "bad_filter"


def test_twenty_workspaces_with_the_same_texts_never_meet(store: VectorStore):
    """2,000 searches, with and without filters; every id tells whose it is."""
    rows, collection = vectors(60), space().collection_id
    spaces = [type(space())(f"w{n}", collection, DIMENSION) for n in range(20)]
    for n, one in enumerate(spaces):
        store.prepare(one)
        store.upsert(one, [Item(f"{n}:{at}", row, {"of": n, "at": at}) for at, row in enumerate(rows)])
    dice, foreign = random.Random(7), 0
    for _ in range(2000):
        n, query = dice.randrange(20), rows[dice.randrange(60)]
        filter = dice.choice([None, {"at": {"$lt": 30}}, {"$or": [{"of": n}, {"of": (n + 1) % 20}]}])
        found = store.query(spaces[n], query, 5, filter)
        assert len(found) == 5
        foreign += sum(not match.id.startswith(f"{n}:") for match in found)
    assert foreign == 0


def test_two_collections_of_a_workspace_never_meet(store: VectorStore):
    one, other = space("w"), space("w")
    for at, here in enumerate((one, other)):
        store.prepare(here)
        store.upsert(here, [Item("same", vectors(1)[0], {"of": at}), Item(f"only{at}", vectors(2)[1], {"of": at})])
    assert {match.metadata["of"] for match in store.query(one, vectors(1)[0], 10)} == {0}
    assert store.query(one, vectors(1)[0], 10, {"$or": [{"of": 1}, {"of": {"$exists": False}}]}) == []
    assert store.fetch(one, ["only1"]) == []
    store.drop(one, "same")
    assert sorted(store.ids(other)) == ["only1", "same"]


@pytest.mark.parametrize("dimension", [1, DIMENSION - 1, DIMENSION + 1])
def test_a_vector_of_another_dimension_is_refused_and_none_of_its_batch_is_kept(store: VectorStore, dimension: int):
    here, wrong = space(), vectors(1, dimension)[0]
    store.prepare(here)
    for call in (lambda: store.upsert(here, [*items(3), Item("x", wrong)]), lambda: store.query(here, wrong, 1)):
        with pytest.raises(NodeError) as caught:
            call()
        assert caught.value.code == "dimension_mismatch"
    assert store.count(here) == 0


@pytest.mark.parametrize("number", [0.0, float("nan"), float("inf")])
def test_a_vector_without_direction_is_refused(store: VectorStore, number: float):
    here = space()
    store.prepare(here)
    with pytest.raises(NodeError) as caught:
        store.upsert(here, [Item("a", np.full(DIMENSION, number, np.float32))])
    assert caught.value.code == "bad_vector"


@pytest.mark.parametrize("value", [None, {"a": 1}, [1, 2], float("nan")])
def test_metadata_that_filters_cannot_ask_for_is_refused(store: VectorStore, value: Any):
    here = space()
    store.prepare(here)
    with pytest.raises(NodeError) as caught:
        store.upsert(here, [Item("a", vectors(1)[0], {"x": value})])
    assert caught.value.code == "bad_metadata"


def test_who_waits_with_the_last_batch_finds_all(store: VectorStore):
    here, all_ = space(), items(90)
    store.prepare(here)
    for at in range(0, 90, 30):
        store.upsert(here, all_[at : at + 30], wait=at == 60)
    assert len(store.query(here, all_[0].vector, 100)) == 90


def test_what_was_deleted_never_comes_back(store: VectorStore):
    """Two documents take turns at being replaced and deleted; after each step the search knows the newest state."""
    here, dice, there = space(), random.Random(3), {}
    store.prepare(here)
    for step in range(60):
        document = f"d{dice.randrange(3)}:"
        if dice.random() < 0.4:
            store.drop(here, document)
            there = {id: item for id, item in there.items() if not id.startswith(document)}
        else:
            new = items(dice.randrange(1, 12), seed=step, prefix=f"{document}{step}:")
            store.upsert(here, new)
            there |= {item.id: item for item in new}
        query = vectors(1, seed=1000 + step)[0]
        expected = [id for id, _ in nearest(list(there.values()), query, 200)]
        assert [match.id for match in store.query(here, query, 200)] == expected
    assert store.count(here) == len(there) > 0
