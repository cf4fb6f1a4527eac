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
    links: tuple[tuple[str, str], ...] = ()
    """(words, address), of a web page that was asked for them."""


@dataclass(frozen=True, slots=True)
class Web:
    """A page is read as one of the web: its text as Markdown, in one section. `url` is where it stands."""

    url: str
    links: bool = False


@dataclass(frozen=True, slots=True)
class Passage:
    """What is embedded and found. `n` counts from 0 through the document."""

    n: int
    text: str
    heading: str = ""
    page: int | None = None
