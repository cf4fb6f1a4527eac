"""The functions that expressions may call: CEL's own, and a few that CEL lacks. None reads a clock or the world."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, cast

from engine.expressions.library import STDLIB_FUNCTIONS, cel

MACROS = frozenset(["all", "exists", "exists_one", "existsOne", "filter", "map", "has"])
TYPES = frozenset(
    ["bool", "bytes", "double", "duration", "int", "list", "map", "null_type", "string", "timestamp", "type", "uint"]
)
CORE = frozenset(
    [
        "bytes",
        "contains",
        "double",
        "duration",
        "dyn",
        "endsWith",
        "getDate",
        "getDayOfMonth",
        "getDayOfWeek",
        "getDayOfYear",
        "getFullYear",
        "getHours",
        "getMilliseconds",
        "getMinutes",
        "getMonth",
        "getSeconds",
        "int",
        "matches",
        "size",
        "startsWith",
        "string",
        "timestamp",
        "type",
        "uint",
    ]
)
OPERATORS = frozenset(
    [
        "!_",
        "-_",
        "_!=_",
        "_%_",
        "_&&_",
        "_*_",
        "_+_",
        "_-_",
        "_/_",
        "_<=_",
        "_<_",
        "_==_",
        "_>=_",
        "_>_",
        "_?_:_",
        "_[_]",
        "_||_",
        "@in",
        "@not_strictly_false",
        "__not_strictly_false__",
        "_in_",
    ]
)
BORROWED = [
    "bool",
    "charAt",
    "distinct",
    "flatten",
    "indexOf",
    "join",
    "lastIndexOf",
    "lowerAscii",
    "max",
    "min",
    "replace",
    "reverse",
    "slice",
    "sort",
    "split",
    "substring",
    "sum",
    "trim",
    "upperAscii",
]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("takes a number")
    return value


def _abs(x: Any) -> float:
    return abs(_number(x))


def _ceil(x: Any) -> int:
    return math.ceil(_number(x))


def _floor(x: Any) -> int:
    return math.floor(_number(x))


def _round(x: Any) -> int:
    return math.floor(_number(x) + 0.5)


def _size(x: Any) -> int:
    if not isinstance(x, str | bytes | list | dict):
        raise TypeError("takes a text, a list or a map")
    return len(cast("str", x))


def _string(x: Any) -> str:
    if isinstance(x, bool):
        return str(x).lower()
    if x is None or isinstance(x, list | dict):
        raise TypeError("takes a plain value")
    return _STRING.execute(cel.Context(variables={"x": x}))


_CITED = re.compile(
    r"[\[【［]\s{0,3}\^?(?:(?:sources?|passages?|documents?|docs?|references?|refs?)[.:]?\s{1,3}|#)?"
    r"(\d{1,18}(?:\s{0,3}(?:[-‐-―−,，、;；&]|and)\s{0,3}\d{1,18}){0,99})\^?"
    r"(?:\s{0,3}[,:;†|][^\[\]【】［］]{0,200})?\s{0,3}\\?[\]】］]",
    re.IGNORECASE,
)
"""As told, and as models write it all the same: 【1】, [^1], [Source 1], [1, page 3]. Repetitions have ends, so that no
text takes long."""
_RANGE = re.compile(r"(\d+)\s*[-‐-―−]\s*(\d+)|(\d+)")
LONGEST_RANGE = 100


def _citations(text: Any) -> list[int]:
    """The numbers cited in a text as [1], [1, 2], [1-3], 【1】 or [Source 1], each once, in their order."""
    if not isinstance(text, str):
        raise TypeError("takes a text")
    found: dict[int, None] = {}
    for group in _CITED.findall(text):
        for first, last, only in _RANGE.findall(group):
            low, high = int(first or only), int(last or only)
            found |= dict.fromkeys(range(low, min(high, low + LONGEST_RANGE) + 1) if low <= high else (low, high))
    return list(found)


_STRING = cel.compile("string(x)")
CORRECTED = {"size": "size_", "string": "string_"}
"""The library counts bytes where CEL counts characters, and has no text for true; it lets nobody replace its own."""
FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: STDLIB_FUNCTIONS[name] for name in BORROWED},
    "abs": _abs,
    "ceil": _ceil,
    "citations": _citations,
    "floor": _floor,
    "round": _round,
    "size_": _size,
    "string_": _string,
}
KNOWN = (CORE | OPERATORS | MACROS | frozenset(FUNCTIONS)) - frozenset(CORRECTED.values())
