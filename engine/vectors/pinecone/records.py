"""Our vectors as Pinecone's records and back.

A record is called `<collection>/<id>`, percent-encoded, since Pinecone's ids are ASCII and shared by a namespace. It
carries `workspace` and `collection` beside its metadata; metadata of that name gets an underscore on its way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict
from urllib.parse import quote, unquote

import numpy as np

from engine.errors import NodeError
from engine.values import is_list
from engine.vectors import Array, Item, Match, Space
from engine.vectors.filters import Condition, Every, Rule

BATCH, BATCH_BYTES = 200, 1_500_000
"""Pinecone takes 1,000 records and 2 MB at a time."""
NUMBER_BYTES = 13
DIGITS = 8
"""Decimals of a number on its way: a float32 of a vector of length one has no more."""
ADDRESS = 4000
"""Characters of ids that travel in one address."""
MAX_ID = 512
OURS = ("workspace", "collection")


class Record(TypedDict):
    id: str
    values: list[float]
    metadata: dict[str, Any]


def record(space: Space, item: Item) -> Record:
    metadata = {"workspace": space.workspace_id, "collection": space.collection_id}
    metadata.update({_field(name): value for name, value in item.metadata.items()})
    return {"id": name(space, item.id), "values": numbers(item.vector), "metadata": metadata}


def batches(records: Sequence[Record]) -> Iterator[list[Record]]:
    """As many at a time as Pinecone takes."""
    batch: list[Record] = []
    size = 0
    for one in records:
        own = NUMBER_BYTES * len(one["values"]) + len(one["id"]) + len(str(one["metadata"]).encode()) + 100
        if batch and (len(batch) == BATCH or size + own > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += own
    if batch:
        yield batch


def addresses(names: Sequence[str]) -> Iterator[list[str]]:
    """Ids for one `GET` each."""
    batch: list[str] = []
    for one in names:
        if batch and sum(len(quote(other, safe="")) + 5 for other in [*batch, one]) > ADDRESS:
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


def name(space: Space, id: str) -> str:
    whole = prefix(space, id)
    if len(whole) > MAX_ID:
        raise NodeError("The id of a vector is too long for Pinecone.", code="bad_vector", hint=id[:80])
    return whole


def prefix(space: Space, prefix: str) -> str:
    """Encoding goes by the character, so a beginning stays one."""
    return f"{quote(space.collection_id, safe='')}/{quote(prefix, safe=':')}"


def id_of(space: Space, name: str) -> str:
    return unquote(name.partition("/")[2])


def numbers(vector: Array) -> list[float]:
    return np.round(vector.astype(np.float64), DIGITS).tolist()


def match(space: Space, name: str, score: float, metadata: Mapping[str, Any] | None) -> Match:
    return Match(id_of(space, name), max(-1.0, min(1.0, score)), _metadata(metadata))


def item(space: Space, name: str, values: Sequence[float], metadata: Mapping[str, Any] | None) -> Item:
    return Item(id_of(space, name), np.array(values, np.float32), _metadata(metadata))


def again(name: str, values: Sequence[float], metadata: Mapping[str, Any] | None) -> Record:
    """A record as it was read."""
    return {"id": name, "values": list(values), "metadata": dict(metadata or {})}


def just_like(one: Record) -> dict[str, Any]:
    """The filter that few others pass."""
    plain = [{field: {"$eq": value}} for field, value in one["metadata"].items() if not is_list(value)]
    return {"$and": plain}


def is_same(one: Record, values: Sequence[float], metadata: Mapping[str, Any] | None) -> bool:
    return dict(metadata or {}) == one["metadata"] and bool(np.allclose(values, one["values"], atol=1e-6))


def narrowed(space: Space, rule: Rule) -> dict[str, Any]:
    """The collection, and what was asked beside it."""
    mine = {"collection": {"$eq": space.collection_id}}
    return mine if rule == Every(()) else {"$and": [mine, _filter(rule)]}


def _filter(rule: Rule) -> dict[str, Any]:
    if not isinstance(rule, Condition):
        return {"$and" if isinstance(rule, Every) else "$or": [_filter(part) for part in rule.parts]}
    field = _field(rule.field)
    asked: dict[str, Any] = {field: {rule.operator: rule.value}}
    if rule.operator in ("$ne", "$nin"):
        # What is not there is not equal either; Pinecone's documentation leaves that open.
        return {"$or": [asked, {field: {"$exists": False}}]}
    return asked


def _field(name: str) -> str:
    return f"_{name}" if name.lstrip("_") in OURS else name


def _metadata(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Without what we added; whole numbers, which come back as doubles, are whole again."""
    found: dict[str, Any] = {}
    for field, value in (metadata or {}).items():
        if field not in OURS:
            mine = field[1:] if field.lstrip("_") in OURS else field
            found[mine] = list(value) if is_list(value) else _whole(value)
    return found


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
