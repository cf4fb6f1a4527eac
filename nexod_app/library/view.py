"""From a kind's class to the words of its page. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

ORDER = ("AI", "Logic", "People", "Data", "Integration", "Canvas")
PLAIN = {
    "string": "text", "integer": "whole number", "number": "number", "boolean": "yes or no", "object": "object",
    "array": "list", "null": "nothing",
}  # fmt: skip


@dataclass(frozen=True)
class Field:
    """One field of a kind's config."""

    name: str
    type: str
    required: bool
    default: str
    text: str


def grouped(kinds: Iterable[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """The kinds by group, in the palette's order; groups of plugins follow."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for kind in kinds:
        found.setdefault(kind["group"], []).append(kind)
    rank = {name: at for at, name in enumerate(ORDER)}
    return sorted(found.items(), key=lambda item: (rank.get(item[0], len(rank)), item[0]))


def first_line(help_text: str) -> str:
    """What a kind is for, in one sentence."""
    return " ".join(help_text.replace("*", "").replace("`", "").split("\n\n")[0].split())


def fields(schema: Mapping[str, Any]) -> list[Field]:
    required = schema.get("required", [])
    return [
        Field(
            name, type_words(one, schema), name in required, _default(one, name in required), one.get("description", "")
        )
        for name, one in schema.get("properties", {}).items()
    ]


def _default(schema: Mapping[str, Any], required: bool) -> str:
    if required or schema.get("default") in (None, "", [], {}):
        return ""
    return json.dumps(schema["default"], ensure_ascii=False).strip('"')


def type_words(schema: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    """A JSON Schema's type as people say it."""
    if "$ref" in schema:
        target = root.get("$defs", {}).get(schema["$ref"].rsplit("/", 1)[-1], {})
        return type_words(target, root)
    if "enum" in schema or "const" in schema:
        return " or ".join(str(one) for one in schema.get("enum", [schema.get("const")]))
    if options := schema.get("anyOf") or schema.get("oneOf"):
        words = dict.fromkeys(type_words(one, root) for one in options if one.get("type") != "null")
        return " or ".join(words)
    if schema.get("type") == "array":
        items = schema.get("items", {})
        return f"list of {type_words(items, root)}" if items else "list"
    return PLAIN.get(schema.get("type", ""), "any value")


def sample(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def words(kind: Mapping[str, Any]) -> str:
    """What the search looks through."""
    return f"{kind['title']} {kind['kind']} {kind['group']} {first_line(kind['help'])}".lower()
