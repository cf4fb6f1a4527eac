"""Vectors that nobody made by hand, and the answer that a search must give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import numpy as np

from engine.vectors import Array, Item, Space, filters

DIMENSION = 16


def space(workspace_id: str = "", dimension: int = DIMENSION) -> Space:
    return Space(workspace_id or str(uuid4()), str(uuid4()), dimension)


def vectors(count: int, dimension: int = DIMENSION, seed: int = 1) -> Array:
    """Rows of length one."""
    rows = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def items(count: int, seed: int = 1, prefix: str = "d:1:") -> list[Item]:
    """Ids `d:1:0`, `d:1:1`, …"""
    return [Item(f"{prefix}{n}", row, {"n": n}) for n, row in enumerate(vectors(count, seed=seed))]


def nearest(
    items: Sequence[Item], query: Array, top_k: int, filter: Mapping[str, Any] | None = None
) -> list[tuple[str, float]]:
    """Ids and cosines, found by asking each."""
    wanted = [item for item in items if filters.matches(filter or {}, item.metadata)]
    scores = [(item.id, float(np.dot(item.vector.astype(float), query.astype(float)))) for item in wanted]
    return sorted(scores, key=lambda found: (-found[1], found[0]))[:top_k]
