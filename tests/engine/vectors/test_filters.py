"""The language of filters, by its own examples."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import NodeError
from engine.vectors.filters import MAX_DEPTH, MAX_TESTS, MAX_VALUES, check, matches

HAS = {"kind": "pdf", "page": 3, "score": 0.5, "new": True, "tags": ["a", "b"], "zero": 0, "empty": ""}

HOLDS: list[dict[str, Any]] = [
    {},
    {"kind": "pdf"},
    {"kind": {"$eq": "pdf"}, "page": 3},
    {"page": 3.0},
    {"page": {"$gte": 3, "$lt": 3.5}},
    {"kind": {"$in": ["pdf", "md"]}},
    {"kind": {"$nin": ["md"]}},
    {"tags": "a"},
    {"tags": {"$in": ["c", "b"]}},
    {"tags": {"$nin": ["c"]}},
    {"absent": {"$ne": 1}},
    {"absent": {"$nin": ["a"]}},
    {"absent": {"$exists": False}},
    {"zero": {"$exists": True}, "empty": ""},
    {"new": True},
    {"$or": [{"kind": "md"}, {"page": 3}]},
    {"$and": [{"tags": "a"}, {"tags": "b"}], "new": {"$ne": False}},
]
HOLDS_NOT: list[dict[str, Any]] = [
    {"kind": "PDF"},
    {"kind": {"$ne": "pdf"}},
    {"page": "3"},
    {"page": {"$gt": 3}},
    {"kind": {"$gt": 0}},
    {"new": 1},
    {"zero": False},
    {"new": {"$gte": 1}},
    {"tags": {"$ne": "a"}},
    {"tags": {"$nin": ["x", "b"]}},
    {"tags": {"$gt": 0}},
    {"absent": "x"},
    {"absent": {"$lt": 5}},
    {"absent": {"$exists": True}},
    {"$and": [{"tags": "a"}, {"tags": "c"}]},
    {"kind": "pdf", "page": 4},
]


@pytest.mark.parametrize("filter", HOLDS, ids=str)
def test_it_holds(filter: dict[str, Any]):
    assert matches(filter, HAS)


@pytest.mark.parametrize("filter", HOLDS_NOT, ids=str)
def test_it_does_not_hold(filter: dict[str, Any]):
    assert not matches(filter, HAS)


@pytest.mark.parametrize(
    ("filter", "field"),
    [
        ({"kind": {"$near": 1}}, "kind"),
        ({"kind": None}, "kind"),
        ({"kind": ["a"]}, "kind"),
        ({"kind": {}}, "kind"),
        ({"kind": {"$in": "a"}}, "kind"),
        ({"kind": {"$in": []}}, "kind"),
        ({"kind": {"$in": [True]}}, "kind"),
        ({"kind": {"$in": [None]}}, "kind"),
        ({"kind": {"$in": list(range(MAX_VALUES + 1))}}, "kind"),
        ({"kind": {"$exists": 1}}, "kind"),
        ({"page": {"$gt": "3"}}, "page"),
        ({"page": {"$gt": True}}, "page"),
        ({"page": {"$lt": float("nan")}}, "page"),
        ({"page": float("inf")}, "page"),
        ({"page": 10**400}, "page"),
        ({"page": {"$in": [-(10**400)]}}, "page"),
        ({"page": {"gt": 3}}, "page"),
        ({"$not": {"page": 3}}, "$not"),
        ({"$or": {"page": 3}}, "$or"),
        ({"$and": []}, "$and"),
        ({"$and": [{}]}, "$and"),
        ({"$or": ["page"]}, "$or"),
        ({"": 1}, ""),
        ({"$or": [{"page": {"$up": 3}}]}, "page"),
    ],
    ids=str,
)
def test_what_is_no_filter_is_refused_with_its_field(filter: dict[str, Any], field: str):
    with pytest.raises(NodeError) as caught:
        check(filter)
    assert caught.value.code == "bad_filter"
    assert caught.value.extra["field"] == field
    assert not field or field in caught.value.message


def test_depth_and_size_end_somewhere():
    deep: dict[str, Any] = {"page": 1}
    for _ in range(MAX_DEPTH + 1):
        deep = {"$and": [deep]}
    wide = {f"f{n}": n for n in range(MAX_TESTS + 1)}
    for filter in (deep, wide, {"$or": [wide, wide]}):
        with pytest.raises(NodeError) as caught:
            check(filter)
        assert caught.value.code == "bad_filter"
    check({"$and": [{"page": 1}]})
