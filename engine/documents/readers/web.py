"""A page of the web: what it has to say, as Markdown, without menus and advertisements."""

from __future__ import annotations

from importlib import import_module
from typing import Any
from urllib.parse import urldefrag, urljoin

from engine.documents import Extracted, Section, Web

trafilatura: Any = import_module("trafilatura")
LINKS = 200


def read(source: str, web: Web) -> Extracted:
    found = trafilatura.extract(
        source, url=web.url, output_format="markdown", include_comments=False, favor_recall=True
    )
    about = trafilatura.extract_metadata(source, default_url=web.url)
    title = (about.title if about is not None else "") or ""
    text = (found or trafilatura.html2txt(source) or "").strip()
    links = _links(trafilatura.load_html(source), web.url) if web.links else ()
    return Extracted("html", title, (Section(text),), links=links)


def _links(tree: Any, base: str) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for anchor in tree.iter("a") if tree is not None else ():
        words = " ".join(anchor.text_content().split())[:120]
        try:
            url = urldefrag(urljoin(base, (anchor.get("href") or "").strip())).url
        except ValueError:
            continue
        if words and url.startswith(("http://", "https://")) and len(found) < LINKS:
            found.setdefault(url, words)
    return tuple((words, url) for url, words in found.items())
