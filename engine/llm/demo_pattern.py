"""A text that matches a regular expression, best effort; None when it cannot be had."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

c: Any = import_module("re._constants")
parser: Any = import_module("re._parser")

_CLASSES = {c.CATEGORY_DIGIT: "1", c.CATEGORY_WORD: "a", c.CATEGORY_SPACE: " ", c.CATEGORY_NOT_DIGIT: "a",
            c.CATEGORY_NOT_SPACE: "a", c.CATEGORY_NOT_WORD: "-"}  # fmt: skip
_LETTERS = "a1A-_ .xZ09"
_MOST = 200


def example(pattern: str, least: int = 0) -> str | None:
    """The shortest text that comes easily, longer when `least` characters are asked for."""
    from engine.schema import errors  # checks patterns in linear time

    try:
        tree = parser.parse(pattern)
        for times in (0, 1, least):
            text = _write(tree, min(times, _MOST))
            if len(text) >= least and not errors({"pattern": pattern}, text):
                return text
    except (re.error, RecursionError, KeyError, TypeError, ValueError):
        return None
    return None


def _write(tree: Any, times: int) -> str:
    return "".join(_one(op, arg, times) for op, arg in tree)


def _one(op: Any, arg: Any, times: int) -> str:
    if op is c.LITERAL:
        return chr(arg)
    if op is c.NOT_LITERAL:
        return "a" if arg != ord("a") else "b"
    if op is c.ANY:
        return "a"
    if op is c.IN:
        return _of_set(arg)
    if op in (c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT):
        low, high, body = arg
        return _write(body, times) * min(max(low, min(times, int(high))), _MOST)
    if op is c.SUBPATTERN:
        return _write(arg[3], times)
    if op is c.BRANCH:
        return _write(arg[1][0], times)
    return ""


def _of_set(items: Any) -> str:
    if items[0][0] is c.NEGATE:
        return next(ch for ch in _LETTERS if not any(_has(item, ch) for item in items[1:]))
    op, arg = items[0]
    return chr(arg) if op is c.LITERAL else chr(arg[0]) if op is c.RANGE else _CLASSES[arg]


def _has(item: Any, ch: str) -> bool:
    op, arg = item
    if op is c.LITERAL:
        return arg == ord(ch)
    if op is c.RANGE:
        return bool(arg[0] <= ord(ch) <= arg[1])
    return (
        re.match({c.CATEGORY_DIGIT: r"\d", c.CATEGORY_WORD: r"\w", c.CATEGORY_SPACE: r"\s"}.get(arg, r"(?!)"), ch)
        is not None
    )
