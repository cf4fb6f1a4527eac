"""What a file is: its content decides, then its name, then what the sender called it."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import PurePath

from engine.documents.encoding import is_plain
from engine.documents.limits import Limits, broken, empty, encrypted, too_large, wrong_type

NAMES = {
    "pdf": "pdf",
    "docx": "docx",
    "htm": "html",
    "html": "html",
    "xhtml": "html",
    "md": "markdown",
    "mdown": "markdown",
    "markdown": "markdown",
    "csv": "csv",
    "tsv": "csv",
    "tab": "csv",
    "json": "json",
    "jsonl": "json",
    "ndjson": "json",
    "geojson": "json",
    "txt": "text",
    "text": "text",
    "log": "text",
    "rst": "text",
}
TYPES = {
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/markdown": "markdown",
    "text/x-markdown": "markdown",
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/json": "json",
    "application/jsonl": "json",
    "application/x-ndjson": "json",
}
SHOWN = {"pdf": "PDF", "docx": "DOCX", "html": "HTML", "markdown": "Markdown", "csv": "CSV", "json": "JSON"}
OTHERS = (
    (b"\x1f\x8b", "a compressed archive (gzip)"),
    (b"BZh", "a compressed archive (bzip2)"),
    (b"\xfd7zXZ\0", "a compressed archive (xz)"),
    (b"7z\xbc\xaf\x27\x1c", "an archive (7z)"),
    (b"Rar!\x1a\x07", "an archive (rar)"),
    (b"\x28\xb5\x2f\xfd", "a compressed archive (zstd)"),
    (b"MSCF\0\0\0\0", "an archive (cab)"),
    (b"!<arch>\n", "an archive (ar)"),
    (b"\x7fELF", "a program"),
    (b"\xfe\xed\xfa\xce", "a program"),
    (b"\xfe\xed\xfa\xcf", "a program"),
    (b"\xce\xfa\xed\xfe", "a program"),
    (b"\xcf\xfa\xed\xfe", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"\0asm", "a program"),
    (b"\x89PNG\r\n\x1a\n", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF87a", "a picture (GIF)"),
    (b"GIF89a", "a picture (GIF)"),
    (b"II*\0", "a picture (TIFF)"),
    (b"MM\0*", "a picture (TIFF)"),
    (b"\0\0\1\0", "a picture (icon)"),
    (b"8BPS", "a picture (Photoshop)"),
    (b"RIFF", "a picture, sound or film"),
    (b"OggS", "a sound or film"),
    (b"fLaC", "a sound"),
    (b"ID3", "a sound"),
    (b"\x1aE\xdf\xa3", "a film"),
    (b"SQLite format 3\0", "a database"),
    (b"PAR1", "a data file (Parquet)"),
    (b"{\\rtf", "an RTF file"),
    (b"%!PS", "a PostScript file"),
)
PACKED = (
    ("xl/", "an Excel workbook", "Save the sheet as CSV and add that."),
    ("ppt/", "a PowerPoint presentation", "Save it as PDF and add that."),
    ("Contents/", "a package", ""),
    ("mimetype", "an OpenDocument or EPUB file", "Save it as DOCX or PDF and add that."),
)
HTML = re.compile(
    rb"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--(?:(?!-->).){0,4000}-->\s*)*<(?:!doctype html|html|head|body)\b", re.I | re.S
)
PARTS = 10_000


def named(name: str, content_type: str) -> str | None:
    """What name and sender say; nothing of it is believed before the content was looked at."""
    suffix = PurePath(name).suffix[1:].lower()
    return NAMES.get(suffix) or TYPES.get(content_type.split(";")[0].strip().lower())


def binary(data: bytes, said: str | None, limits: Limits) -> str | None:
    """`pdf` or `docx`; nothing when it may be text; an error for what is neither."""
    if not data.strip():
        raise empty("The file is empty.")
    if _is_pdf(data, said):
        return "pdf"
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _packed(data, limits)
    if data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise _compound(data)
    _refuse(data)
    return None


def _is_pdf(data: bytes, said: str | None) -> bool:
    at = data[:1024].find(b"%PDF-")
    return at >= 0 and (said == "pdf" or not data[:at].strip())


def _packed(data: bytes, limits: Limits) -> str:
    try:
        parts = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, OSError):
        raise broken("The file begins as a packed file (ZIP, DOCX) and is damaged or cut off.") from None
    names = {part.filename for part in parts}
    if "word/document.xml" not in names and "[Content_Types].xml" not in names:
        for start, what, hint in PACKED:
            if any(name.startswith(start) for name in names):
                raise wrong_type(what, hint) if hint else wrong_type(what)
        raise wrong_type("an archive (ZIP)", "Unpack it and add the files in it.")
    for start, what, hint in PACKED[:2]:
        if any(name.startswith(start) for name in names):
            raise wrong_type(what, hint)
    if any(part.flag_bits & 1 for part in parts):
        raise encrypted("The document")
    if len(parts) > PARTS or sum(part.file_size for part in parts) > limits.inflated_mb * 1024 * 1024:
        raise too_large(f"Unpacked, the document is larger than {limits.inflated_mb} MB.", "Take out its pictures.")
    return "docx"


def _compound(data: bytes) -> Exception:
    if "EncryptedPackage".encode("utf-16-le") in data:
        return encrypted("The document")
    return wrong_type("an Office file of the kind used before 2007", "Save it as DOCX or PDF and add that.")


def _refuse(data: bytes) -> None:
    for start, what in OTHERS:
        # Where the mark is a word, a text may begin with it too.
        if data.startswith(start) and not (start.isalnum() and is_plain(data[:512])):
            raise wrong_type(what)
    if data[:2] == b"MZ" and b"\0" in data[:256]:
        raise wrong_type("a program")
    if data[4:8] == b"ftyp":
        raise wrong_type("a picture or film")
    if data[257:262] == b"ustar":
        raise wrong_type("an archive (tar)", "Unpack it and add the files in it.")


def textual(data: bytes, said: str | None) -> str:
    """Which kind of text. `data` begins without a byte order mark."""
    if HTML.match(data[:8192]):
        return "html"
    if said in ("html", "markdown", "csv", "json"):
        return said
    return "json?" if said is None and data.lstrip()[:1] in (b"{", b"[") else "text"
