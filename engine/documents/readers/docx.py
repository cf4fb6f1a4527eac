"""DOCX: headings, paragraphs, lists, tables, notes; what is deleted or hidden in it does not come through."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from engine.documents import Extracted, table
from engine.documents.clean import line, prose
from engine.documents.limits import Limits, broken, empty, too_large, wrong_type
from engine.documents.outline import Outline

etree: Any = import_module("lxml.etree")
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
ITEMS = -1
"""The level of a style for items of a list."""
LEVEL = re.compile(r"heading (\d)$", re.I)
# What is not named here is not entered: deletions, what was moved away, the codes of fields.
WRAPS = {
    W + name for name in ("sdt", "sdtContent", "ins", "moveTo", "smartTag", "customXml", "hyperlink", "fldSimple", "r")
}
BREAKS = {W + "tab": "\t", W + "br": "\n", W + "cr": "\n", W + "noBreakHyphen": "-"}


def read(data: bytes, limits: Limits) -> Extracted:
    document = _open(data)
    out = Outline(limits)
    levels = _levels(document)
    _blocks(document.element.body, out, levels)
    for note in _notes(document):
        out.add(note)
    sections = out.done()
    if not sections:
        raise empty("The document has no text; it may be pictures only.")
    title = line(document.core_properties.title or "")
    return Extracted("docx", title or out.title, sections)


def _open(data: bytes) -> Any:
    import docx

    try:
        document: Any = docx.Document(io.BytesIO(data))
        assert document.element.body is not None
        return document
    except ValueError as fault:
        if "content type" in str(fault):
            raise wrong_type("a Word template, or a document with macros", "Save it as DOCX and add that.") from None
        raise broken("The DOCX file is damaged.") from None
    except MemoryError:
        raise
    except etree.LxmlError as fault:
        if "HUGE" in str(fault) or "huge" in str(fault):
            raise too_large("A part of the document is larger than its reader allows.") from None
        raise broken("The DOCX file is damaged.") from None
    except Exception:
        raise broken("The DOCX file is damaged, or it is no Word document.") from None


def _levels(document: Any) -> dict[str, int]:
    """Style id → level of heading. Styles inherit, and their names are English in every language of Word."""
    levels: dict[str, int] = {}
    try:
        styles = list(document.styles)
    except Exception:
        return levels
    for style in styles:
        seen: set[str] = set()
        base = style
        while base is not None and base.style_id not in seen:
            seen.add(base.style_id)
            name = base.name or ""
            found = LEVEL.match(name)
            if found or name == "Title" or name.startswith("List "):
                levels[style.style_id] = int(found[1]) if found else 0 if name == "Title" else ITEMS
                break
            base = getattr(base, "base_style", None)
    return levels


def _blocks(parent: Any, out: Outline, levels: dict[str, int]) -> None:
    items: list[str] = []

    def flush() -> None:
        out.add("\n".join(items))
        items.clear()

    for element in _children(parent):
        if element.tag == W + "tbl":
            flush()
            out.add("\n".join(table.lines(_rows(element))))
        elif element.tag == W + "p":
            text = prose(_text(element))
            level = _level(element, levels)
            if level is not None and level != ITEMS:
                flush()
                out.heading(level, text)
            elif level == ITEMS or element.find(f"{W}pPr/{W}numPr") is not None:
                items.append(f"- {text}" if text else "")
            else:
                flush()
                out.add(text)
            for box in _boxes(element):
                flush()
                _blocks(box, out, {})
    flush()


def _children(parent: Any) -> Iterator[Any]:
    for element in parent:
        if element.tag in WRAPS:
            yield from _children(element)
        else:
            yield element


def _level(paragraph: Any, levels: dict[str, int]) -> int | None:
    outline = paragraph.find(f"{W}pPr/{W}outlineLvl")
    if outline is not None and (outline.get(W + "val") or "9") in "012345678":
        return int(outline.get(W + "val")) + 1
    style = paragraph.find(f"{W}pPr/{W}pStyle")
    return levels.get(style.get(W + "val")) if style is not None else None


def _text(element: Any) -> str:
    parts: list[str] = []
    _collect(element, parts)
    return "".join(parts)


def _collect(element: Any, parts: list[str]) -> None:
    for child in element:
        if child.tag == W + "t":
            parts.append(child.text or "")
        elif child.tag in BREAKS:
            parts.append(BREAKS[child.tag])
        elif child.tag in WRAPS and child.find(f"{W}rPr/{W}vanish") is None:
            _collect(child, parts)


def _boxes(paragraph: Any) -> list[Any]:
    """Text boxes stand inside a paragraph, once for new programs and once more for old ones."""
    found = list(paragraph.iter(W + "txbxContent"))
    modern = [box for box in found if not any(up.tag.endswith("}Fallback") for up in box.iterancestors())]
    return [box for box in modern or found if not any(up in found for up in box.iterancestors())]


def _rows(element: Any) -> Iterator[list[str]]:
    for row in _children(element):
        if row.tag == W + "tr" and row.find(f"{W}trPr/{W}del") is None:
            yield [_cell(cell) for cell in _children(row) if cell.tag == W + "tc"]


def _cell(cell: Any) -> str:
    parts = [
        " / ".join(table.lines(_rows(one))) if one.tag == W + "tbl" else prose(_text(one))
        for one in _children(cell)
        if one.tag in (W + "p", W + "tbl")
    ]
    return " ".join(part for part in parts if part)


def _notes(document: Any) -> Iterator[str]:
    """Footnotes and endnotes; the separators that Word keeps among them are no text."""
    for relation in document.part.rels.values():
        if relation.is_external or not relation.reltype.endswith(("/footnotes", "/endnotes")):
            continue
        try:
            tree = etree.fromstring(relation.target_part.blob, etree.XMLParser(resolve_entities=False, no_network=True))
        except etree.XMLSyntaxError:
            continue
        for note in tree:
            text = prose("\n".join(_text(one) for one in _children(note) if one.tag == W + "p"))
            if text:
                yield text
