"""Search in a collection: by vector, by words, or both with their ranks fused; a model may put the best in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine import embeddings
from engine.embeddings.words import COMMON, bare, fold, spans, stem, unspaced, words
from engine.errors import NodeError
from engine.knowledge import rerank as reranking
from engine.knowledge import stores
from engine.knowledge.embedding import embed, fitting
from engine.passages import MOST as MOST_JUDGED
from engine.passages import TIMES
from engine.settings import Settings
from engine.store import passages
from engine.store.database import Database
from engine.store.passages import Found, Place

MODES = ("vector", "keyword", "hybrid")
MOST = 200
"""Matches of one search."""
QUERY = 8000
"""Characters of a question that are looked at."""
WORDS = 32
"""Words of a question that full text is asked for."""
FAR = 5000
"""How far down a ranking a search goes for passages that are still there and pass the filter."""
DEPTH = 50
"""Of each ranking that is fused, at least."""
RANK = 5
"""Reciprocal rank fusion: a place counts 1 / (RANK + place), so that the first few places are close to each other."""
SPELLING = 0.2
"""What a place by vector counts against one by keyword, where the vector knows spellings only: full text does better,
and the vector adds what is spelled otherwise. RANK and this were chosen by `python -m bench.quality tuning`."""
MEANING = 1.0
"""The same where the vector knows meanings."""


@dataclass(slots=True)
class Hit:
    found: Found
    score: float
    scores: dict[str, Any] = field(default_factory=dict[str, Any])

    def to_json(self) -> dict[str, Any]:
        """`metadata.scores` says why it is here: what each way of searching said, and at which place."""
        return {
            "id": self.found.id,
            "document_id": self.found.document_id,
            "score": round(min(1.0, max(0.0, self.score)), 6),
            "text": self.found.text,
            "metadata": {**self.found.metadata, "scores": self.scores},
        }


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
    rerank: str | Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """[{id, document_id, score, text, metadata}], best first; scores are 0 to 1. `rerank` names the provider, or is
    {provider, model}. Raises NodeError: `unknown_collection`, `bad_value`, `bad_filter`, and what model and store say.
    """
    _check(top_k, mode, filter)
    place = passages.place(db, ws_id, collection)
    if place is None:
        raise _unknown(db, ws_id, collection)
    query = plain(query)
    if not query:
        return []
    wanted = max(top_k, min(top_k * TIMES, MOST_JUDGED)) if rerank else top_k
    hits = _ranked(db, settings, place, query, wanted, mode, filter)
    warning = ""
    if rerank:
        order, warning = reranking.order(db, ws_id, rerank, query, [hit.found.text for hit in hits])
        hits = [_reranked(hits[at], score) for at, score in order] if order else hits
    matches = [hit.to_json() for hit in hits]
    if warning:
        for match in matches:
            match["metadata"]["warning"] = warning
    return [match for match in matches if min_score is None or match["score"] >= min_score][:top_k]


def plain(query: str) -> str:
    """The question without what no database takes: half characters and zeros; and not longer than is looked at."""
    return query[:QUERY].encode("utf-8", "replace").decode().replace("\0", " ").strip()


def fuse(rankings: Sequence[tuple[float, Sequence[str]]]) -> list[tuple[str, float]]:
    """(id, score), best first: reciprocal ranks, summed by weight; 1 means first everywhere."""
    sums: dict[str, float] = {}
    for weight, ids in rankings:
        for at, id_ in enumerate(ids):
            sums[id_] = sums.get(id_, 0.0) + weight / (RANK + at + 1)
    best = sum(weight for weight, _ in rankings) / (RANK + 1)
    return sorted(((id_, total / best) for id_, total in sums.items()), key=lambda one: -one[1])


def _ranked(
    db: Database, settings: Settings, place: Place, query: str, wanted: int, mode: str,
    filter: Mapping[str, Any] | None,
) -> list[Hit]:  # fmt: skip
    if mode == "vector":
        return _by_vector(db, settings, place, query, wanted, filter)
    if mode == "keyword":
        return _by_words(db, place, query, wanted, filter)
    deep = max(DEPTH, wanted * 3)
    near = _by_vector(db, settings, place, query, deep, filter)
    said = _by_words(db, place, query, deep, filter)
    hits: dict[str, Hit] = {}
    for hit in (*near, *said):
        hits.setdefault(hit.found.id, hit).scores.update(hit.scores)
    weight = SPELLING if place.embedding == embeddings.DEFAULT else MEANING
    fused = fuse([(1.0, [hit.found.id for hit in said]), (weight, [hit.found.id for hit in near])])[:wanted]
    return [Hit(hits[id_].found, score, {**hits[id_].scores, "fused": round(score, 6)}) for id_, score in fused]


def _by_vector(
    db: Database, settings: Settings, place: Place, query: str, wanted: int, filter: Mapping[str, Any] | None
) -> list[Hit]:
    """The nearest passages. The store is an index that may lag behind: what SQL has no longer is left out, and the
    store is asked for more instead."""
    embedder = embeddings.open(place.embedding, settings)
    vector = fitting(embed(db, place.workspace_id, embedder, [query]), place.dimension, place.embedding)[0]
    store, space = stores.store_for(db, settings, place), stores.space(place)
    ask = wanted + 10
    while True:
        nearest = store.query(space, vector, ask, filter)
        live = passages.live(db, place, [match.id for match in nearest])
        if len(live) >= wanted or len(nearest) < ask or ask >= FAR:
            there = [match for match in nearest if match.id in live][:wanted]
            return [_hit("vector", at, live[match.id], match.score) for at, match in enumerate(there)]
        ask = min(FAR, ask * 4)


def _by_words(db: Database, place: Place, query: str, wanted: int, filter: Mapping[str, Any] | None) -> list[Hit]:
    """The passages that hold the question's words. What SQL's own filters cannot say is asked of each, further down
    the ranking where need be."""
    from engine.vectors import filters  # brings numpy

    spaced, pieces = terms(query)
    hits: list[Hit] = []
    page = max(wanted, 200) if filter else wanted
    best = 0.0
    for offset in range(0, FAR, page):
        ranked = _counted(db, place, spaced, pieces, page, offset)
        live = passages.live(db, place, [id_ for id_, _ in ranked])
        if not best and live:
            first, rank = next((live[id_], rank) for id_, rank in ranked if id_ in live)
            best = rank / _share(first, spaced + pieces) or 1.0
        for id_, rank in ranked:
            if id_ in live and (not filter or filters.matches(filter, live[id_].metadata)):
                hits.append(_hit("keyword", len(hits), live[id_], rank / best))
        if len(hits) >= wanted or len(ranked) < page:
            break
    return hits[:wanted]


def _counted(
    db: Database, place: Place, spaced: list[str], pieces: list[str], limit: int, offset: int
) -> list[tuple[str, float]]:
    if pieces:
        return passages.holding(db, place, spaced + pieces, limit, offset)
    return passages.by_words(db, place, spaced, limit, offset) if spaced else []


def _share(found: Found, wanted: Sequence[str]) -> float:
    """Of the words, how many the passage holds: a full text's own ranks are good for comparing only, so the best
    passage gets this as its score and the others theirs in proportion."""
    said = " ".join((found.text, str(found.metadata.get("title", "")), str(found.metadata.get("heading", ""))))
    stems, asked = {stem(word) for word in words(said)}, {stem(fold(word)) for word in wanted}
    return max(1, len(asked & stems)) / len(asked)


def terms(query: str) -> tuple[list[str], list[str]]:
    """The words of a question that are worth looking for, and its pairs of letters in scripts without spaces. Common
    words only if there are no others."""
    unique: dict[str, tuple[str, str]] = {}
    for start, end, word in spans(query):
        unique.setdefault(stem(word), (word, query[start:end].lower()))
    telling = [one for one in unique.values() if one[0] not in COMMON] or list(unique.values())
    chosen = telling if len(telling) <= WORDS else sorted(telling, key=lambda one: -len(one[0]))[:WORDS]
    spaced = [form for word, written in chosen if not unspaced(word) for form in _spellings(word, written)]
    return spaced, [word for word, _ in chosen if unspaced(word)]


def _spellings(word: str, written: str) -> list[str]:
    """Folded, and as it was written where a full text may fold it otherwise: FTS5 takes accents off Latin letters only,
    and keeps ß, й and 서 as they are."""
    return [word] if word.isascii() and bare(written) == word else list(dict.fromkeys((word, written)))


def _hit(way: str, at: int, found: Found, score: float) -> Hit:
    return Hit(found, score, {way: round(score, 6), f"{way}_rank": at + 1})


def _reranked(hit: Hit, score: float) -> Hit:
    return Hit(hit.found, score, {**hit.scores, "rerank": score})


def _check(top_k: int, mode: str, filter: Mapping[str, Any] | None) -> None:
    if not 1 <= top_k <= MOST:
        raise NodeError(f"top_k is {top_k}; it has to be 1 to {MOST}.", code="bad_value", field="top_k")
    if mode not in MODES:
        raise NodeError(
            f"There is no mode {mode!r}.", code="bad_value", hint=f"Choose one of {', '.join(MODES)}.", field="mode"
        )
    if filter:
        from engine.vectors import filters

        filters.check(filter)


def _unknown(db: Database, ws_id: str, collection: str) -> NodeError:
    there = passages.names(db, ws_id)
    hint = f"There are {', '.join(map(repr, there[:20]))}." if there else "Make one under Knowledge first."
    return NodeError(f"There is no collection {collection[:200]!r}.", code="unknown_collection", hint=hint)
