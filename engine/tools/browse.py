"""browse: a web page as clean text."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Any
from urllib.parse import urldefrag, urljoin

from pydantic import Field

from engine.errors import NodeError
from engine.tools import ToolContext, text_of, tool

MAX_BYTES = 3_000_000
PART = 20_000
"""Characters handed out at a time."""
LINKS = 200
HTML = re.compile(r"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype html|html|head|body)\b", re.I | re.S)


@tool(title="Read a web page", icon="book", timeout_s=45)
async def browse(
    url: Annotated[str, Field(min_length=1, max_length=4000)],
    ctx: ToolContext,
    links: bool = False,
    start: Annotated[int, Field(ge=0)] = 0,
) -> dict[str, Any]:
    """Reads a public web page and answers its text as Markdown, without menus and advertisements.

    url: the address, beginning with https:// or http://.
    links: also list the links of the page, to go on from here.
    start: where in the text to begin; `next` of the answer before goes on with a long page.
    """
    from engine import requests

    accept = {"accept": "text/html,application/xhtml+xml,text/plain,application/json;q=0.8,*/*;q=0.5"}
    outgoing = requests.prepare("GET", {"url": url, "headers": accept}, ctx, keyed=False)
    sent = await requests.send(outgoing, MAX_BYTES)
    if sent.status >= 400:
        raise requests.failure(sent)
    page = await asyncio.to_thread(read, text(sent.body, sent.encoding, outgoing.shown), sent.url, links)
    part = page["text"][start : start + PART]
    more = {"next": start + PART} if start + PART < len(page["text"]) else {}
    return {"url": sent.url, **page, "text": part, **more}


def text(body: Any, encoding: str | None, shown: str) -> str:
    """The answer as text; JSON is text too."""
    if encoding:
        raise NodeError(f"{shown} is a file, not a page.", code="no_text", hint="Ask for a page of text.")
    return text_of(body) if body is not None else ""


def read(source: str, url: str, links: bool) -> dict[str, Any]:
    """Title, text and links of a page. Runs in a thread: a large one takes seconds."""
    if not HTML.match(source):
        return {"title": "", "text": source.strip()}
    import trafilatura  # a third of a second, and only workers read pages

    found = trafilatura.extract(source, url=url, output_format="markdown", include_comments=False, favor_recall=True)
    about: Any = trafilatura.extract_metadata(source, default_url=url)
    title = (about.title if about is not None else "") or ""
    page = {"title": title, "text": (found or trafilatura.html2txt(source) or "").strip()}
    return {**page, "links": _links(trafilatura.load_html(source), url)} if links else page


def _links(tree: Any, base: str) -> list[dict[str, str]]:
    found: dict[str, str] = {}
    for anchor in tree.iter("a") if tree is not None else ():
        words = " ".join(anchor.text_content().split())[:120]
        try:
            url = urldefrag(urljoin(base, (anchor.get("href") or "").strip())).url
        except ValueError:
            continue
        if words and url.startswith(("http://", "https://")) and len(found) < LINKS:
            found.setdefault(url, words)
    return [{"text": words, "url": url} for url, words in found.items()]
