"""The reference of all kinds of step as Markdown: `nexod nodes`, and docs/nodes.md."""

from __future__ import annotations

import json
from typing import Any

from engine.services.catalog import node_types

GROUPS = ("AI", "Logic", "People", "Data", "Integration", "Canvas")


def nodes() -> str:
    kinds = sorted(node_types(), key=lambda kind: (GROUPS.index(kind["group"]), kind["kind"]))
    parts = ["# Steps", "<!-- Made by `make docs` from the code. -->", _table(kinds), *map(_page, kinds)]
    return "\n\n".join(parts)


def _table(kinds: list[dict[str, Any]]) -> str:
    rows = [f"| [`{kind['kind']}`](#{kind['kind']}) | {kind['title']} | {kind['group']} |" for kind in kinds]
    return "\n".join(["| Kind | Title | Group |", "|---|---|---|", *rows])


def _page(kind: dict[str, Any]) -> str:
    parts = [f"## {kind['kind']}", f"**{kind['title']}** · {kind['group']} · {_ports(kind)}", kind["help"]]
    fields = kind["config"].get("properties", {})
    if fields:
        required = kind["config"].get("required", [])
        rows = [_row(name, field, name in required, kind["config"]) for name, field in fields.items()]
        parts.append("\n".join(["| Field | Type | Default | |", "|---|---|---|---|", *rows]))
    parts.append(f"```json\n{json.dumps(kind['sample'], indent=2, ensure_ascii=False)}\n```")
    return "\n\n".join(parts)


def _ports(kind: dict[str, Any]) -> str:
    return "ports " + ", ".join(f"`{port}`" for port in kind["ports"]) if kind["ports"] else "no ports"


def _row(name: str, field: dict[str, Any], required: bool, schema: dict[str, Any]) -> str:
    default = f"`{json.dumps(field['default'], ensure_ascii=False)}`" if field.get("default") is not None else ""
    about = field.get("description") or field.get("title") or ""
    return f"| `{name}`{' *' if required else ''} | {_type(field, schema)} | {default} | {_cell(about)} |"


def _type(field: dict[str, Any], schema: dict[str, Any]) -> str:
    if "$ref" in field:
        return _type(schema.get("$defs", {}).get(field["$ref"].rsplit("/", 1)[-1], {}), schema)
    if "enum" in field or "const" in field:
        return " \\| ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    if "anyOf" in field:
        kinds = (_type(option, schema) for option in field["anyOf"])
        return " \\| ".join(dict.fromkeys(kind for kind in kinds if kind != "null"))
    if field.get("type") == "array":
        return f"list of {_type(field.get('items') or {}, schema)}"
    return str(field.get("type", "any"))


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
