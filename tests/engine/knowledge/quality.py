"""How well a collection answers: recall among the first five, and the mean reciprocal rank among the first ten."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, stdev

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
    """The place of each question's passage among the first ten; 0: it is not there."""

    places: tuple[int, ...]

    @property
    def recall(self) -> float:
        return mean(self.hits())

    @property
    def mrr(self) -> float:
        return mean(self.ranks())

    def hits(self) -> list[float]:
        return [float(1 <= place <= 5) for place in self.places]

    def ranks(self) -> list[float]:
        return [1 / place if place else 0.0 for place in self.places]


def gap(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float]:
    """How far ours are above theirs, question by question, and the standard error of that."""
    each = [one - other for one, other in zip(ours, theirs, strict=True)]
    return mean(each), stdev(each) / math.sqrt(len(each))


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
    return {kind: Figures(tuple(place for question, place in places if _is(question, kind))) for kind in KINDS}


def table(name: str, measured: dict[str, dict[str, Figures]]) -> str:
    lines = [f"{name:10}" + "".join(f"{kind + ' recall@5':>20}{'MRR@10':>8}" for kind in KINDS)]
    for mode, figures in measured.items():
        cells = "".join(f"{figures[kind].recall:20.3f}{figures[kind].mrr:8.3f}" for kind in KINDS)
        lines.append(f"{mode:10}{cells}")
    return "\n".join(lines)


def _is(question: Question, kind: str) -> bool:
    return kind == "all" or question.reworded == (kind == "reworded")
