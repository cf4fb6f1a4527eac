"""browse: a web page as clean text."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from pydantic import Field

from engine.errors import NodeError
from engine.tools import ToolContext, tool

MAX_BYTES = 4_000_000
PART = 20_000
"""Characters handed out at a time."""
LINKS = 200


@tool(title="Read a web page", icon="globe", timeout_s=45)
async def browse(
    url: Annotated[str, Field(min_length=1, max_length=4000)],
    ctx: ToolContext,
    links: bool = False,
    start: Annotated[int, Field(ge=0)] = 0,
) -> dict[str, Any]:
    """Reads a public web page and answers its text as Markdown, without menus and advertisements.

    url: the address, beginning with https:// or http://.
    links: keep the addresses of the links in the text.
    start: where in the text to begin; `next` of the answer before goes on with a long page.
    """
    from engine import requests

    accept = {"accept": "text/html,application/xhtml+xml,text/plain,application/json;q=0.8,*/*;q=0.5"}
    outgoing = requests.prepare("GET", {"url": url, "headers": accept}, ctx, keyed=False)
    sent = await requests.send(outgoing, MAX_BYTES)
    if sent.status >= 400:
        raise requests.failure(sent)
    kind = sent.headers.get("content-type", "").split(";")[0].strip().lower()
    title, text = "", sent.body
    if sent.encoding or not isinstance(text, str):
        if sent.encoding:
            raise NodeError(f"{outgoing.shown} is no text but {kind or 'unknown'}.", code="no_text", hint="Read a page.")
        text = requests.to_text(text)
    if "html" in kind or text.lstrip()[:15].lower().startswith(("<!doctype html", "<html")):
        title, text = await asyncio.to_thread(read, text, sent.url, links)
    part = text[start : start + PART]
    more = {"next": start + PART} if start + PART < len(text) else {}
    return {"url": sent.url, "title": title, "text": part, **more}


def read(source: str, url: str, links: bool) -> tuple[str, str]:
    """Title and text of a page. Runs in a thread: large pages take their time."""
    import trafilatura  # a third of a second, and only workers read pages

    page: Any = trafilatura.bare_extraction(
        source, url=url, output_format="markdown", include_comments=False, include_links=links,
        include_formatting=True, favor_recall=True, with_metadata=False,
    )  # fmt: skip
    text: str = (page.text if page is not None else "") or trafilatura.html2txt(source) or ""
    found: Any = trafilatura.extract_metadata(source, default_url=url)
    return (found.title or "") if found is not None else "", text.strip()
