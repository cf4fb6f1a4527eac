"""Texts to vectors: one port, one file per way. Everything here blocks; callers put it in a thread.

numpy is loaded only when something is embedded: the web process starts without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from engine.errors import NodeError
from engine.llm.presets import PRESETS, Preset
from engine.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

DEFAULT = "hashing"


class Embedder(Protocol):
    """`name` is what a collection records: `hashing`, `minilm`, or `<provider>/<model>` like `openai/…`."""

    name: str
    kept_as: str
    """Under which name its answers are kept in the database; empty: asking again is quicker than looking."""

    @property
    def dimension(self) -> int:
        """Of its vectors. May ask the model once, where nobody can know it before."""
        ...

    def measure(self) -> int:
        """The same as it is now, where what answers under a name may have changed."""
        ...

    def embed(self, texts: Sequence[str]) -> Array:
        """One row of length one for each text. Raises NodeError: `model_unauthorized`, `model_unavailable`, …,
        `dimension_mismatch`."""
        ...


def open(name: str, settings: Settings) -> Embedder:
    """The embedder of that name. Cheap: nothing is loaded or asked yet. Raises NodeError `unknown_embedding`, or
    `model_unauthorized` when its key is missing."""
    if name == "hashing":
        from engine.embeddings.hashing import Hashing

        return Hashing()
    if name == "minilm":
        from engine.embeddings.minilm import MiniLM

        return MiniLM(settings)
    provider, _, model = name.partition("/")
    if model and provider in PRESETS and PRESETS[provider].protocol == "openai":
        from engine.embeddings.openai import Endpoint

        return Endpoint(PRESETS[provider], model)
    known = ", ".join(choice["name"] for choice in choices(settings))
    raise NodeError(f"There is no embedding {name!r}.", code="unknown_embedding", hint=f"Choose one of {known}.")


def choices(settings: Settings) -> list[dict[str, Any]]:
    """For the dialog of a new collection: {name, title, help, ready, dimension}. `dimension` None: not known before
    it is asked. Loads and asks nothing."""
    from engine.embeddings import minilm

    ready, hint = minilm.state(settings)
    return [
        {
            "name": "hashing",
            "title": "Words and spellings",
            "help": "Finds passages that share words, or parts of words, with the question; it knows no meanings. "
            "Needs no key and no network.",
            "ready": True,
            "dimension": 512,
        },
        {
            "name": "minilm",
            "title": "MiniLM, on this machine",
            "help": f"A small model that knows English meanings. {hint}".strip(),
            "ready": ready,
            "dimension": minilm.DIMENSION,
        },
        *(_remote(who) for who in PRESETS.values() if who.protocol == "openai" and who.embedding_model()),
    ]


def _remote(who: Preset) -> dict[str, Any]:
    from engine.embeddings.openai import KNOWN

    model = who.embedding_model()
    return {
        "name": f"{who.name}/{model}",
        "title": f"{who.title} {model}",
        "help": "Knows meanings in many languages; every text is sent there." + ("" if who.ready else f" {who.hint}"),
        "ready": who.ready,
        "dimension": None if who.base_url() else KNOWN.get(model),
    }
