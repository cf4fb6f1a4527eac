"""Text as people would type it: what typesetting and broken encoders leave behind is taken out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

LIGATURES = str.maketrans(
    {
        "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st",
        "\u00ad": None, "\u200b": None, "\u2060": None, "\ufeff": None, "\u00a0": " ", "\u202f": " ", "\u2007": " ",
        "\u2028": "\n", "\u2029": "\n\n", "\x85": "\n", "\x0b": "\n", "\x0c": "\n\n",
    }
)  # fmt: skip
NOISE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
BLANK = re.compile(r"\n{3,}")
INNER = re.compile(r"(?<=\S)[ \t]{2,}(?=\S)")
LEADERS = re.compile(r"(?:\.[ \t]?){5,}")
"""Dots from a title to the number of its page."""
CUT = re.compile(r"[^\W\d_][-\u2010]")
SOFT = re.compile(r"[\x02\ufffe]\n?")
"""How the reader of PDF writes a hyphen at the end of a line, with the break or instead of it."""
EDGE = 2
"""Lines at the top and bottom of a page that may be its header or footer."""
REPEATS = 5
NUMBER = re.compile(r"\d{1,5}")
PAGE_NUMBER = re.compile(
    r"\W*(?:page|seite|p\.|pg\.?|página|pagina|стр\.?)?\s*\d{1,5}\s*(?:(?:of|von|de|di|из|/)\s*\d{1,5})?\W*", re.I
)
SET_APART = re.compile(r"[|·•–—]|\b(?:page|seite|página|pagina)\s*\d|\d\s*(?:of|von|de|/)\s*\d", re.I)
BULLET = re.compile(r"(?:[-–—•*·▪◦‣]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s")
ENDS = ".!?…:;”\"')]»。！？"


def clean(text: str) -> str:
    """Line ends, ligatures, invisible characters, spaces. The indent of a line stays: code needs it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(LIGATURES)
    # No expression for the spaces at the end of a line: on a line of spaces it would take for ever.
    text = "\n".join(one.rstrip() for one in NOISE.sub("", text).split("\n"))
    return BLANK.sub("\n\n", text).strip("\n ").rstrip()


def line(text: str) -> str:
    """One line of it, such as a title."""
    return " ".join(clean(text).split())


def prose(text: str) -> str:
    """`clean`, without columns of spaces."""
    return INNER.sub(" ", clean(text))


def unwrap(text: str) -> str:
    """A page as it was set: words that a line end has cut are whole again, and lines that go on are joined."""
    text = SOFT.sub("\u2010\n", text.replace("\r\n", "\n").replace("\r", "\n"))
    lines = [" ".join(LEADERS.sub(" … ", one).split()) for one in clean(text).split("\n")]
    full = 0.75 * _width(lines)
    out: list[str] = []
    before = ""
    for one in lines:
        if one and CUT.fullmatch(before[-2:]):
            # What goes on in small letters was one word; a name or an abbreviation had its hyphen before.
            out[-1] = (out[-1][:-1] if one[0].islower() else f"{out[-1][:-1]}-") + one
        elif one and _goes_on(before, full) and not BULLET.match(one):
            out[-1] += " " + one
        else:
            out.append(one)
        before = one
    return BLANK.sub("\n\n", "\n".join(out)).strip().replace("\u2010", "-")


def _goes_on(line: str, full: float) -> bool:
    return bool(line) and len(line) >= full and not (line[-1] in ENDS and len(line) < full * 1.15)


def _width(lines: Sequence[str]) -> float:
    """How long a line is that goes from margin to margin."""
    lengths = sorted(len(one) for one in lines if one)
    return max(40, lengths[int(len(lengths) * 0.9)]) if lengths else 40


def without_margins(pages: Sequence[str]) -> list[str]:
    """The pages without the headers and footers that most of them share. A page never loses all it has."""
    split = [[one for one in page.replace("\r", "").split("\n") if one.strip()] for page in pages]
    if len(split) < REPEATS:
        return list(pages)
    shared = _shared(split)
    told: set[str] = set()
    return ["\n".join(_inner(at, lines, shared, told)) for at, lines in enumerate(split)]


def _shared(pages: Sequence[Sequence[str]]) -> set[str]:
    seen: Counter[str] = Counter()
    for at, lines in enumerate(pages):
        seen.update({form for place in _edges(lines) for form in _forms(place, lines[place], at)})
    return {form for form, times in seen.items() if times >= max(REPEATS, 0.4 * len(pages))}


def _edges(lines: Sequence[str]) -> list[int]:
    return sorted({*range(min(EDGE, len(lines))), *range(max(0, len(lines) - EDGE), len(lines))})


def _forms(place: int, text: str, page: int) -> set[str]:
    """How the line reads, and how it reads when a number in it counts the pages."""
    side = "top" if place < EDGE else "bottom"
    text = " ".join(text.split())
    if len(text) > 120:
        return set()
    forms = {f"{side} {text}"} if not text.isdigit() else set[str]()
    if PAGE_NUMBER.fullmatch(text) or SET_APART.search(text):
        for number in NUMBER.finditer(text):
            forms.add(f"{side} {text[: number.start()]}<{int(number[0]) - page}>{text[number.end() :]}")
    return forms


def _inner(page: int, lines: Sequence[str], shared: set[str], told: set[str]) -> list[str]:
    """What reads the same on all pages stays where it stands first: it may be the title."""
    gone: set[int] = set()
    for place in _edges(lines):
        forms = _forms(place, lines[place], page) & shared
        if forms and (forms & told or any("<" in form for form in forms)):
            gone.add(place)
        told |= forms
    return list(lines) if len(gone) == len(lines) else [one for place, one in enumerate(lines) if place not in gone]
