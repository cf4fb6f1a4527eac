"""What every store refuses in the same words, so that no collection works in one and not in the next."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.errors import NodeError
from engine.values import is_list
from engine.vectors import Array, Item, Space

MAX_ID = 400
MAX_TOP_K = 1000


def items(space: Space, several: Sequence[Item]) -> list[Item]:
    """The last of each id, with its vector as it is stored. Raises NodeError."""
    last = {item.id: item for item in several}
    return [Item(_id(item.id), unit(space, item.vector), _metadata(item.metadata)) for item in last.values()]


def unit(space: Space, vector: Array) -> Array:
    """The vector at length one, in memory as stores want it."""
    if vector.shape != (space.dimension,):
        raise mismatch(space, vector.size)
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if not math.isfinite(length) or length == 0:
        raise NodeError("A vector is zero or no number.", code="bad_vector", hint="Is the text empty?")
    return np.ascontiguousarray(vector / length, dtype="<f4")


def mismatch(space: Space, dimension: int) -> NodeError:
    return NodeError(
        f"The collection holds vectors of {space.dimension} numbers, this one has {dimension}.",
        code="dimension_mismatch",
        hint="Embed the collection anew, or choose the embedding that it was made with.",
    )


def top_k(number: int) -> int:
    return max(0, min(number, MAX_TOP_K))


def _id(text: str) -> str:
    if not text or len(text) > MAX_ID or "\0" in text:
        raise NodeError(f"The id of a vector has 1 to {MAX_ID} characters.", code="bad_vector", hint=repr(text[:40]))
    return text


def _metadata(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    for name, value in metadata.items():
        if not name or name.startswith("$") or not _is_flat(value):
            raise NodeError(
                f"The metadata {name!r} cannot be kept.",
                code="bad_metadata",
                hint="Values are texts, numbers, true, false, or lists of texts.",
            )
    return metadata


def _is_flat(value: Any) -> bool:
    if is_list(value):
        return all(isinstance(one, str) for one in value)
    return isinstance(value, str | bool) or (isinstance(value, int | float) and math.isfinite(value))
