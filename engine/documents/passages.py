"""Cuts a text into passages: where paragraphs end if possible, else lines, sentences, words, and nothing is lost."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.documents import Extracted, Passage
from engine.errors import Invalid

SIZE = 1000
"""Characters. Small models read 256 tokens of an English text, about this much, and forget the rest; four or five
passages of it fit any prompt; and it is about what a person reads to judge whether it answers the question."""
OVERLAP = 150
"""A sentence or two, so that what refers back across a cut is still understood."""
SMALLEST, LARGEST = 50, 20_000
ENDS = re.compile(r"""(?:[.!?…][\"'”’)\]»]{0,3}(?=\s)|[。！？][」』”’)]{0,3})""")
SPACE = re.compile(r"\s*")


def cut(extracted: Extracted, size: int = SIZE, overlap: int = OVERLAP) -> list[Passage]:
    """The passages in order. None is empty or longer than `size`; each lies within one section."""
    check(size, overlap)
    found: list[Passage] = []
    for section in extracted.sections:
        for start, end in spans(section.text, size, overlap):
            found.append(Passage(len(found), section.text[start:end], section.heading, section.page))
    return found


def check(size: int, overlap: int) -> None:
    if not SMALLEST <= size <= LARGEST:
        raise Invalid(f"A passage has {SMALLEST} to {LARGEST:,} characters.", code="bad_size")
    if not 0 <= overlap <= size // 2:
        raise Invalid("Passages overlap by half of their size at most.", code="bad_overlap")


def spans(text: str, size: int, overlap: int) -> Iterator[tuple[int, int]]:
    """From where to where. Every character that is no space is in one, and they go forward."""
    end = len(text.rstrip())
    start = fresh = _next(text, 0)
    while fresh < end:
        if end - start <= size:
            yield start, end
            return
        stop = _stop(text, start, fresh, size)
        yield start, stop
        resume = _next(text, stop)
        start = _back(text, max(fresh, resume - overlap), stop, resume)
        fresh = resume


def _stop(text: str, start: int, fresh: int, size: int) -> int:
    """Where the passage ends: the last place of the best kind there is, if that does not leave it half empty."""
    last = start + size
    half, less = max(fresh + 1, start + size // 2), max(fresh + 1, start + size * 2 // 5)
    for place in (text.rfind("\n\n", half, last + 2), text.rfind("\n", half, last + 1)):
        if place >= 0:
            return _trimmed(text, start, place)
    sentence = max((found.end() for found in ENDS.finditer(text, less, last + 1)), default=0)
    if less <= sentence <= last:
        return sentence
    words = text[fresh : last + 1].rsplit(None, 1) if not text[last].isspace() else [text[fresh:last], ""]
    return _trimmed(text, start, fresh + len(words[0])) if len(words) > 1 else last


def _back(text: str, earliest: int, stop: int, resume: int) -> int:
    """The next passage repeats the end of this one from a sentence or a line on, else from a word on."""
    if earliest >= stop:
        return resume
    sentence = next((at for found in ENDS.finditer(text, earliest, stop) if _says(text, at := found.end(), stop)), stop)
    line = text.find("\n", earliest, stop)
    place = min(sentence, line if line >= 0 else stop)
    if place >= stop - 1:
        head = text[earliest:stop].split(None, 1)
        place = stop - len(head[1]) if len(head) > 1 else stop
    return _next(text, place)


def _says(text: str, at: int, stop: int) -> bool:
    """Whether its line goes on with a word: behind the last full stop of a table's row stands a bar, no sentence."""
    line = text.find("\n", at, stop)
    return any(map(str.isalnum, text[at : line if line >= 0 else stop]))


def _next(text: str, at: int) -> int:
    found = SPACE.match(text, at)
    return found.end() if found else at


def _trimmed(text: str, start: int, stop: int) -> int:
    return start + len(text[start:stop].rstrip())
