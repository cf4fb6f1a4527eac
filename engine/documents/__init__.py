"""Documents as they come: files, their text, and the passages it is cut into. Knows no database and no model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """A piece of a document that belongs together. `heading` is its place (`Chapter › Part`), `page` starts at 1."""

    text: str
    heading: str = ""
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Extracted:
    """What reading a file found. `kind`: pdf, docx, html, markdown, csv, json, text."""

    kind: str
    title: str
    sections: tuple[Section, ...]
    pages: int | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """What is embedded and found. `n` counts from 0 through the document."""

    n: int
    text: str
    heading: str = ""
    page: int | None = None
