"""How well a collection answers: recall among the first five, and the mean reciprocal rank among the first ten."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine import embeddings
from engine.settings import Settings
from engine.store.database import Database
from engine.store.models import new_id
from tests.engine.knowledge.library import Library
from tests.engine.knowledge.questions import Corpus, Question

MODES = ("vector", "keyword", "hybrid")
KINDS = ("all", "plain", "reworded")


@dataclass(frozen=True)
class Figures:
    recall: float
    mrr: float
    questions: int


def shelve(db: Database, settings: Settings, corpus: Corpus, embedding: str) -> Library:
    """The corpus as a collection `docs` of a new workspace; a passage's number is its `n`."""
    library = Library(db, new_id(), settings)
    library.collection(embedding=embedding, dimension=embeddings.open(embedding, settings).dimension)
    library.add(corpus.passages)
    return library


def measure(library: Library, questions: Iterable[Question], mode: str) -> dict[str, Figures]:
    """By kind of question."""
    places: list[tuple[Question, int]] = []
    for question in questions:
        found = [match["metadata"]["n"] for match in library.search(question.text, mode=mode, top_k=10)]
        places.append((question, found.index(question.passage) + 1 if question.passage in found else 0))
    return {kind: _figures([place for question, place in places if _is(question, kind)]) for kind in KINDS}


def table(name: str, measured: dict[str, dict[str, Figures]]) -> str:
    lines = [f"{name:10}" + "".join(f"{kind + ' recall@5':>20}{'MRR@10':>8}" for kind in KINDS)]
    for mode, figures in measured.items():
        cells = "".join(f"{figures[kind].recall:20.3f}{figures[kind].mrr:8.3f}" for kind in KINDS)
        lines.append(f"{mode:10}{cells}")
    return "\n".join(lines)


def _is(question: Question, kind: str) -> bool:
    return kind == "all" or question.reworded == (kind == "reworded")


def _figures(places: Sequence[int]) -> Figures:
    return Figures(
        sum(1 <= place <= 5 for place in places) / len(places),
        sum(1 / place for place in places if place) / len(places),
        len(places),
    )
