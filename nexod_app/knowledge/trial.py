"""What the test bench asks and shows: a form's fields as a search, and its matches with their reasons. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nexod_app.knowledge.view import place

MODES = {
    "hybrid": "Both",
    "vector": "Embedding",
    "keyword": "Keywords",
    "sorted": "Both, a model sorts",
}
SIDES = ("a", "b")
PART_WORDS = {"vector": "Embedding", "keyword": "Keywords", "rerank": "Reranked"}


@dataclass
class Part:
    """A piece of a passage; `hit` when it is a word of the question."""

    text: str
    hit: bool = False


@dataclass
class Why:
    """One reason for a score: how near it is by one way of searching. `width` of its bar in percent."""

    name: str
    value: str
    width: int


@dataclass
class Match:
    """One passage that was found."""

    n: int
    document: str
    title: str
    place: str
    score: str
    width: int
    why: list[Why]
    parts: list[Part]


@dataclass
class Side:
    """One set of settings, and what it found."""

    name: str
    mode: str = "hybrid"
    top_k: int = 5
    min_score: str = ""
    filter: str = ""
    matches: list[Match] = field(default_factory=list)
    warning: str = ""
    took: str = ""
    fault: str = ""
    cure: str = ""
    asked: bool = False


def side(name: str, form: Mapping[str, Any], before: Side) -> Side:
    """The settings of one side as they stand in the form; what is not there stays."""
    get = lambda key, old: str(form.get(f"{name}-{key}", old)).strip()  # noqa: E731
    mode = get("mode", before.mode)
    return Side(
        name=name,
        mode=mode if mode in MODES else "hybrid",
        top_k=_whole(get("top_k", before.top_k), 5),
        min_score=get("min_score", before.min_score)[:20],
        filter=get("filter", before.filter)[:2000],
    )


def _whole(text: str, otherwise: int) -> int:
    return min(max(int(text), 1), 50) if text.isdecimal() and len(text) < 6 else otherwise


def body(one: Side, query: str) -> dict[str, Any]:
    """What the search is asked. Raises ValueError with words for a field that cannot be read."""
    mode = "hybrid" if one.mode == "sorted" else one.mode
    wanted: dict[str, Any] = {"query": query, "mode": mode, "top_k": one.top_k}
    if one.min_score:
        try:
            wanted["min_score"] = float(one.min_score.replace(",", "."))
        except ValueError:
            raise ValueError("The least score is a number, such as 0.3.") from None
        if not 0 <= wanted["min_score"] <= 1:
            raise ValueError("The least score is a number from 0 to 1, such as 0.3.")
    if one.filter:
        wanted["filter"] = filter_of(one.filter)
    return wanted


def filter_of(text: str) -> dict[str, Any]:
    """A filter as typed: `title = Handbook, page = 3`, or JSON with its operators."""
    if text.startswith("{"):
        try:
            return json.loads(text)
        except ValueError:
            raise ValueError('The filter is no JSON. Try: title = Handbook, or {"page": {"$gt": 3}}.') from None
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(name.strip() and equals and value.strip() for name, equals, value in pairs):
        raise ValueError("A filter names a field and a value: title = Handbook.")
    return {name.strip(): _value(value.strip()) for name, _, value in pairs}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def matches(found: Iterable[Mapping[str, Any]], hits: Callable[[str], Iterable[tuple[int, int]]]) -> list[Match]:
    """`hits` finds the words of the question in a text."""
    return [_match(n, one, pieces(one["text"], hits(one["text"]))) for n, one in enumerate(found, 1)]


def _match(n: int, one: Mapping[str, Any], parts: list[Part]) -> Match:
    about = one["metadata"]
    return Match(
        n=n,
        document=one["document_id"],
        title=about.get("title") or about.get("source") or "Untitled",
        place=place(about),
        score=figure(one["score"]),
        width=_width(one["score"]),
        why=reasons(about.get("scores") or {}),
        parts=parts,
    )


def reasons(scores: Mapping[str, Any]) -> list[Why]:
    """How each way of searching saw it."""
    return [
        Why(word, _said(scores, name), _width(scores[name]) if isinstance(scores.get(name), int | float) else 0)
        for name, word in PART_WORDS.items()
        if name in scores
    ]


def _said(scores: Mapping[str, Any], name: str) -> str:
    score, rank = scores[name], scores.get(f"{name}_rank")
    if not isinstance(score, int | float):
        return "not found"
    return f"{figure(score)}, rank {rank}" if rank else figure(score)


def _width(score: float) -> int:
    return round(100 * min(max(score, 0), 1))


def figure(score: float) -> str:
    return f"{score:.3f}" if abs(score) < 0.1 else f"{score:.2f}"


def pieces(text: str, hits: Iterable[tuple[int, int]]) -> list[Part]:
    """The text with the words of the question marked: `hits` are their ranges, in order and apart."""
    parts: list[Part] = []
    at = 0
    for start, end in hits:
        parts += [Part(text[at:start]), Part(text[start:end], hit=True)]
        at = end
    return [part for part in [*parts, Part(text[at:])] if part.text]
