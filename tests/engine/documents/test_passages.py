"""Passages: never empty, never over size, nothing lost, and always the same."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.documents import Extracted, Section
from engine.documents.passages import LARGEST, OVERLAP, SIZE, SMALLEST, cut, spans
from engine.errors import Invalid

TEXT = st.one_of(
    st.text(max_size=1500),
    st.text(alphabet=st.sampled_from('ab.!? \n\t"”。)x'), max_size=1500),
    st.lists(
        st.sampled_from(["word", "Sentence.", "\n", "\n\n", " ", "x" * 200, "。", "e\u0301", "\u2028"]), max_size=300
    ).map(" ".join),
)


def document(*sections: Section) -> Extracted:
    return Extracted("text", "", sections)


def words(text: str) -> str:
    return "".join(text.split())


@given(TEXT, st.integers(SMALLEST, 200), st.floats(0, 0.5))
@example("." * 500, SMALLEST, 0.5)
@example("x" * 500, SMALLEST, 0.5)
@example(" \n" * 500 + "a" + " \n" * 500 + "b", SMALLEST, 0.5)
def test_nothing_is_lost_empty_or_too_long(text: str, size: int, share: float):
    overlap = int(size * share)
    covered = 0
    for start, end in spans(text, size, overlap):
        assert 0 < end - start <= size
        assert text[start:end] == text[start:end].strip()
        assert not text[covered:start].strip(), "something between two passages was left out"
        assert end > covered, "a passage brings something new"
        assert start >= covered or len(text[start:covered].rstrip()) <= overlap
        covered = end
    assert not text[covered:].strip()


@given(st.lists(TEXT, max_size=4), st.integers(SMALLEST, 300))
def test_every_character_is_there_in_order(texts: list[str], size: int):
    found = document(*(Section(text, f"H{at}", at + 1) for at, text in enumerate(texts)))
    passages = cut(found, size, 0)
    assert [p.n for p in passages] == list(range(len(passages)))
    for at, text in enumerate(texts):
        mine = [p for p in passages if p.heading == f"H{at}"]
        assert words("".join(p.text for p in mine)) == words(text)
        assert {p.page for p in mine} <= {at + 1}
    assert cut(found, size, 0) == passages


def test_paragraphs_go_before_lines_before_sentences_before_words():
    first, second = "One two three four. " * 4, "Five six seven eight. " * 4
    for between in ("\n\n", "\n"):
        both = cut(document(Section(first.strip() + between + second.strip())), 120, 0)
        assert [p.text for p in both] == [first.strip(), second.strip()]
    assert cut(document(Section(first + second)), 100, 0)[0].text.endswith("four.")
    assert [len(p.text) for p in cut(document(Section("x" * 250)), 100, 20)] == [100, 100, 50]
    assert cut(document(Section("この文は。" * 30)), 52, 0)[0].text.endswith("。")


def test_rows_of_a_table_stay_whole():
    rows = [f"Name: person {n}; City: place {n}" for n in range(60)]
    passages = cut(document(Section("\n".join(rows))), 200, 0)
    assert [row for p in passages for row in p.text.split("\n")] == rows


def test_no_passage_begins_with_the_end_of_a_row():
    row = "| `GET /things/{thing}` | | One of the things that there are, with its large values in full. |"
    found = cut(document(Section("\n".join([row] * 40))), 500, 100)
    assert len(found) > 5 and all(passage.text.startswith("| `GET") for passage in found)


def test_passages_overlap_by_whole_sentences():
    text = " ".join(f"This is sentence number {n} of it." for n in range(60))
    passages = cut(document(Section(text)), 300, 80)
    for before, after in pairwise(passages):
        first = after.text.split(". ")[0] + "."
        assert before.text.endswith(first) or first in before.text
        assert after.text.startswith("This is")


def test_headings_and_pages_are_kept():
    passages = cut(document(Section("a", "H › I", 3), Section("b " * 900, "J", 4)))
    assert [(p.heading, p.page) for p in passages] == [("H › I", 3), ("J", 4), ("J", 4)]
    assert all(len(p.text) <= SIZE for p in passages)
    assert 0 < OVERLAP < SIZE


@pytest.mark.parametrize(("size", "overlap"), [(SMALLEST - 1, 0), (LARGEST + 1, 0), (100, 51), (100, -1)])
def test_sizes_that_make_no_sense_are_refused(size: int, overlap: int):
    with pytest.raises(Invalid):
        cut(document(Section("x")), size, overlap)


@pytest.mark.parametrize(
    "text",
    ["word. " * 300_000, "x" * 2_000_000, "." * 2_000_000, "\n" * 2_000_000 + "x", ". \n" * 700_000, "。" * 2_000_000],
)
def test_no_text_takes_forever(text: str):
    began = time.process_time()
    assert cut(document(Section(text)))
    assert time.process_time() - began < 20
