"""Bytes to text: marks, then UTF-8, then what the sender said, then the best guess."""

from __future__ import annotations

import codecs
import re

from engine.documents.limits import wrong_type

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
LIKELY = [
    "cp1252", "cp1250", "cp1251", "koi8_r", "cp1253", "cp1254", "cp1255", "cp1256", "iso8859_2", "iso8859_5",
    "iso8859_7", "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr",
]  # fmt: skip
"""Where several fit equally well, the first is taken."""
CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{2,40})", re.I)
CONTROLS = bytes({*range(32), 127} - {9, 10, 11, 12, 13, 27})
SAMPLE = 200_000


def decode(data: bytes, content_type: str = "") -> tuple[str, list[str]]:
    """The text and what is to be told about it. Raises `document_type` for what is no text."""
    for mark, name in MARKS:
        if data.startswith(mark):
            return _lenient(data[len(mark) :], name)
    if name := _unmarked(data):
        return _lenient(data, name)
    if len(data) - len(data.translate(None, CONTROLS)) > len(data) // 50:
        raise wrong_type("a binary file")
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError:
        return _other(data, content_type)


def is_plain(data: bytes) -> bool:
    """Nothing in it that no text holds."""
    return len(data.translate(None, CONTROLS)) == len(data)


def _other(data: bytes, content_type: str) -> tuple[str, list[str]]:
    for name in _told(data, content_type):
        try:
            return data.decode(name), []
        except (UnicodeDecodeError, LookupError, ValueError):
            continue
    text = data.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    if wrong * 20 < sum(1 for c in data[:SAMPLE] if c >= 0xC2):
        return text, [f"{wrong} places are no UTF-8 and were replaced."]
    return _guess(data)


def _told(data: bytes, content_type: str) -> list[str]:
    head = data[:2048].decode("ascii", "replace")
    found: list[str] = [*CHARSET.findall(content_type), *(CHARSET.findall(head) if "<" in head else [])]
    # Browsers read these names as Windows-1252, and so do the people who write them.
    same = {"iso-8859-1": "cp1252", "latin-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252", "ascii": "cp1252"}
    return [same.get(name.lower(), name) for name in found if name.lower() not in ("utf-8", "utf8")]


def _guess(data: bytes) -> tuple[str, list[str]]:
    from charset_normalizer import from_bytes

    found = list(from_bytes(data[:SAMPLE], cp_isolation=LIKELY, enable_fallback=False))
    fitting = [one.encoding for one in found if (one.chaos, -one.coherence) <= (found[0].chaos, -found[0].coherence)]
    name = min(fitting, key=LIKELY.index) if fitting else "cp1252"
    text, warnings = _lenient(data, name)
    return text, [f"The encoding was guessed: {name.replace('_', '-')}.", *warnings]


def _unmarked(data: bytes) -> str | None:
    """UTF-16 without its mark: text of this world has a zero at every other place, here and there at least."""
    head = data[:4096]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) * 4 < len(head) // 2 or min(even, odd) * 10 > max(even, odd):
        return None
    name = "utf-16-le" if odd > even else "utf-16-be"
    text = head[: len(head) // 2 * 2].decode(name, "replace")
    return name if text.count("\ufffd") < 3 and _printable(text) else None


def _printable(text: str) -> bool:
    return sum(c.isprintable() or c.isspace() for c in text) > 0.97 * len(text)


def _lenient(data: bytes, name: str) -> tuple[str, list[str]]:
    text = data.decode(name, "replace")
    wrong = text.count("\ufffd") - (data.count("\ufffd".encode(name)) if name.startswith("utf") else 0)
    return text, [f"{wrong} places could not be read as {name} and were replaced."] if wrong > 0 else []
