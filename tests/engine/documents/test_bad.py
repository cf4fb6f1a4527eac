"""Every bad file is refused with a type, a reason and a cure, through the real child."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import time
from dataclasses import replace
from pathlib import Path

import docx
import pytest

from engine.documents.extract import extract
from engine.documents.limits import DEFAULT, Limits
from engine.documents.passages import cut
from engine.errors import NodeError
from tests.engine.documents import made

PDF, DOCX = made.pdf(["Hello"] * 3), made.word("Hello " * 2000)
TYPES = "[Content_Types].xml"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600


def tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as packed:
        packed.addfile(tarfile.TarInfo("a.txt"))
    return out.getvalue()


def truncated_in_the_middle() -> bytes:
    return made.repacked(DOCX, word_document_xml=b"<w:document><w:body><w:p>")


CASES: dict[str, tuple[str, bytes, str, str]] = {
    "an empty file": ("a.txt", b"", "document_empty", "empty"),
    "only spaces": ("a.md", b" \n\t\r\n ", "document_empty", "empty"),
    "only a mark": ("a.txt", b"\xef\xbb\xbf", "document_empty", "text"),
    "an empty pdf": ("a.pdf", b"", "document_empty", "empty"),
    "a scan": ("a.pdf", made.scan(3), "document_empty", "scan"),
    "an empty docx": ("a.docx", made.saved(docx.Document()), "document_empty", "no text"),
    "a page of scripts": ("a.html", b"<html><script>x()</script></html>", "document_empty", "no text"),
    "an empty table": ("a.csv", b",,,\n,,,\n", "document_empty", "no values"),
    "an empty list": ("a.json", b"[]", "document_empty", "no values"),
    "only a comment": ("a.md", b"<!-- nothing -->", "document_empty", "no text"),
    "a locked pdf": ("a.pdf", made.pdf(["secret"], password="hunter2"), "document_encrypted", "password"),
    "a locked docx": ("a.docx", OLE + "EncryptedPackage".encode("utf-16-le"), "document_encrypted", "password"),
    "a pdf cut off": ("a.pdf", PDF[: len(PDF) // 2], "document_broken", "damaged"),
    "a pdf of nothing": ("a.pdf", b"%PDF-1.7\n" + b"\x80\x90garbage" * 500, "document_broken", "damaged"),
    "a docx cut off": ("a.docx", DOCX[: len(DOCX) // 2], "document_broken", "damaged"),
    "a docx of broken xml": ("a.docx", truncated_in_the_middle(), "document_broken", "damaged"),
    "no json": ("a.json", b'{"a": 1,}', "document_broken", "JSON"),
    "json lines with a fault": ("a.jsonl", b'{"a": 1}\n{"a": }\n', "document_broken", "line 2"),
    "a bomb": ("a.docx", made.bomb(300), "document_too_large", "200 MB"),
    "a bomb of one word": ("a.docx", made.bomb(150), "document_too_large", "larger than its reader"),
    "a bomb of words": ("a.docx", made.bomb(150, 100), "document_too_large", "30,000,000 characters"),
    "a bomb of paragraphs": ("a.docx", made.bomb(20, 3_000_000), "document_too_large", "MB of memory"),
    "deep json": ("a.json", b"[" * 500 + b"]" * 500, "document_too_large", "deeper"),
    "very deep json": ("a.json", b'{"a":' * 200_000 + b"1" + b"}" * 200_000, "document_too_large", "deeper"),
    "a zip": ("a.zip", made.archive(a="x"), "document_type", "archive"),
    "a zip called docx": ("a.docx", made.archive(a="x"), "document_type", "archive"),
    "a tar": ("a.tar", tar(), "document_type", "archive"),
    "a gzip called txt": ("a.txt", gzip.compress(b"x" * 1000), "document_type", "archive"),
    "a workbook": ("a.xlsx", made.archive(**{TYPES: "", "xl/workbook.xml": ""}), "document_type", "Excel"),
    "slides": ("a.pptx", made.archive(**{TYPES: "", "ppt/x.xml": ""}), "document_type", "PowerPoint"),
    "an epub": ("a.epub", made.archive(mimetype="application/epub+zip"), "document_type", "EPUB"),
    "an old doc": ("a.doc", OLE, "document_type", "2007"),
    "a program called txt": ("a.txt", b"MZ\x90\0\x03\0\0\0" + bytes(range(256)) * 20, "document_type", "program"),
    "a program": ("a", b"\x7fELF\x02\x01\x01" + b"\0" * 500, "document_type", "program"),
    "a picture called pdf": ("a.pdf", b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "document_type", "picture"),
    "a sound": ("a.txt", b"ID3\x04\0\0\0\0\0\x17TSSE" + b"x" * 600, "document_type", "sound"),
    "a jpeg": ("a.jpg", b"\xff\xd8\xff\xe0" + b"\0" * 100, "document_type", "picture"),
    "a film": ("a.txt", b"\0\0\0\x18ftypmp42" + b"\0" * 100, "document_type", "film"),
    "rich text": ("a.txt", b"{\\rtf1 Hello}", "document_type", "RTF"),
    "noise": ("a.txt", bytes((n * n * 31 + n) % 256 for n in range(5000)), "document_type", "binary"),
    "noise called csv": ("a.csv", bytes((n * 7919) % 251 for n in range(5000)), "document_type", "binary"),
}


def refused(tmp_path: Path, name: str, content: bytes, limits: Limits = DEFAULT) -> NodeError:
    path = tmp_path / "stored"
    path.write_bytes(content)
    with pytest.raises(NodeError) as raised:
        extract(path, name, limits=limits)
    return raised.value


@pytest.mark.parametrize("case", CASES)
def test_a_bad_file_is_refused(tmp_path: Path, case: str):
    name, content, code, told = CASES[case]
    error = refused(tmp_path, name, content)
    assert error.code == code
    assert told in error.message
    assert error.hint
    assert not error.retryable
    assert "/" not in error.message.replace("MB/", "")


@pytest.mark.parametrize(
    ("name", "content", "kind", "warning"),
    [
        ("a.pdf", b"<!doctype html><p>Hello", "html", "The name says PDF; the content is HTML."),
        ("a.txt", PDF, "pdf", ""),
        ("a.csv", PDF, "pdf", "The name says CSV; the content is PDF."),
        ("a.pdf", DOCX, "docx", "The name says PDF; the content is DOCX."),
        ("a.docx", b"Hello in plain words", "text", "The name says DOCX; the content is plain text."),
        ("a.json", b"<html><body>Hello</body></html>", "html", "The name says JSON; the content is HTML."),
        ("a.pdf", b"junk before\n" + PDF, "pdf", ""),
        ("a.txt", b"a text on %PDF- and what it means: Hello", "text", ""),
        ("a.txt", b"MZ is how Hello begins", "text", ""),
        ("a.md", b"ID3 learns a tree from examples. Hello", "markdown", ""),
        ("a.txt", b"RIFF, GIF89a and BZh say Hello", "text", ""),
    ],
)
def test_a_wrong_name_does_not_matter(tmp_path: Path, name: str, content: bytes, kind: str, warning: str):
    path = tmp_path / "stored"
    path.write_bytes(content)
    found = extract(path, name)
    assert found.kind == kind
    assert "Hello" in found.sections[0].text
    assert "".join(found.warnings) == warning


def test_every_limit_is_named(tmp_path: Path):
    few = replace(DEFAULT, pages=2, characters=100, file_mb=1, inflated_mb=0)
    assert "3 pages; the limit is 2" in refused(tmp_path, "a.pdf", PDF, few).message
    assert "longer than 100 characters" in refused(tmp_path, "a.txt", b"x" * 101, few).message
    assert "longer than 100 characters" in refused(tmp_path, "a.pdf", made.pdf(["x" * 101]), few).message
    assert "longer than 100 characters" in refused(tmp_path, "a.csv", b"a,b\n" + b"1,2\n" * 24, few).message
    assert "the limit is 1 MB" in refused(tmp_path, "a.txt", b"x" * 2_000_000, few).message
    assert "larger than 0 MB" in refused(tmp_path, "a.docx", DOCX, few).message
    assert {refused(tmp_path, "a.txt", b"x" * 101, few).code} == {"document_too_large"}


def test_a_file_that_needs_too_much_memory(tmp_path: Path):
    rows = [{"n": n, "value": "x" * 10} for n in range(400_000)]
    error = refused(tmp_path, "a.json", json.dumps(rows).encode(), replace(DEFAULT, memory_mb=120))
    assert error.code == "document_too_large"
    assert "120 MB of memory" in error.message


def test_a_file_that_takes_too_long(tmp_path: Path):
    page = "\n".join([made.WIDE[:90]] * 50)
    error = refused(tmp_path, "a.pdf", made.pdf([page] * 4000), replace(DEFAULT, seconds=1))
    assert error.code == "document_timeout"
    assert "1 seconds" in error.message


def test_a_pdf_of_5000_pages_is_read(tmp_path: Path):
    path = tmp_path / "stored"
    path.write_bytes(made.pdf([f"Long report\nWords of page number {n} of it.\n{n + 1}" for n in range(5000)]))
    found = extract(path, "long.pdf")
    assert (found.pages, len(found.sections)) == (5000, 5000)
    assert found.sections[4999].text == "Words of page number 4999 of it."
    assert cut(found)[4999].page == 5000


def test_a_pdf_of_more_pages_than_allowed_is_refused_at_once(tmp_path: Path):
    began = time.monotonic()
    error = refused(tmp_path, "a.pdf", made.pdf(["x"] * 10_001))
    assert error.code == "document_too_large"
    assert "10,001 pages; the limit is 10,000" in error.message
    assert time.monotonic() - began < 60
