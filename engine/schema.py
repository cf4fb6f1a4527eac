"""JSON Schemas that people give us: linear-time regular expressions, references within the schema only, no network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import jsonschema_rs

from engine.values import is_list, is_object

MAX_STEPS = 5000
MANY = 5000
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
DEFINITIONS = ("$defs", "definitions")
DATA = frozenset({"const", "enum", "default", "examples", "example"})
NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"})


def check(schema: Any) -> list[str]:
    """What is wrong with a schema, in short sentences."""
    if not is_object(schema):
        return ["a JSON Schema is an object."]
    try:
        outside = next((r for r in _references(schema) if not (isinstance(r, str) and r.startswith("#"))), None)
        if outside is not None:
            return [f"{str(outside)[:80]!r} is outside the schema; only references that begin with # are followed."]
        if _unfolds(schema):
            return ["its references unfold to too many steps; use fewer of them in anyOf and the like."]
        _validator(json.dumps(schema))
    except RecursionError:
        return ["its references follow each other too far."]
    except ValueError as e:
        return [_first_line(e)]
    return []


def errors(schema: dict[str, Any], value: Any) -> list[dict[str, str]]:
    """Where `value` does not fit: `[{"field": "a.0.b", "message": …}]`. Of a very large one only the first place."""
    validator = _validator(json.dumps(schema))
    if validator.is_valid(value):
        return []
    # To list them costs 30 µs each, and nobody reads ten thousand.
    few = json.dumps(value).count(",") < MANY
    found: list[Any] = list(validator.iter_errors(value)) if few else [_first(validator, value)]
    return [{"field": ".".join(map(str, e.instance_path)), "message": _first_line(e)} for e in found]


def _first(validator: Any, value: Any) -> Any:
    try:
        validator.validate(value)
    except jsonschema_rs.ValidationError as fault:
        return fault
    raise AssertionError("it was not valid a moment ago")


@lru_cache(maxsize=512)
def _validator(schema: str) -> Any:
    return jsonschema_rs.validator_for(
        json.loads(schema), pattern_options=jsonschema_rs.RegexOptions(), validate_formats=True, offline=True
    )


def _first_line(error: Exception) -> str:
    said = getattr(error, "message", None) or str(error)
    line = said.splitlines()[0]
    return line if len(line) <= 300 else line[:299] + "…"


def _subschemas(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schemas right inside a schema."""
    for key, value in schema.items():
        if key in DATA:
            continue
        if key in NAMED and is_object(value):
            yield from (v for v in value.values() if is_object(v))
        elif is_object(value):
            yield value
        elif is_list(value):
            yield from (v for v in value if is_object(v))


def _references(schema: dict[str, Any]) -> Iterator[Any]:
    yield from (schema[key] for key in REFERENCES if key in schema)
    for inner in _subschemas(schema):
        yield from _references(inner)


def _unfolds(schema: dict[str, Any]) -> bool:
    """Whether the schema, its references followed, has over MAX_STEPS parts: checking it could take for ever.
    A reference back into a schema that is being followed counts as one."""
    known: dict[int, int] = {}
    open_: set[int] = set()

    def weigh(part: dict[str, Any]) -> int:
        if id(part) in known:
            return known[id(part)]
        if id(part) in open_:
            return 1
        open_.add(id(part))
        shown = {key: value for key, value in part.items() if key not in DEFINITIONS}
        targets = (_target(schema, part.get(key)) for key in REFERENCES)
        total = 1 + sum(map(weigh, _subschemas(shown))) + sum(weigh(t) for t in targets if t is not None)
        open_.discard(id(part))
        known[id(part)] = min(total, MAX_STEPS + 1)
        return known[id(part)]

    return weigh(schema) > MAX_STEPS


def _target(schema: Any, reference: Any) -> dict[str, Any] | None:
    """What a `#/a/b` reference names, if it is a plain pointer."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    for step in reference[1:].lstrip("/").split("/") if len(reference) > 1 else ():
        key = step.replace("~1", "/").replace("~0", "~")
        if is_list(schema) and key.isdecimal() and int(key) < len(schema):
            schema = schema[int(key)]
        elif is_object(schema) and key in schema:
            schema = schema[key]
        else:
            return None
    return schema if is_object(schema) else None
