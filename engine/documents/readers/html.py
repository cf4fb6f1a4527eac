"""HTML: what a reader of the page sees. Scripts, styles, comments and hidden parts never come through."""

from __future__ import annotations

import re
from copy import deepcopy
from importlib import import_module
from typing import Any

from engine.documents import Extracted, table
from engine.documents.clean import clean, line, prose
from engine.documents.limits import Limits, empty
from engine.documents.outline import Outline

etree: Any = import_module("lxml.etree")
lxml_html: Any = import_module("lxml.html")
DROPPED = (
    "script", "style", "noscript", "template", "iframe", "object", "embed", "applet", "svg", "canvas", "math", "audio",
    "video", "select", "datalist", "button", "input", "textarea", "dialog", "link", "meta",
)  # fmt: skip
FURNITURE = ("nav", "footer", "aside", "menu")
BLOCKS = {
    "address", "article", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "footer", "form", "header", "hr", "html", "legend", "li", "main", "nav", "ol", "p", "pre",
    "section", "summary", "table", "ul", "aside", "menu", "h1", "h2", "h3", "h4", "h5", "h6", "tbody", "tr", "td",
}  # fmt: skip
HEADINGS = {f"h{level}": level for level in range(1, 7)}
HIDDEN = re.compile(
    r"(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|(?<![\w-])opacity\s*:\s*0(?:\.0+)?\s*(?:;|!|$)|font-size\s*:\s*0(?:px|em|rem|pt|%)?\s*(?:;|!|$))",
    re.I,
)
ASIDE = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navigation|menu|breadcrumbs?|sidebar|footer|cookies?|contentinfo)(?:$|[\s_-])", re.I
)
MOST = 0.4
"""What holds more of the page's text than this is no menu, whatever it is called."""
CONTENTS = 5
NEWLINE = "\v"
ANCHORS = {"#", "¶", "§", "🔗"}
"""What stands beside a heading to link to it."""


def read(text: str, limits: Limits) -> Extracted:
    tree = _tree(text)
    if tree is None:
        raise empty("The page has no text.")
    title = line(tree.findtext(".//title") or "")
    _strip(tree)
    body = tree.find("body") if tree.find("body") is not None else tree
    out = _outline(body, limits, whole=False)
    out = out if out.sections else _outline(body, limits, whole=True)
    if not out.sections:
        raise empty("The page has no text; it may need a browser to show any.")
    return Extracted("html", title or out.title, tuple(out.sections))


def _tree(text: str) -> Any:
    parser = lxml_html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    try:
        return lxml_html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        return None


def _strip(tree: Any) -> None:
    for element in list(tree.iter()):
        if isinstance(element.tag, str) and element is not tree and _unseen(element):
            _drop(element)


def _unseen(element: Any) -> bool:
    if element.tag == "a" and (element.text or "").strip() in ANCHORS:
        return True
    return element.tag in DROPPED or _hidden(element)


def _hidden(element: Any) -> bool:
    if element.tag in ("body", "html"):
        return False
    return (
        element.get("hidden") is not None
        or element.get("aria-hidden", "").lower() == "true"
        or bool(HIDDEN.search(element.get("style", "")))
    )


def _drop(element: Any) -> None:
    if element.getparent() is not None:
        element.drop_tree()


def _outline(body: Any, limits: Limits, whole: bool) -> Outline:
    """`whole`: with menus and footers, for a page that has nothing else."""
    if not whole:
        body = deepcopy(body)
        size = len(_inline(body)) * MOST
        for element in [e for e in body.iter() if e is not body and _furniture(e)]:
            if len(_inline(element)) <= size:
                _drop(element)
    out = Outline(limits)
    items: list[str] = []
    for kind, text in _blocks(body):
        if kind == "item":
            items.append(text)
            continue
        out.add("\n".join(items))
        items.clear()
        if kind in HEADINGS:
            out.heading(HEADINGS[kind], text)
        else:
            out.add(text)
    out.add("\n".join(items))
    out.done()
    return out


def _furniture(element: Any) -> bool:
    if element.tag in FURNITURE or (element.tag in ("ul", "ol") and _is_contents(element)):
        return True
    named = element.tag in ("div", "ul", "ol", "section", "header")
    return named and any(ASIDE.search(element.get(name, "")) for name in ("class", "id", "role"))


def _is_contents(element: Any) -> bool:
    """A list of what else is on the page; there it is said better."""
    links = [link for link in element.iter("a") if link.get("href", "").startswith("#")]
    linked = sum(len(_inline(link)) for link in links)
    return len(links) >= CONTENTS and linked >= 0.8 * len(_inline(element))


class _Blocks:
    """The text between two edges of blocks, and what it is."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.found: list[tuple[str, str]] = []
        self.item = False
        self.pre = 0

    def text(self, text: str | None) -> None:
        if text:
            self.parts.append(text)

    def end(self, kind: str = "text") -> None:
        raw, self.parts = "".join(self.parts), []
        text = clean(raw.replace(NEWLINE, "\n")) if self.pre else prose(_spaced(raw))
        if not text:
            return
        if self.item and kind == "text":
            kind, text, self.item = "item", f"- {text}", False
        self.found.append((kind, text))


def _blocks(body: Any) -> list[tuple[str, str]]:
    """In the order of the page; without recursion, since pages nest without end."""
    out = _Blocks()
    walk = etree.iterwalk(body, events=("start", "end"))
    skipped: Any = None
    for event, element in walk:
        if event == "start":
            if element.tag in BLOCKS:
                out.end()
            if element.tag == "table" and _is_data(element):
                _table(element, out)
                walk.skip_subtree()
                skipped = element
                continue
            out.item = element.tag == "li" or (out.item and element.tag not in ("ul", "ol"))
            out.pre += element.tag == "pre"
            out.text(NEWLINE if element.tag == "br" else element.text)
            continue
        if element is not skipped:
            if element.tag in BLOCKS:
                out.end(element.tag if element.tag in HEADINGS else "text")
            out.pre -= element.tag == "pre"
        if element is not body:
            out.text(element.tail)
    out.end()
    return out.found


def _spaced(raw: str) -> str:
    """White space as a browser shows it."""
    return "\n".join(" ".join(one.split()) for one in raw.split(NEWLINE))


def _is_data(element: Any) -> bool:
    """A table of values, and not one that only puts the parts of a page in their places."""
    if element.find(".//table") is not None or any(True for _ in element.iter(*HEADINGS)):
        return False
    return any(len(row.findall("td")) + len(row.findall("th")) > 1 for row in element.iter("tr"))


def _table(element: Any, out: _Blocks) -> None:
    caption = element.find("caption")
    if caption is not None:
        out.text(_inline(caption))
        out.end()
    rows = [[cell for cell in row if cell.tag in ("td", "th")] for row in element.iter("tr")]
    header = True if rows and len(rows[0]) > 1 and all(cell.tag == "th" for cell in rows[0]) else None
    text = "\n".join(table.lines(([_inline(cell) for cell in row] for row in rows), header))
    if text:
        out.found.append(("text", prose(text)))


def _inline(element: Any) -> str:
    parts: list[str] = []
    for event, one in etree.iterwalk(element, events=("start", "end")):
        if one.tag in BLOCKS or one.tag == "br":
            parts.append(" ")
        text = one.text if event == "start" else one.tail if one is not element else None
        parts.append(text or "")
    return " ".join("".join(parts).split())
