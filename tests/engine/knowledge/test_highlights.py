from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.knowledge.highlights import highlights


def marked(query: str, text: str) -> list[str]:
    return [text[start:end] for start, end in highlights(query, text)]


@pytest.mark.parametrize(("query", "text", "found"), [
    ("paying invoices", "An invoice; whoever pays it is invoiced.", ["invoice", "pays", "invoiced"]),
    ("What is the price?", "The PRICE is what it is.", ["PRICE"]),
    ("ecole", "L'École est fermée", ["École"]),
    ("日本の首都", "東京は日本の首都です", ["日本の首都"]),
    ("to be", "To be or not to be", ["To", "be", "to", "be"]),
    ("müller", "Herr Mu\u0308ller", ["Mu\u0308ller"]),
    ("Straße", "Die STRASSE", ["STRASSE"]),
    ("दिल्ली", "नई दिल्ली है", ["दिल्ली"]),
    ("script", "<script>x</script>", ["script", "script"]),
    ("roses", "Nothing of the kind", []),
    ("", "Anything", []),
])  # fmt: skip
def test_the_words_of_the_question_are_found_in_whatever_form(query: str, text: str, found: list[str]):
    assert marked(query, text) == found


@given(st.text(), st.text())
def test_ranges_are_in_order_and_apart(query: str, text: str):
    ranges = highlights(query, text)
    flat = [place for one in ranges for place in one]
    assert flat == sorted(flat) and all(start < end <= len(text) for start, end in ranges)
    assert len(set(flat)) == len(flat)
