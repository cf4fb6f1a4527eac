"""Answers that must fit a schema: how the model is told, how its text is read, how a fault is shown to it."""

from __future__ import annotations

import json
import re
from typing import Any

from engine.values import is_list, is_object

_FENCE = re.compile(r"```[a-zA-Z]*[^\S\n]*\n(.*?)```", re.DOTALL)
"""One line end and no more before the value: an answer of nothing but line ends would be searched for hours."""


def instruction(schema: dict[str, Any]) -> str:
    return (
        "Answer with one JSON value that fits this JSON Schema, and with nothing else "
        f"(no explanation, no code fence):\n{_compact(schema)}"
    )


def repair(schema: dict[str, Any], faults: list[str]) -> str:
    listed = "\n".join(f"- {fault}" for fault in faults)
    return f"That answer does not fit:\n{listed}\n{instruction(schema)}"


def read(text: str, schema: dict[str, Any]) -> tuple[Any, list[str]]:
    """(value, faults): the value in `text`, and where it does not fit. A code fence around it is forgiven."""
    from engine.schema import errors

    try:
        value = _parse(text)
    except ValueError as fault:
        return None, [f"It is no JSON: {fault}"]
    return value, [f"{e['field'] or 'the value'}: {e['message']}" for e in errors(schema, value)][:10]


def strict(schema: Any) -> bool:
    """Whether every object in it is closed and all its properties are required: what strict mode demands."""
    if is_list(schema):
        return all(strict(part) for part in schema)
    if not is_object(schema):
        return True
    if "properties" in schema or schema.get("type") == "object":
        names = set(schema.get("properties") or {})
        if schema.get("additionalProperties") is not False or set(schema.get("required") or []) != names:
            return False
    return all(strict(part) for part in schema.values())


def _parse(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        fenced = _FENCE.search(text)
        if not fenced:
            raise ValueError("it does not parse") from None
        return json.loads(fenced[1], parse_constant=_refuse)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
