"""The keyless default: a text as the words and letter groups it holds, hashed into 512 numbers.

Lexical only: it finds what is spelled alike and knows no meanings. A vector depends on nothing but the text, so it is
the same in every process, on every machine; changing a number below needs another name than `hashing`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from engine.embeddings.words import COMMON, stem, unspaced, words

if TYPE_CHECKING:
    from engine.embeddings import Array

DIMENSION = 512
GRAMS = (3,)
WHOLE, PARTS = 1.0, 2.0
"""What a word's stem and all of its letter groups together weigh."""
COMMON_WEIGHT = 0.1
_MIX = 0x9E3779B1  # spreads what CRC leaves close together over all bits


class Hashing:
    name = "hashing"
    kept_as = ""
    dimension = DIMENSION

    def measure(self) -> int:
        return DIMENSION

    def embed(self, texts: Sequence[str]) -> Array:
        rows = np.zeros((len(texts), DIMENSION), np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[:] = _vector(text)
        return rows


def _vector(text: str) -> Any:
    counts = Counter(words(text)) or Counter({"": 1})
    at: list[Any] = []
    values: list[Any] = []
    for word, count in counts.items():
        where, what = _features(word)
        at.append(where)
        values.append(what * (1 + math.log(count)))
    vector = np.bincount(np.concatenate(at), np.concatenate(values), DIMENSION)
    length = math.sqrt(float(vector @ vector))
    if not length:  # features that cancel each other out
        vector[0] = length = 1.0
    return vector / length


@lru_cache(32768)
def _features(word: str) -> tuple[Any, Any]:
    """Where a word goes, and with which weights."""
    weight = COMMON_WEIGHT if word in COMMON else 1.0
    hashes, values = [_hash("=" + stem(word))], [WHOLE * weight]
    grams = [] if unspaced(word) else _grams(f"<{word[:64]}>")
    hashes += [_hash(gram) for gram in grams]
    values += [PARTS * weight / math.sqrt(len(grams) or 1)] * len(grams)
    signed = [value if number & 1 << 22 else -value for number, value in zip(hashes, values, strict=True)]
    return np.array([number >> 23 for number in hashes]), np.array(signed)


def _grams(word: str) -> list[str]:
    return [word[at : at + size] for size in GRAMS for at in range(len(word) - size + 1)]


def _hash(text: str) -> int:
    return crc32(text.encode("utf-8", "surrogatepass")) * _MIX & 0xFFFFFFFF
