"""Where vectors live: one port, one file per store. Those inside our own database are in `store/vectors.py`.

Everything here blocks; callers put it in a thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Space:
    """The vectors of one collection. Two spaces never see each other, whatever store they are in."""

    workspace_id: str
    collection_id: str
    dimension: int


@dataclass(frozen=True, slots=True)
class Item:
    """One vector of length one, and what filters may ask of it: flat JSON without nulls."""

    id: str
    vector: Array
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Match:
    """`score` is the cosine, -1 to 1."""

    id: str
    score: float
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])


class VectorStore(Protocol):
    """What every store can do. All raise NodeError: `store_unauthorized`, `store_rate_limited`, `store_unavailable`,
    `store_timeout`, `dimension_mismatch`, `bad_filter`; those worth another try say so."""

    def prepare(self, space: Space) -> None:
        """Make sure that the space can be written to; the first call may take a minute."""
        ...

    def upsert(self, space: Space, items: Sequence[Item], *, wait: bool = True) -> None:
        """All or an error; ids that are there already are replaced. After it, `query` finds them. Who writes batch
        after batch waits with the last one: it waits for all that the same store was given before."""
        ...

    def query(self, space: Space, vector: Array, top_k: int, filter: Mapping[str, Any] | None = None) -> list[Match]:
        """The nearest, best first. `filter`: see `filters.py`."""
        ...

    def fetch(self, space: Space, ids: Sequence[str]) -> list[Item]:
        """Those that there are."""
        ...

    def ids(self, space: Space, prefix: str = "") -> Iterator[str]: ...

    def count(self, space: Space) -> int: ...

    def drop(self, space: Space, prefix: str = "") -> None:
        """Forget every vector whose id begins so; without a prefix, all of the space. Repeating it is harmless."""
        ...
