"""Documents made by hand, good and bad: nothing here is a file of somebody else."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Sequence

import docx

WIDE = (
    "The harbour was quiet in the early morning, and only the keeper of the lighthouse was awake to see how the fog "
    "came in over the water, slowly, as it did on most days of that long and unusually cold spring."
)


def pdf(pages: Sequence[str], title: str = "", marks: Sequence[tuple[str, int]] = (), password: str = "") -> bytes:
    """One line of text for each line of a page. `marks`: bookmarks as (title, page from 0)."""
    first = 6
    objects: dict[int, bytes] = {
        3: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        5: b"<</Title(%s)>>" % _escaped(title),
    }
    lock = _Lock(password) if password else None
    for at, page in enumerate(pages):
        stream = _stream(page)
        number = first + 2 * at
        stream = lock.encrypt(number + 1, stream) if lock else stream
        objects[number] = (
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 3 0 R>>>>/Contents %d 0 R>>"
            % (number + 1)
        )
        objects[number + 1] = b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream)
    kids = b" ".join(b"%d 0 R" % (first + 2 * at) for at in range(len(pages)))
    objects[2] = b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(pages), kids)
    last = first + 2 * len(pages)
    outlines = b""
    if marks:
        outlines = b"/Outlines %d 0 R" % last
        refs = range(last + 1, last + 1 + len(marks))
        objects[last] = b"<</Type/Outlines/First %d 0 R/Last %d 0 R/Count %d>>" % (refs[0], refs[-1], len(marks))
        for at, (name, page) in enumerate(marks):
            after = b"/Next %d 0 R" % refs[at + 1] if at + 1 < len(marks) else b""
            objects[refs[at]] = b"<</Title(%s)/Parent %d 0 R/Dest[%d 0 R/Fit]%s>>" % (
                _escaped(name), last, first + 2 * page, after,
            )  # fmt: skip
    objects[1] = b"<</Type/Catalog/Pages 2 0 R%s>>" % outlines
    return _file(objects, lock.trailer if lock else b"")


def _stream(page: str) -> bytes:
    shown = b"".join(b"(%s) Tj T* " % _escaped(line) for line in page.split("\n"))
    return b"BT /F1 10 Tf 50 750 Td 13 TL %sET" % shown


def _escaped(text: str) -> bytes:
    raw = text.encode("cp1252", "replace")
    return raw.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _file(objects: dict[int, bytes], more: bytes) -> bytes:
    out = io.BytesIO()
    out.write(b"%PDF-1.4\n")
    places: dict[int, int] = {}
    for number in sorted(objects):
        places[number] = out.tell()
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, objects[number]))
    start = out.tell()
    size = max(objects) + 1
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % size)
    for number in range(1, size):
        used = b"n" if number in places else b"f"
        out.write(b"%010d %05d %s \n" % (places.get(number, 0), 0 if used == b"n" else 65535, used))
    out.write(b"trailer<</Size %d/Root 1 0 R/Info 5 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (size, more, start))
    return out.getvalue()


PAD = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")


class _Lock:
    """The standard security handler, revision 2: RC4 with 40 bits."""

    def __init__(self, password: str) -> None:
        padded = (password.encode() + PAD)[:32]
        owner = _rc4(hashlib.md5(padded).digest()[:5], padded)
        allowed, ident = -4, b"0123456789abcdef"
        self.key = hashlib.md5(padded + owner + allowed.to_bytes(4, "little", signed=True) + ident).digest()[:5]
        user = _rc4(self.key, PAD)
        self.trailer = b"/Encrypt<</Filter/Standard/V 1/R 2/O<%s>/U<%s>/P -4>>/ID[<%s><%s>]" % (
            owner.hex().encode(), user.hex().encode(), ident.hex().encode(), ident.hex().encode(),
        )  # fmt: skip

    def encrypt(self, number: int, data: bytes) -> bytes:
        return _rc4(hashlib.md5(self.key + number.to_bytes(3, "little") + b"\0\0").digest()[:10], data)


def _rc4(key: bytes, data: bytes) -> bytes:
    box, j = list(range(256)), 0
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) % 256
        box[i], box[j] = box[j], box[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + box[i]) % 256
        box[i], box[j] = box[j], box[i]
        out.append(byte ^ box[(box[i] + box[j]) % 256])
    return bytes(out)


def scan(pages: int = 1) -> bytes:
    """A PDF with a picture on every page and not one letter."""
    data = pdf(["x"] * pages)
    return data.replace(b"(x) Tj", b"q 9 w Q").replace(b"BT /F1", b"   /F1").replace(b"T* ET", b"     ")


def word(text: str = "Hello", **more: object) -> bytes:
    document = docx.Document()
    document.add_paragraph(text)
    return saved(document)


def saved(document: object) -> bytes:
    out = io.BytesIO()
    document.save(out)  # type: ignore[attr-defined]
    return out.getvalue()


def repacked(data: bytes, **parts: bytes) -> bytes:
    """The same DOCX with other contents; `word_document_xml` stands for word/document.xml."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            name = info.filename.replace("/", "_").replace(".", "_")
            new.writestr(info.filename, parts.pop(name, None) or old.read(info))
        for name, content in parts.items():
            new.writestr(name, content)
    return out.getvalue()


def bomb(megabytes: int, paragraphs: int = 1) -> bytes:
    """A DOCX of a few hundred KB whose text is that large when it is unpacked."""
    body = (b"<w:p><w:r><w:t>" + b"A" * (megabytes * 1024 * 1024 // paragraphs) + b"</w:t></w:r></w:p>") * paragraphs
    xml = (
        b'<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        b"<w:body>" + body + b"</w:body></w:document>"
    )
    return repacked(word(), word_document_xml=xml)


def archive(**files: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, text in files.items():
            packed.writestr(name, text)
    return out.getvalue()
