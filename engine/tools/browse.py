"""browse: a web page as clean text; a PDF or Word document as well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import PurePosixPath
from tempfile import NamedTemporaryFile
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import unquote, urlsplit

from pydantic import Field

from engine.errors import NodeError
from engine.tools import ToolContext, tool

if TYPE_CHECKING:
    from engine.documents import Extracted
    from engine.requests import Downloaded

MAX_BYTES = 3_000_000
FETCH_S, READ_S = 20, 15
PART = 20_000
"""Characters handed out at a time."""


@tool(title="Read a web page", icon="book", timeout_s=45)
async def browse(
    url: Annotated[str, Field(min_length=1, max_length=4000)],
    ctx: ToolContext,
    links: bool = False,
    start: Annotated[int, Field(ge=0)] = 0,
) -> dict[str, Any]:
    """Reads a public web page and answers its text as Markdown, without menus and advertisements.

    A PDF or Word document on the web is read as well.

    url: the address, beginning with https:// or http://.
    links: also list the links of the page, to go on from here.
    start: where in the text to begin; `next` of the answer before goes on with a long page.
    """
    from engine import requests

    got = await requests.download(url, MAX_BYTES, FETCH_S)
    gone = Event()
    try:
        page = await asyncio.to_thread(read, got, links, gone.is_set)
    finally:
        gone.set()
    part = page["text"][start : start + PART]
    more = {"next": start + PART} if start + PART < len(page["text"]) else {}
    return {"url": got.url, **page, "text": part, **more}


def read(got: Downloaded, links: bool, gone: Callable[[], bool]) -> dict[str, Any]:
    """Title, text and links of what came; until it is `gone`. Blocks."""
    from engine.documents import kinds
    from engine.documents.encoding import decode
    from engine.documents.limits import Limits

    if not got.content.strip():
        return {"title": "", "text": ""}
    name = unquote(PurePosixPath(urlsplit(got.url).path).name)
    limits, said = Limits(seconds=READ_S), kinds.named(name, got.content_type)
    try:
        if not kinds.binary(got.content, said, limits):
            source = decode(got.content, got.content_type)[0]
            if kinds.textual(source[:8192].encode(errors="replace"), said) != "html":
                return {"title": "", "text": source.strip()}
        found = _extracted(got, name, links, limits, gone)
    except NodeError as fault:
        shown = got.url.partition("?")[0]
        hint = "Ask for a page of text, a PDF or a DOCX."
        raise NodeError(f"{shown} cannot be read as a page: {fault.message}", code="no_text", hint=hint) from None
    page = {"title": found.title, "text": _told(found)}
    return {**page, "links": [{"text": words, "url": url} for words, url in found.links]} if links else page


def _extracted(got: Downloaded, name: str, links: bool, limits: Any, gone: Callable[[], bool]) -> Extracted:
    """In a process of its own: a page can be made so that reading it takes for ever, and holds up all else."""
    from engine.documents import Web
    from engine.documents.extract import extract

    with NamedTemporaryFile() as file:
        file.write(got.content)
        file.flush()
        return extract(file.name, name, got.content_type, limits, gone, Web(got.url, links))


def _told(found: Extracted) -> str:
    parts: list[str] = []
    heading = ""
    for section in found.sections:
        if section.heading != heading:
            heading = section.heading
            parts.append(f"## {heading}")
        parts.append(section.text)
    return "\n\n".join(parts)
