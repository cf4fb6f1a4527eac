"""Search in a collection: by vector, by words, or both, their ranks fused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine import embeddings
from engine.errors import NodeError
from engine.knowledge import stores
from engine.knowledge.embedding import embed, fitting
from engine.settings import Settings
from engine.store import passages
from engine.store.database import Database
from engine.store.passages import Found, Place

MODES = ("vector", "keyword", "hybrid")
MOST = 200
"""Matches of one search."""
QUERY = 8000
"""Characters of a question that are looked at."""
FAR = 5000
"""How far down a ranking a search goes for passages that are still there and pass the filter."""


def search(
    db: Database,
    settings: Settings,
    ws_id: str,
    collection: str,
    query: str,
    top_k: int = 5,
    mode: str = "hybrid",
    filter: Mapping[str, Any] | None = None,
    min_score: float | None = None,
) -> list[dict[str, Any]]:
    """[{id, document_id, score, text, metadata}], best first; scores are 0 to 1. Raises NodeError."""
    _check(top_k, mode)
    place = passages.place(db, ws_id, collection)
    if place is None:
        raise _unknown(db, ws_id, collection)
    query = query[:QUERY]
    if not query.strip():
        return []
    ranked = _by_vector(db, settings, place, query, top_k, filter)
    matches = [_match(found, max(0.0, score), {"vector": score}) for found, score in ranked]
    return [match for match in matches if min_score is None or match["score"] >= min_score][:top_k]


def _by_vector(
    db: Database, settings: Settings, place: Place, query: str, wanted: int, filter: Mapping[str, Any] | None
) -> list[tuple[Found, float]]:
    """The nearest passages. The store is an index that may lag behind: what SQL has no longer is left out, and the
    store is asked for more instead."""
    embedder = embeddings.open(place.embedding, settings)
    vector = fitting(embed(db, place.workspace_id, embedder, [query]), place.dimension, place.embedding)[0]
    store, space = stores.store_for(db, settings, place), stores.space(place)
    ask = wanted + 10
    while True:
        hits = store.query(space, vector, ask, filter)
        live = passages.live(db, place, [hit.id for hit in hits])
        if len(live) >= wanted or len(hits) < ask or ask >= FAR:
            return [(live[hit.id], hit.score) for hit in hits if hit.id in live][:wanted]
        ask = min(FAR, ask * 4)


def _match(found: Found, score: float, scores: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": found.id,
        "document_id": found.document_id,
        "score": round(min(1.0, score), 6),
        "text": found.text,
        "metadata": {**found.metadata, "scores": scores},
    }


def _check(top_k: int, mode: str) -> None:
    if not 1 <= top_k <= MOST:
        raise NodeError(f"top_k is {top_k}; it has to be 1 to {MOST}.", code="bad_value", field="top_k")
    if mode not in MODES:
        raise NodeError(f"There is no mode {mode!r}.", code="bad_value", hint=f"Choose one of {', '.join(MODES)}.")


def _unknown(db: Database, ws_id: str, collection: str) -> NodeError:
    there = passages.names(db, ws_id)
    hint = f"There are {', '.join(map(repr, there[:20]))}." if there else "Make one under Knowledge first."
    return NodeError(f"There is no collection {collection!r}.", code="unknown_collection", hint=hint)
