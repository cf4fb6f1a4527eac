"""A valid value for a JSON Schema, in the words of a topic. Walks the schema; the same input gives the same value."""

from __future__ import annotations

import math
from typing import Any

from engine.values import is_list, is_object

FORMATS = {
    "date-time": "2026-01-15T09:00:00Z", "date": "2026-01-15", "time": "09:00:00Z", "duration": "P1D",
    "email": "person@example.com", "idn-email": "person@example.com", "hostname": "example.com",
    "uri": "https://example.com/", "iri": "https://example.com/", "uri-reference": "/page", "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1", "uuid": "00000000-0000-4000-8000-000000000000", "json-pointer": "/a", "regex": ".*",
}  # fmt: skip
_DEEP = 24


def fit(schema: Any, topic: str) -> Any:
    """A value that fits `schema`, as far as that can be had without a solver."""
    return _Walk(schema, topic).value(schema, "", 0)


class _Walk:
    def __init__(self, root: Any, topic: str) -> None:
        self._root, self._topic = root, topic

    def value(self, schema: Any, name: str, depth: int) -> Any:
        if not is_object(schema) or depth > _DEEP:
            return self._topic if schema is True else None
        schema = self._merged(schema, depth)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self._pick(schema["enum"])
        if schema.get("examples") and depth:
            return schema["examples"][0]
        if depth and schema.get("default") is not None:
            return schema["default"]
        return self._typed(schema, name, depth)

    def _typed(self, schema: dict[str, Any], name: str, depth: int) -> Any:
        match _type(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "string":
                return self._string(schema, name)
            case "integer":
                return math.floor(_number(schema, name, whole=True))
            case "number":
                return _number(schema, name, whole=False)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return self._topic

    def _merged(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        """`$ref`, `allOf` and the first branch of `anyOf`/`oneOf` folded into one flat schema."""
        merged = {k: v for k, v in schema.items() if k not in ("$ref", "allOf", "anyOf", "oneOf")}
        parts: list[Any] = [self._target(schema["$ref"])] if "$ref" in schema else []
        parts += schema.get("allOf") or []
        for word in ("anyOf", "oneOf"):
            given: list[Any] = schema.get(word) or []
            branches = [b for b in given if b is not False]
            if branches:
                parts.append(next((b for b in branches if is_object(b) and b.get("type") != "null"), branches[0]))
        for part in parts:
            if is_object(part) and depth <= _DEEP:
                merged = _join(merged, self._merged(part, depth + 1))
        return merged

    def _target(self, ref: str) -> Any:
        at: Any = self._root
        for step in ref.removeprefix("#").strip("/").split("/") if ref not in ("#", "#/") else []:
            step = step.replace("~1", "/").replace("~0", "~")
            at = at[int(step)] if is_list(at) else at.get(step) if is_object(at) else None
        return at

    def _pick(self, choices: list[Any]) -> Any:
        """The choice that the topic names, else the first."""
        words = self._topic.lower().split()
        return next((c for c in choices if isinstance(c, str) and c.lower() in words), choices[0])

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties: dict[str, Any] = schema.get("properties") or {}
        required = list(schema.get("required") or [])
        wanted = [*required, *(n for n in properties if n not in required and depth < 6 and properties[n] is not False)]
        extra = schema.get("additionalProperties", True)
        return {n: self.value(properties.get(n, extra), n, depth + 1) for n in wanted}

    def _array(self, schema: dict[str, Any], name: str, depth: int) -> list[Any]:
        first = list(schema.get("prefixItems") or [])
        least, most = schema.get("minItems", 0), schema.get("maxItems", 100)
        size = min(max(least, len(first) or min(3, most)), most, 100)
        items = first + [schema.get("items", {})] * max(0, size - len(first))
        values = [self.value(item, name, depth + 1) for item in items[:size]]
        return _distinct(values, schema, least)

    def _string(self, schema: dict[str, Any], name: str) -> str:
        if schema.get("format") in FORMATS:
            return FORMATS[schema["format"]]
        if "pattern" in schema:
            from engine.llm.demo_pattern import example

            if (made := example(schema["pattern"], schema.get("minLength", 0))) is not None:
                return made
        text = _named(name, self._topic)
        least, most = schema.get("minLength", 0), schema.get("maxLength", 10_000)
        while len(text) < least:
            text = f"{text} {self._topic}" if self._topic else text + "x"
        return text[:most]


def _type(schema: dict[str, Any]) -> str:
    kind: Any = schema.get("type")
    if is_list(kind):
        kind = next((k for k in kind if k != "null"), "null")
    if kind:
        return str(kind)
    if "properties" in schema or "required" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema or "minItems" in schema:
        return "array"
    if any(word in schema for word in ("minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum")):
        return "number"
    return "string"


def _number(schema: dict[str, Any], name: str, *, whole: bool) -> Any:
    """Nine tenths of the way up its range, so that a score is a good one; without a range, 0.9 or 3."""
    step = schema.get("multipleOf") or (1 if whole else None)
    nudge = step or 1e-6
    low, high = schema.get("minimum"), schema.get("maximum")
    if isinstance(under := schema.get("exclusiveMinimum"), (int, float)) and not isinstance(under, bool):
        low = max(under + nudge, low if low is not None else -math.inf)
    if isinstance(over := schema.get("exclusiveMaximum"), (int, float)) and not isinstance(over, bool):
        high = min(over - nudge, high if high is not None else math.inf)
    if low is not None and high is not None:
        wish = low + (high - low) * 0.9
    else:
        wish = 3.0 if whole or step else 0.9
        wish = max(wish, low) if low is not None else min(wish, high) if high is not None else wish
    if step:
        wish = math.floor(wish / step + 1e-9) * step
        if low is not None and wish < low:
            wish = math.ceil(low / step - 1e-9) * step
    wish = round(wish, 6)
    return (
        int(wish)
        if whole or (isinstance(wish, float) and wish.is_integer() and step and isinstance(step, int))
        else wish
    )


def _distinct(values: list[Any], schema: dict[str, Any], least: int) -> list[Any]:
    """Items told apart: strings get a number, doubles go when `uniqueItems` forbids them."""
    if not schema.get("uniqueItems"):
        return values
    items: Any = schema.get("items")
    choices: list[Any] | None = items.get("enum") if is_object(items) else None
    seen: list[Any] = []
    for index, value in enumerate(values):
        if value in seen:
            if choices:
                value = next((one for one in choices if one not in seen), value)
            elif isinstance(value, str):
                value = f"{value} {index + 1}"
            elif isinstance(value, (int, float)) and not isinstance(value, bool):
                value -= index
        if value not in seen:
            seen.append(value)
    return seen


def _named(name: str, topic: str) -> str:
    """A text that suits the property's name."""
    capital = topic[:1].upper() + topic[1:]
    match name.lower().split("_")[-1]:
        case "title" | "headline" | "subject":
            return f"{capital}: a small start that shows"
        case "summary" | "description" | "abstract":
            return f"{capital} is worth trying on one small and complete case first."
        case "reason" | "reasoning" | "comment" | "feedback" | "explanation" | "rationale":
            return f"Clear and to the point on {topic}; a concrete example would make it stronger."
        case "name":
            return capital
        case _:
            return capital


def _join(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    joined = {**b, **a}
    if "properties" in a and "properties" in b:
        joined["properties"] = {**b["properties"], **a["properties"]}
    if "required" in a and "required" in b:
        joined["required"] = [*a["required"], *(n for n in b["required"] if n not in a["required"])]
    for word, keep in (("minimum", max), ("maximum", min), ("minLength", max), ("maxLength", min)):
        if word in a and word in b:
            joined[word] = keep(a[word], b[word])
    return joined
