"""Search answers questions on texts that nobody here wrote. `questions.py` says how they are made; of the two halves
of the questions only the one is asked here that no number was chosen by. `python -m bench.quality` prints the table.

MiniLM takes minutes, so it is measured where NEXOD_TEST_MINILM names the folder of its files.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.settings import Settings
from engine.store.database import Database
from engine.store.migrate import migrate
from tests.engine.knowledge.quality import MODES, Figures, gap, measure, shelve, table
from tests.engine.knowledge.questions import Corpus, corpus, stems

MINILM = os.environ.get("NEXOD_TEST_MINILM", "")
Measured = dict[str, dict[str, Figures]]


@pytest.fixture(scope="module")
def texts() -> Corpus:
    return corpus()


@pytest.fixture(scope="module", params=["hashing", *(["minilm"] if MINILM else [])])
def measured(request: pytest.FixtureRequest, texts: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    db = Database.open(f"sqlite:///{tmp_path_factory.mktemp('data') / 'nexod.db'}")
    migrate(db)
    library = shelve(db, Settings(minilm=Path(MINILM) if MINILM else None), texts, request.param)
    asked = [question for question in texts.questions if not question.tuning]
    found = {mode: measure(library, asked, mode) for mode in MODES}
    db.close()
    print("\n" + table(request.param, found))
    return found


def test_there_are_questions_enough_and_half_of_them_share_few_words_with_their_passage(texts: Corpus):
    asked = [question for question in texts.questions if not question.tuning]
    plain = [_shared(texts, at) for at, one in enumerate(texts.questions) if not one.tuning and not one.reworded]
    reworded = [_shared(texts, at) for at, one in enumerate(texts.questions) if not one.tuning and one.reworded]
    assert len(asked) >= 200 and abs(len(plain) - len(reworded)) <= 1
    assert sum(reworded) / len(reworded) < 1 < 2 < sum(plain) / len(plain)


def _shared(texts: Corpus, at: int) -> int:
    question = texts.questions[at]
    return len(stems(question.text) & stems(texts.passages[question.passage]))


def test_hybrid_is_not_below_either_part(measured: Measured):
    """But for what chance explains: other versions of Python and of packages bring other texts."""
    hybrid = measured["hybrid"]["all"]
    for name in ("vector", "keyword"):
        part = measured[name]["all"]
        for ours, theirs in ((hybrid.hits(), part.hits()), (hybrid.ranks(), part.ranks())):
            above, error = gap(ours, theirs)
            assert above >= -error, table(name, measured)


def test_every_way_finds_far_more_than_chance(measured: Measured, texts: Corpus):
    for mode in MODES:
        for kind in ("plain", "reworded"):
            assert measured[mode][kind].recall > 10 * 5 / len(texts.passages), table("", measured)
