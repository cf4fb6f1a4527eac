"""MiniLM on this machine: an optional package of weights, run by numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.errors import NodeError
from engine.settings import Settings

if TYPE_CHECKING:
    from engine.embeddings import Array

DIMENSION = 384


def state(settings: Settings) -> tuple[bool, str]:
    """Whether it can answer, and how to make it."""
    return False, "Not installed."


class MiniLM:
    name = "minilm"
    kept_as = "minilm"
    dimension = DIMENSION

    def __init__(self, settings: Settings) -> None:
        raise NodeError("MiniLM is not installed.", code="embedding_missing", hint=state(settings)[1])

    def embed(self, texts: Sequence[str]) -> Array:
        raise NotImplementedError
