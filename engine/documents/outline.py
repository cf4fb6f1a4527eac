"""Collects the sections of a document while its headings go by."""

from __future__ import annotations

from engine.documents import Section
from engine.documents.clean import line
from engine.documents.limits import Limits, check_characters

HEADING = 200
"""Characters of one title within a heading; what is longer was no title."""


class Outline:
    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.sections: list[Section] = []
        self._titles: list[tuple[int, str]] = []
        self._body: list[str] = []
        self._alone = False
        self._count = 0

    def heading(self, level: int, title: str) -> None:
        """What follows belongs to this one, until the next of its level or above."""
        if not (title := line(title)):
            return
        self._close(level)
        self._titles = [*((at, text) for at, text in self._titles if at < level), (level, title)]
        self._alone = True

    def add(self, block: str) -> None:
        """A paragraph, an item of a list, the rows of a table."""
        if block.strip():
            self._count += len(block)
            check_characters(self._count, self.limits)
            self._body.append(block)

    def done(self) -> tuple[Section, ...]:
        self._close(0)
        return tuple(self.sections)

    @property
    def title(self) -> str:
        """The first heading, when nothing but text of its own came before it."""
        return next((s.heading.split(" › ")[0] for s in self.sections if s.heading), "")

    def _close(self, level: int) -> None:
        heading = " › ".join(text[:HEADING] for _, text in self._titles)
        if self._body:
            self.sections.append(Section("\n\n".join(self._body), heading))
        elif self._alone and level <= self._titles[-1][0]:
            # A heading with nothing under it, not even another heading: it is all the text there is.
            self.sections.append(Section(self._titles[-1][1], heading))
        self._body, self._alone = [], False
