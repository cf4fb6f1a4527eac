"""Texts to vectors: one port, one file per way. Everything here blocks; callers put it in a thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


class Embedder(Protocol):
    """`name` is what a collection records: `hashing`, `minilm`, or `openai/<model>`."""

    name: str
    dimension: int

    def embed(self, texts: Sequence[str]) -> Array:
        """One row of length one for each text. Raises NodeError: `model_unauthorized`, `model_unavailable`, …,
        `dimension_mismatch`."""
        ...
