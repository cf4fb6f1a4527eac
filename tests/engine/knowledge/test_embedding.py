from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest

from engine.errors import NodeError
from engine.knowledge import embedding
from engine.knowledge.embedding import embed, fitting
from engine.store.database import Database
from engine.store.models import new_id
from tests.world.embeddings import vector


class Counting:
    """Says what it is asked, like a model that costs money."""

    name = "counting"

    def __init__(self, dimension: int = 4, kept_as: str = "") -> None:
        self.dimension, self.kept_as, self.asked = dimension, kept_as or new_id(), list[str]()

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        self.asked += texts
        rows = np.array([vector(text, self.dimension) for text in texts], np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_a_text_is_asked_once_now_and_later(db: Database):
    model, ws = Counting(), new_id()
    first = embed(db, ws, model, ["a", "b", "a"])
    again = embed(db, ws, model, ["c", "b", "a"])
    assert model.asked == ["a", "b", "c"]
    assert (first[0] == first[2]).all() and (again[1] == first[1]).all() and (again[2] == first[0]).all()
    assert np.allclose(again, Counting().embed(["c", "b", "a"]))


def test_models_and_workspaces_share_nothing(db: Database):
    one, other, ws = Counting(), Counting(), new_id()
    embed(db, ws, one, ["a"])
    embed(db, ws, other, ["a"])
    embed(db, new_id(), one, ["a"])
    assert one.asked == ["a", "a"] and other.asked == ["a"]


def test_many_texts_are_kept_as_they_come(db: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(embedding, "AT_ONCE", 100)
    texts = [f"text {n}" for n in range(1250)]

    class Dying(Counting):
        def embed(self, texts: Sequence[str]) -> np.ndarray:
            if len(self.asked) >= 1000:
                raise NodeError("gone", code="model_unavailable")
            return super().embed(texts)

    ws, dying = new_id(), Dying()
    with pytest.raises(NodeError):
        embed(db, ws, dying, texts)
    rest = Counting(kept_as=dying.kept_as)
    rows = embed(db, ws, rest, texts)
    assert rest.asked == texts[1000:] and np.allclose(rows, Counting().embed(texts))


def test_what_another_model_of_that_name_said_is_asked_again(db: Database):
    ws, old = new_id(), Counting(4)
    embed(db, ws, old, ["a"])
    new = Counting(6, old.kept_as)
    assert embed(db, ws, new, ["a"]).shape == (1, 6)
    assert embed(db, ws, new, ["a"]).shape == (1, 6) and new.asked == ["a"]


def test_writers_of_the_same_texts_do_not_stand_in_each_other_s_way(db: Database):
    ws, kept_as, faults = new_id(), new_id(), list[BaseException]()
    texts = [f"text {n}" for n in range(300)]
    together = threading.Barrier(4)

    def work(order: int) -> None:
        try:
            together.wait()
            mine = texts[::order] if order < 0 else texts[order:] + texts[:order]
            rows = embed(db, ws, Counting(kept_as=kept_as), mine)
            assert np.allclose(rows, Counting().embed(mine))
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(order,)) for order in (0, -1, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    late = Counting(kept_as=kept_as)
    embed(db, ws, late, texts)
    assert late.asked == []


def test_rows_that_do_not_fit_a_collection_are_refused():
    rows = np.zeros((2, 4), np.float32)
    assert fitting(rows, 4, "counting") is rows
    with pytest.raises(NodeError) as caught:
        fitting(rows, 5, "counting")
    assert caught.value.code == "dimension_mismatch"
