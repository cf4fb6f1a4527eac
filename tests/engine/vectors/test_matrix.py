"""Vectors in memory: what was looked at stays as it was, and values stay apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.vectors import filters
from engine.vectors.matrix import FIRST, Matrix, View
from tests.engine.vectors.world import DIMENSION, vectors

ALL = filters.parse({})


def matrix_of(count: int) -> Matrix:
    matrix = Matrix(DIMENSION)
    put(matrix, range(count), vectors(count), [{"n": n} for n in range(count)])
    return matrix


def put(matrix: Matrix, names: Any, rows: Any, metadata: list[dict[str, Any]]) -> None:
    matrix.put([f"{name}" for name in names], [row.tobytes() for row in rows], metadata)


def shown(view: View) -> list[tuple[str, float, dict[str, Any]]]:
    return [(match.id, match.score, match.metadata) for match in view.search(vectors(1)[0], 1000, ALL)]


def test_a_view_stays_what_it_was_while_others_write():
    matrix = matrix_of(FIRST - 10)  # there is room in the block
    view = matrix.view()
    before = shown(view)
    put(matrix, range(5), vectors(5, seed=2), [{"n": "new", "more": True}] * 5)
    for name in range(10, 20):
        matrix.remove(f"{name}")
    put(matrix, range(1000, 1400), vectors(400, seed=3), [{"n": 7, "other": "x"}] * 400)
    assert shown(view) == before
    assert len(shown(matrix.view())) == FIRST - 20 + 400


def test_rows_of_many_blocks_are_searched_in_their_place():
    rows = vectors(5000, seed=4)
    matrix = Matrix(DIMENSION)
    at = 0
    for count in (1, 62, 1, 700, 3, 2000, 2233):
        put(matrix, range(at, at + count), rows[at : at + count], [{"n": n} for n in range(at, at + count)])
        at += count
    for n in (0, 1, 63, 64, 191, 192, 763, 764, 2766, 4999):
        (match,) = matrix.view().search(rows[n], 1, ALL)
        assert (match.id, match.metadata) == (f"{n}", {"n": n})


def test_one_and_true_and_their_texts_are_four_values():
    values: list[Any] = [1, True, 1.0, "1", "True", ["1"], [], 0, False, ""]
    matrix = Matrix(DIMENSION)
    put(matrix, range(len(values)), vectors(len(values)), [{"x": value} for value in values])
    found = {match.id: match.metadata["x"] for match in matrix.view().search(vectors(1)[0], 20, ALL)}
    assert [(type(found[f"{n}"]), found[f"{n}"]) for n in range(len(values))] == [(type(v), v) for v in values]


def test_of_equal_scores_the_smaller_id_is_first():
    matrix = Matrix(DIMENSION)
    put(matrix, "dacb", np.repeat(vectors(1), 4, axis=0), [{}] * 4)
    assert [match.id for match in matrix.view().search(vectors(1)[0], 3, ALL)] == ["a", "b", "c"]
