"""PDF: the text layer, page by page, with the bookmarks as headings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

from engine.documents import Extracted, Section
from engine.documents.clean import line, unwrap, without_margins
from engine.documents.limits import Limits, broken, check_characters, empty, encrypted, too_large
from engine.documents.outline import HEADING

pdfium: Any = import_module("pypdfium2")
PASSWORD, SECURITY = 4, 5
SENTENCE = ".!?…:;。！？"
CARRIED = 600
"""Characters of a sentence that are moved to the page it begins on."""
Mark = tuple[int, str, str]
"""Page, title, and the whole heading."""


def read(data: bytes, limits: Limits) -> Extracted:
    try:
        pdf = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as fault:
        if fault.err_code in (PASSWORD, SECURITY):
            raise encrypted("The PDF") from None
        raise broken("The PDF is damaged or cut off.") from None
    count = len(pdf)
    if count > limits.pages:
        raise too_large(f"The PDF has {count:,} pages; the limit is {limits.pages:,}.")
    pages, lost = _pages(pdf, count, limits)
    if lost == count:
        raise broken("No page of the PDF can be read.")
    if not any(page.strip() for page in pages):
        pictures = "its page is a picture" if count == 1 else f"its {count:,} pages are pictures"
        raise empty(
            f"The PDF has no text: {pictures}, as of a scan.", "Run text recognition (OCR) on it and add the result."
        )
    without = sum(not page.strip() for page in pages)
    warnings = [f"{without:,} of {count:,} pages have no text; they may be scans."] if without else []
    warnings += [f"{lost:,} of {count:,} pages are damaged and were left out."] if lost else []
    texts = _whole_sentences([unwrap(page) for page in without_margins(pages)])
    sections = tuple(_sections(texts, _marks(pdf, count)))
    return Extracted("pdf", line(pdf.get_metadata_value("Title") or ""), sections, count, tuple(warnings))


def _pages(pdf: Any, count: int, limits: Limits) -> tuple[list[str], int]:
    pages: list[str] = []
    total = lost = 0
    for at in range(count):
        try:
            page = pdf[at]
            text = page.get_textpage()
        except pdfium.PdfiumError:
            lost += 1
            pages.append("")
            continue
        pages.append(text.get_text_bounded())
        text.close()
        page.close()
        total += len(pages[-1])
        check_characters(total, limits)
    return pages, lost


def _marks(pdf: Any, count: int) -> list[Mark]:
    path: list[tuple[int, str]] = []
    marks: list[Mark] = []
    try:
        for mark in pdf.get_toc(max_depth=8):
            dest = mark.get_dest()
            page = dest.get_index() if dest is not None else None
            title = line(mark.get_title() or "")[:HEADING]
            if title and page is not None and 0 <= page < count:
                path = [*((level, text) for level, text in path if level < mark.level), (mark.level, title)]
                marks.append((page, title, " › ".join(text for _, text in path)))
    except Exception:
        return []  # bookmarks are a help, not the text
    return sorted(marks, key=lambda mark: mark[0])


def _sections(pages: Sequence[str], marks: Sequence[Mark]) -> Iterator[Section]:
    heading = ""
    at = 0
    for number, text in enumerate(pages):
        here: list[Mark] = []
        while at < len(marks) and marks[at][0] == number:
            here.append(marks[at])
            at += 1
        parts = _split(text, heading, here)
        yield from (Section(part.strip(), path, number + 1) for part, path in parts if part.strip())
        heading = parts[-1][1]


def _split(text: str, heading: str, marks: Sequence[Mark]) -> list[tuple[str, str]]:
    """A page is cut where the title of a bookmark is a line of it; a bookmark that is not found holds from the top."""
    parts: list[tuple[str, str]] = []
    start = 0
    for _, title, path in marks:
        place = _line_start(text, title, start)
        if place is not None:
            parts.append((text[start:place], heading))
            start = place
        heading = path
    return [*parts, (text[start:], heading)]


def _line_start(text: str, title: str, start: int) -> int | None:
    low, wanted = text.lower(), title.lower()
    if len(low) != len(text):
        return None
    place = low.find(wanted, start)
    while place >= 0:
        begins = text.rfind("\n", 0, place) + 1
        if begins >= start and place - begins <= 12:
            return begins
        place = low.find(wanted, place + 1)
    return None


def _whole_sentences(pages: Sequence[str]) -> list[str]:
    """A sentence that goes on over the page belongs to the page where it begins."""
    out = list(pages)
    for at in range(1, len(out)):
        before, here = out[at - 1], out[at]
        if not before or before[-1] in SENTENCE or not here[:1].islower():
            continue
        end = next((i + 1 for i, c in enumerate(here[:CARRIED]) if c in SENTENCE and here[i + 1 : i + 2].isspace()), 0)
        if end:
            cut = before[-1] == "-" and before[-2:-1].isalpha()
            out[at - 1] = f"{before[:-1]}{here[:end]}" if cut else f"{before} {here[:end]}"
            out[at] = here[end:].strip()
    return out
