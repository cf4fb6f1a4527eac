"""Markdown: the source as it is, cut at its headings; raw HTML in it is read as HTML is."""

from __future__ import annotations

import re

from engine.documents import Extracted
from engine.documents.clean import clean, line
from engine.documents.limits import Limits, empty
from engine.documents.outline import Outline

FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S)
TITLE = re.compile(r"^title:(.+)$", re.M)
HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style|template|noscript)\b.*?(?:</\1\s*>|\Z)", re.I | re.S)
TAG = re.compile(r"</?[a-zA-Z][^<>]{0,2000}>")


def read(text: str, limits: Limits) -> Extracted:
    text = clean(text)
    title = ""
    if front := FRONT.match(text):
        found = TITLE.search(front[1])
        title = line(found[1]).strip("\"' ") if found else ""
        text = text[front.end() :]
    out = Outline(limits)
    _fill(out, text)
    sections = out.done()
    if not sections:
        raise empty("The document has no text.")
    return Extracted("markdown", title or out.title, sections)


def _fill(out: Outline, text: str) -> None:
    from markdown_it import MarkdownIt

    lines = text.split("\n")
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    bare = {row for token in tokens if token.type == "table_open" for row in _wordless(lines, token.map or [0, 0])}

    def between(start: int, stop: int) -> str:
        return "\n".join(lines[at] for at in range(start, stop) if at not in bare).strip("\n")

    start = 0
    for at, token in enumerate(tokens):
        if token.level or not token.map or token.type not in ("heading_open", "html_block"):
            continue
        out.add(between(start, token.map[0]))
        start = token.map[1]
        if token.type == "heading_open":
            out.heading(int(token.tag[1]), _plain(tokens[at + 1].content))
        else:
            out.add(_plain(token.content).strip())
    out.add(between(start, len(lines)))


def _wordless(lines: list[str], table: list[int]) -> list[int]:
    """The rows of a table that only draw it: the rule under its head, and an empty head."""
    return [at for at in range(*table) if not any(map(str.isalnum, lines[at]))]


def _plain(text: str) -> str:
    return TAG.sub("", HIDDEN.sub("", text))
