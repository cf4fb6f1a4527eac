"""Texts to vectors, with what was answered before kept in the database."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

from engine.embeddings import Embedder
from engine.errors import NodeError
from engine.store import embeddings
from engine.store.database import Database

if TYPE_CHECKING:
    from engine.embeddings import Array

AT_ONCE = 256
"""Texts between two writes: what a kill can lose."""


def embed(db: Database, ws_id: str, embedder: Embedder, texts: Sequence[str]) -> Array:
    """One row for each text. The same text is asked once, now and in future."""
    if not embedder.kept_as or not texts:
        return embedder.embed(texts)
    import numpy as np

    hashes = [sha256(text.encode("utf-8", "surrogatepass")).hexdigest() for text in texts]
    unique = dict(zip(hashes, texts, strict=True))
    known = _known(db, ws_id, embedder, list(unique))
    missing = [hash_ for hash_ in unique if hash_ not in known]
    for at in range(0, len(missing), AT_ONCE):
        some = missing[at : at + AT_ONCE]
        rows = embedder.embed([unique[hash_] for hash_ in some])
        known |= zip(some, rows, strict=True)
        embeddings.write(
            db, ws_id, embedder.kept_as, {h: r.astype("<f4").tobytes() for h, r in zip(some, rows, strict=True)}
        )
    return np.stack([known[hash_] for hash_ in hashes])


def fitting(rows: Array, dimension: int, name: str) -> Array:
    """The rows, if a collection of that dimension can take them. Raises NodeError `dimension_mismatch`."""
    if rows.shape[1] == dimension:
        return rows
    raise NodeError(
        f"{name} makes vectors of {rows.shape[1]} numbers; the collection holds {dimension}.",
        code="dimension_mismatch",
        hint="Embed the collection anew.",
    )


def _known(db: Database, ws_id: str, embedder: Embedder, hashes: Sequence[str]) -> dict[str, Array]:
    """A row of another length is of a model that went by the same name: it is asked again."""
    import numpy as np

    kept = embeddings.read(db, ws_id, embedder.kept_as, hashes)
    size = embedder.dimension * 4 if kept else 0
    return {hash_: np.frombuffer(data, "<f4") for hash_, data in kept.items() if len(data) == size}
