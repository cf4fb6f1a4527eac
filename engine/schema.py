"""JSON Schemas that people give us: linear-time regular expressions, references within the schema only, no network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import jsonschema_rs

MAX_STEPS = 5000
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
DATA = frozenset({"const", "enum", "default", "examples", "example"})
NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"})


def check(schema: Any) -> list[str]:
    """What is wrong with a schema, in short sentences."""
    if not isinstance(schema, dict):
        return ["a JSON Schema is an object."]
    for reference in _references(schema):
        if not isinstance(reference, str) or not reference.startswith("#"):
            return [f"{str(reference)[:80]!r} is outside the schema; only references that begin with # are followed."]
    try:
        _validator(json.dumps(schema))
    except ValueError as e:
        return [_first_line(e)]
    return ["it unfolds to too many steps; use fewer references in anyOf and the like."] if _steps(schema) else []


def errors(schema: dict[str, Any], value: Any) -> list[dict[str, str]]:
    """Where `value` does not fit: `[{"field": "a.0.b", "message": …}]`."""
    found = _validator(json.dumps(schema)).iter_errors(value)
    return [{"field": ".".join(map(str, e.instance_path)), "message": _first_line(e)} for e in found]


@lru_cache(maxsize=512)
def _validator(schema: str) -> Any:
    return jsonschema_rs.validator_for(
        json.loads(schema), pattern_options=jsonschema_rs.RegexOptions(), validate_formats=True, offline=True
    )


def _first_line(error: Exception) -> str:
    said = getattr(error, "message", None) or str(error)
    line = said.splitlines()[0]
    return line if len(line) <= 300 else line[:299] + "…"


def _subschemas(schema: Any) -> Iterator[Any]:
    """The schemas right inside a schema."""
    if not isinstance(schema, dict):
        return
    for key, value in schema.items():
        if key in DATA:
            continue
        if key in NAMED and isinstance(value, dict):
            yield from (v for v in value.values() if isinstance(v, dict))
        elif isinstance(value, dict):
            yield value
        elif isinstance(value, list):
            yield from (v for v in value if isinstance(v, dict))


def _references(schema: Any) -> Iterator[Any]:
    if isinstance(schema, dict):
        yield from (schema[key] for key in REFERENCES if key in schema)
    for inner in _subschemas(schema):
        yield from _references(inner)


def _steps(schema: dict[str, Any]) -> bool:
    """Whether the schema, its references unfolded, has over MAX_STEPS parts: checking it could take for ever.
    A reference back into a schema that is being unfolded counts as one."""
    known: dict[int, int] = {}
    open_: set[int] = set()

    def weigh(part: Any) -> int:
        if id(part) in known:
            return known[id(part)]
        if id(part) in open_:
            return 1
        open_.add(id(part))
        inner = [v for k, v in part.items() if k not in ("$defs", "definitions")] if isinstance(part, dict) else []
        shown = {k: part[k] for k in part if k not in ("$defs", "definitions")} if inner else {}
        total = 1 + sum(weigh(p) for p in _subschemas(shown))
        total += sum(weigh(target) for key in REFERENCES if (target := _target(schema, part.get(key))) is not None)
        open_.discard(id(part))
        known[id(part)] = min(total, MAX_STEPS + 1)
        return known[id(part)]

    return weigh(schema) > MAX_STEPS


def _target(schema: Any, reference: Any) -> Any:
    """What a `#/a/b` reference names, if it is a plain pointer."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    for step in reference[1:].lstrip("/").split("/") if len(reference) > 1 else ():
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(schema, list) and key.isdigit() and int(key) < len(schema):
            schema = schema[int(key)]
        elif isinstance(schema, dict) and key in schema:
            schema = schema[key]
        else:
            return None
    return schema if isinstance(schema, dict) else None
