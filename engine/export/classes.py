"""JSON Schemas as pydantic classes: what a model has to answer, what a person fills in."""

from __future__ import annotations

import keyword
import re
from typing import Any

from engine.export.names import OF_A_MODEL, TAKEN, Names, class_name
from engine.export.python import quoted
from engine.export.tree import Unwritable
from engine.values import is_list, is_object

PLAIN = {"string": "str", "integer": "int", "boolean": "bool", "number": "float", "null": "None"}
BOUNDS = {
    "minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt", "multipleOf": "multiple_of",
    "minLength": "min_length", "maxLength": "max_length", "minItems": "min_length", "maxItems": "max_length",
    "pattern": "pattern",
}  # fmt: skip
SILENT = frozenset(["title", "description", "default", "examples", "format", "$schema", "$comment", "deprecated"])
"""Words that refuse no value (`format` is not checked by Nexod either)."""
SHADOWS = OF_A_MODEL | {"str", "int", "float", "bool", "list"}
OF_AN_OBJECT = frozenset(["type", "properties", "required", "additionalProperties"])


class Classes:
    """Collects the classes of a file. `uses` are the names to import for them."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.written: list[str] = []
        self.uses: set[str] = set()

    def type_of(self, schema: dict[str, Any], name: str) -> str:
        """The annotation of a schema; objects become classes called `name` and so on. Raises Unwritable."""
        self._refuse(schema)
        if "const" in schema:
            return self._one_of([schema["const"]])
        if "enum" in schema:
            return self._one_of(schema["enum"])
        kind = schema.get("type")
        if is_list(kind):
            return " | ".join(self._of_kind(str(one), schema, name) for one in kind)
        if kind is None:
            kind = "object" if "properties" in schema else None
        self.uses |= set() if kind else {"Any"}
        return self._of_kind(kind, schema, name) if kind else "Any"

    def _of_kind(self, kind: str, schema: dict[str, Any], name: str) -> str:
        if kind == "object":
            return self._class(schema, name) if schema.get("properties") else self._mapping(schema, name)
        if kind == "array":
            return self._list(schema, name)
        if kind not in PLAIN:
            raise Unwritable(f"the type {kind!r} is unknown")
        return self._bounded(PLAIN[kind], schema)

    def _list(self, schema: dict[str, Any], name: str) -> str:
        items = schema.get("items")
        inner = (
            self.type_of(items, name.removesuffix("s") if name.endswith("s") else f"{name}Item")
            if is_object(items)
            else "Any"
        )
        self.uses |= {"Any"} if inner == "Any" else set()
        return self._bounded(f"list[{inner}]", schema)

    def _mapping(self, schema: dict[str, Any], name: str) -> str:
        more = schema.get("additionalProperties")
        inner = self.type_of(more, f"{name}Value") if is_object(more) else "Any"
        self.uses |= {"Any"} if inner == "Any" else set()
        return f"dict[str, {inner}]"

    def _bounded(self, kind: str, schema: dict[str, Any]) -> str:
        given = {BOUNDS[word]: value for word, value in schema.items() if word in BOUNDS and _belongs(word, kind)}
        if not given:
            return kind
        self.uses |= {"Annotated", "Field"}
        said = ", ".join(f"{name}={_code(value)}" for name, value in given.items())
        return f"Annotated[{kind}, Field({said})]"

    def _one_of(self, values: list[Any]) -> str:
        if not all(isinstance(value, str | int | bool | None) for value in values):
            raise Unwritable("an enum of anything but text, whole numbers, true, false and null cannot be written")
        said = [_code(value) for value in values if value is not None]
        kinds = [f"Literal[{', '.join(said)}]"] if said else []
        self.uses |= {"Literal"} if said else set()
        return " | ".join([*kinds, *(["None"] if None in values else [])])

    def _class(self, schema: dict[str, Any], name: str) -> str:
        name = self.names.free(f"{name}Data" if name in TAKEN else name)
        required: Any = schema.get("required") or []
        lines = [f"class {name}(BaseModel):"]
        if schema.get("description"):
            lines += [f"    {docstring(str(schema['description']))}", ""]
        if schema.get("additionalProperties") is False:
            self.uses.add("ConfigDict")
            lines += ['    model_config = ConfigDict(extra="forbid")', ""]
        for field, inner in schema["properties"].items():
            lines.append("    " + self._field(field, inner, field in required, name))
        unknown = [field for field in required if field not in schema["properties"]]
        if unknown:
            raise Unwritable(f"{unknown[0]!r} is required and not described")
        self.uses.add("BaseModel")
        self.written.append("\n".join(lines))
        return name

    def _field(self, field: str, schema: Any, required: bool, owner: str) -> str:
        schema = schema if is_object(schema) else {}
        kind = self.type_of(schema, f"{owner}{class_name(field)}")
        alias = _awkward(field)
        name = re.sub(r"[^A-Za-z0-9_]", "_", field).strip("_") or "field"
        name = f"{name}_" if alias and _awkward(name) else name
        options = [f"alias={quoted(field)}"] if alias else []
        if schema.get("description"):
            options.append(f"description={quoted(str(schema['description']))}")
        default = "" if required else "None"
        if default and kind != "Any" and "None" not in kind.split(" | "):
            kind = f"{kind} | None"
        if not options:
            return f"{name}: {kind}{f' = {default}' if default else ''}"
        self.uses.add("Field")
        return f"{name}: {kind} = Field({', '.join([default, *options] if default else options)})"

    def _refuse(self, schema: dict[str, Any]) -> None:
        known = SILENT | OF_AN_OBJECT | BOUNDS.keys() | {"enum", "const", "items"}
        for word in schema:
            if word not in known:
                raise Unwritable(f"{word!r} in a schema cannot be written as a class", "Use a simpler schema.")


def _belongs(word: str, kind: str) -> bool:
    if word in ("minLength", "maxLength", "pattern"):
        return kind == "str"
    if word in ("minItems", "maxItems"):
        return kind.startswith("list")
    return kind in ("int", "float")


def _awkward(name: str) -> bool:
    """Whether it cannot be the name of a field."""
    plain = name.isascii() and name.isidentifier() and not name.startswith(("_", "model_"))
    return not plain or name in SHADOWS or keyword.iskeyword(name)


def _code(value: Any) -> str:
    return quoted(value) if isinstance(value, str) else repr(value)


def docstring(text: str) -> str:
    """A docstring of any text."""
    text = text.strip().replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'"""{text}{" " if text.endswith(chr(34)) else ""}"""'
