"""Plain text: paragraphs, as they are."""

from __future__ import annotations

from engine.documents import Extracted, Section
from engine.documents.clean import clean
from engine.documents.limits import Limits, check_characters, empty


def read(text: str, limits: Limits) -> Extracted:
    text = clean(text)
    if not text.strip():
        raise empty("The file has no text.")
    check_characters(len(text), limits)
    return Extracted("text", "", (Section(text),))
