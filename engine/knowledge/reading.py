"""From a file to its passages: what an ingest does first, and all that a preview does."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.documents import Extracted, Passage, extract, passages

SHOWN = 500
"""Passages of a preview."""


def read(
    path: Path, name: str, content_type: str, size: int, overlap: int, cancelled: Callable[[], bool] | None = None
) -> tuple[Extracted, list[Passage]]:
    """Raises NodeError (`document_…`), and Cancelled as soon as `cancelled` says so."""
    found = extract.extract(path, name, content_type, cancelled=cancelled)
    return found, passages.cut(found, size, overlap)


def preview(data: bytes, name: str, content_type: str, size: int, overlap: int) -> dict[str, Any]:
    """{title, passages: [{n, text, heading, page}], total, kind, pages, characters, warnings}."""
    with tempfile.NamedTemporaryFile(prefix="nexod-") as file:
        file.write(data)
        file.flush()
        found, cut = read(Path(file.name), name, content_type, size, overlap)
    shown = [{"n": p.n, "text": p.text, "heading": p.heading, "page": p.page} for p in cut[:SHOWN]]
    return {"title": found.title or name, "passages": shown, "total": len(cut), **details(found)}


def details(found: Extracted) -> dict[str, Any]:
    return {
        "kind": found.kind,
        "pages": found.pages,
        "characters": sum(len(section.text) for section in found.sections),
        "warnings": list(found.warnings),
    }
