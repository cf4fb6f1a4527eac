"""h. Documents to passages: a PDF of 500 full pages and its like as DOCX, through the child, its start included."""

from __future__ import annotations

import io
import tempfile
import time
from pathlib import Path

import docx

from bench.table import Row, median
from engine.documents.extract import extract
from engine.documents.passages import cut
from tests.engine.documents.made import WIDE, pdf

PAGES, LINES, ROUNDS = 500, 45, 3


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        paper, word, small = (Path(folder) / name for name in ("a.pdf", "a.docx", "a.txt"))
        paper.write_bytes(pdf(_pages()))
        word.write_bytes(_docx())
        small.write_text(WIDE)
        rates = [PAGES / _seconds(paper) for _ in range(ROUNDS)]
        words = [PAGES / _seconds(word) for _ in range(ROUNDS)]
        started = [_seconds(small) * 1000 for _ in range(5)]
    note = f"{len(_pages()[0]):,} characters each"
    return [
        Row("h  PDF read and cut", median(rates), "pages/s", least=100, note=note),
        Row("h  DOCX read and cut", median(words), "pages/s", least=100, note="the same text"),
        Row("h  smallest file, start and end of its child", median(started), "ms"),
    ]


def _seconds(path: Path) -> float:
    began = time.perf_counter()
    assert cut(extract(path, path.name))
    return time.perf_counter() - began


def _pages() -> list[str]:
    words = WIDE.split()
    return ["\n".join(" ".join(words[(at + n) % len(words) :][:14]) for at in range(LINES)) for n in range(PAGES)]


def _docx() -> bytes:
    document, out = docx.Document(), io.BytesIO()
    for page in _pages():
        document.add_paragraph(page.replace("\n", " "))
    document.save(out)
    return out.getvalue()
