"""The words of a text as search sees them: one rule for the hashing embedder, keyword queries and highlights."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Thai, Lao, Burmese, Khmer, Kana and Han: scripts that put no space between words."""
_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"
    "\u0900-\u0963\u0966-\u0dff"
)
"""Accents and vowel signs that stand beside their letter, and what else the scripts of India are made of."""
WORD = re.compile(rf"[{_UNSPACED}]+|[^\W_{_UNSPACED}]+(?:[{_MARKS}]+[^\W_{_UNSPACED}]*)*")
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}]")
_COMMON = """
a about above after again all also am an and any are as at be because been before being below between both but by can
could did do does doing down during each etc few for from further had has have having he her here him his how i if in
into is it its itself just me more most must my no nor not now of off on once only or other our out over own please
same shall she should so some such than that the their them then there these they this those through to too under
until up upon very was we were what when where which while who whom whose why will with within without would you your
der die das und ist nicht ein eine einer einem einen zu den dem des mit von auf für im sich auch es an wie was wer wo
le la les un une des du de et est que qui dans pour pas sur au aux ce cette il elle
el los las una y es en del por con para como se al lo su
"""


def spans(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, word) of each word, folded. A run of a script without spaces gives its overlapping pairs."""
    for match in WORD.finditer(text):
        start, run = match.start(), match[0]
        if len(run) > 1 and unspaced(run):
            yield from ((start + at, start + at + 2, run[at : at + 2]) for at in range(len(run) - 1))
        else:
            yield start, match.end(), fold(run)


def words(text: str) -> list[str]:
    return [word for _, _, word in spans(text)]


def unspaced(word: str) -> bool:
    return bool(_IS_UNSPACED.match(word))


@lru_cache(65536)
def fold(word: str) -> str:
    """Without case, width and accents."""
    if word.isascii():
        return word.lower()
    return bare(unicodedata.normalize("NFKC", word.casefold())) or word


def bare(word: str) -> str:
    """Without accents."""
    return "".join(ch for ch in unicodedata.normalize("NFD", word) if not unicodedata.combining(ch))


COMMON = frozenset(map(fold, _COMMON.split()))


@lru_cache(65536)
def stem(word: str) -> str:
    """A folded word without its commonest English endings: the same for `parse`, `parses`, `parsed`, `parsing`."""
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    if word.endswith("ies"):
        word = word[:-3] + "y"
    elif word.endswith(("sses", "xes", "ches", "shes", "zes")):
        word = word[:-2]
    elif word[-1] == "s" and word[-2] not in "sui":
        word = word[:-1]
    for ending in ("ing", "ed", "ly"):
        rest = word.removesuffix(ending)
        if rest != word and len(rest) > 2 and any(vowel in rest for vowel in "aeiouy"):
            word = rest[:-1] if rest[-1] == rest[-2] and rest[-1] not in "lsz" else rest
            break
    return word[:-1] if len(word) > 3 and word[-1] == "e" else word
