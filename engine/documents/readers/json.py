"""JSON, and JSON lines: every value with the path that leads to it. Numbers stay as they are written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeGuard

from engine.documents import Extracted
from engine.documents.clean import prose
from engine.documents.limits import Limits, broken, empty, too_large
from engine.documents.outline import Outline
from engine.values import is_list


class Pairs(list[tuple[str, Any]]):
    """An object; a name that comes twice keeps both values."""


def parse(text: str, limits: Limits) -> Any:
    """Raises ValueError for what is no JSON."""
    try:
        return _loads(text)
    except RecursionError:
        raise too_large(f"The JSON is nested deeper than {limits.depth} levels.", "Flatten it.") from None
    except ValueError:
        rows = [one for one in text.split("\n") if one.strip()]
        if len(rows) < 2:
            raise
        try:
            first = _loads(rows[0])
        except ValueError:
            first = None
        if not isinstance(first, list):
            raise
        return _lines(rows)


def _lines(rows: list[str]) -> list[Any]:
    found: list[Any] = []
    for at, row in enumerate(rows, 1):
        try:
            found.append(_loads(row))
        except ValueError as fault:
            raise ValueError(f"line {at} is no JSON: {fault}") from None
    return found


def _loads(text: str) -> Any:
    return json.loads(text, object_pairs_hook=Pairs, parse_int=str, parse_float=str, parse_constant=str)


def read(text: str, limits: Limits) -> Extracted:
    try:
        value = parse(text, limits)
    except ValueError as fault:
        raise broken(
            f"The file is called JSON and is none: {str(fault)[:200]}.", "Correct it, or name it .txt."
        ) from None
    return outline(value, limits)


def outline(value: Any, limits: Limits) -> Extracted:
    """The lists of an object are its sections; the items of a list are paragraphs."""
    out = Outline(limits)
    top: Pairs = value if isinstance(value, Pairs) else Pairs([("", value)])
    own = Pairs([(key, one) for key, one in top if not _is_list(one)])
    out.add("\n".join(_flat(own, "", limits)))
    for key, one in top:
        if _is_list(one):
            out.heading(1, key)
            _items(out, one, key, limits)
    sections = out.done()
    if not sections:
        raise empty("The JSON holds no values.")
    return Extracted("json", "", sections)


def _items(out: Outline, value: list[Any], path: str, limits: Limits) -> None:
    """Objects stand alone, and so do lists; plain values are lines."""
    lines: list[str] = []
    for at, item in enumerate(value):
        if is_list(item):
            out.add("\n".join(lines))
            lines.clear()
            out.add("\n".join(_flat(item, "" if isinstance(item, Pairs) else f"{path}[{at}]", limits)))
        else:
            lines.extend(_flat(item, "", limits))
    out.add("\n".join(lines))


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list) and not isinstance(value, Pairs)


def _flat(value: Any, path: str, limits: Limits, depth: int = 1) -> Iterator[str]:
    if depth > limits.depth:
        raise too_large(f"The JSON is nested deeper than {limits.depth} levels.", "Flatten it.")
    if isinstance(value, Pairs):
        for key, one in value:
            yield from _flat(one, f"{path}.{key}" if path else key, limits, depth + 1)
    elif is_list(value):
        for at, one in enumerate(value):
            yield from _flat(one, f"{path}[{at}]", limits, depth + 1)
    else:
        text = prose(
            {True: "true", False: "false", None: "null"}.get(value, str(value)) if not isinstance(value, str) else value
        )
        if text:
            yield f"{prose(path)}: {text}" if path else text
