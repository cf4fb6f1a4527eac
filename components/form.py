"""The inspector of every kind, laid out at compile time from the JSON Schema of its config.

A schema says `title`, `description`, `default`, limits, and, in `widget`, how it wants to be filled in; a widget that
is not known here becomes a JSON field, so that a plugin's kind is never without a form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import reflex as rx

from components.canvas import canvas as c

Schema = dict[str, Any]
ONE_OF: dict[str, tuple[tuple[str, str], list[Any]]] = {
    "template": (("text", "json"), ["", {}]),
    "wait": (("seconds", "until"), [1, ""]),
    "ingest": (("text", "url"), ["", ""]),
}
"""Kinds of which exactly one of two fields is filled in, and what a newly chosen one begins with."""


def kind_form(kind: str, schema: Schema, tools: list[dict[str, Any]]) -> rx.Component:
    """All fields of one kind, in the order of its config. `tools` are all that there are, as the catalogue tells."""
    schema = _equipped(schema, sorted(tools, key=lambda tool: (tool["name"] == "mcp", tool["title"])))
    fields = schema.get("properties", {})
    required = set(schema.get("required", []))
    names, empty = ONE_OF.get(kind, ((), []))
    rows = [
        field(("config", name), resolve(part, schema), required=name in required)
        for name, part in fields.items()
        if name not in names
    ]
    if names:
        rows.insert(list(fields).index(names[0]), either(names, empty, fields, schema))
    return rx.fragment(*rows)


def either(names: tuple[str, ...], empty: list[Any], fields: Schema, schema: Schema) -> rx.Component:
    parts = [resolve(fields[name], schema) for name in names]
    return c.Choice.create(
        *[field(("config", name), {**part, "title": ""}) for name, part in zip(names, parts, strict=True)],
        paths=[f"config.{name}" for name in names],
        titles=[part["title"] for part in parts],
        empty=empty,
    )


def field(path: tuple[str, ...], schema: Schema, *, required: bool = False) -> rx.Component:
    """The input for one property."""
    make = WIDGETS.get(widget_of(schema), any_json)
    hint = sentence(schema.get("description", "")) if schema.get("title") or make is any_json else ""
    props: dict[str, Any] = {
        "path": ".".join(path),
        "title": schema.get("title", ""),
        "hint": hint,
        "required": required,
    }
    return make(schema, props)


def widget_of(schema: Schema) -> str:
    """What the schema asks for, else what its type suggests."""
    if widget := schema.get("widget"):
        return str(widget)
    if "enum" in schema:
        return "select"
    if schema.get("type") == "array":
        items = schema.get("items", {})
        return "some" if "enum" in items else "lines" if items.get("type") == "string" else "json"
    if schema.get("type") == "object" and schema.get("additionalProperties") and "properties" not in schema:
        return "pairs"
    by_type = {"boolean": "switch", "integer": "number", "number": "number", "string": "text", "object": "json"}
    return by_type.get(str(schema.get("type")), "json")


def resolve(part: Schema, root: Schema) -> Schema:
    """A property without `$ref` and without the `null` of an optional one; its own words win. So are the properties
    of a list's items."""
    while "$ref" in part:
        target = root.get("$defs", {}).get(part["$ref"].rsplit("/", 1)[-1], {})
        part = {**target, **{key: value for key, value in part.items() if key != "$ref"}}
    branches = [resolve(b, root) for b in part.get("anyOf", []) if b.get("type") != "null"]
    if len(branches) == 1:
        part = {**branches[0], **{key: value for key, value in part.items() if key != "anyOf"}}
    if "items" in part:
        items = resolve(part["items"], root)
        inner = {name: resolve(one, root) for name, one in items.get("properties", {}).items()}
        part = {**part, "items": {**items, "properties": inner}}
    return part


# ---------- one function per widget


def text(schema: Schema, props: dict[str, Any]) -> rx.Component:
    return c.Input.create(mode="text", placeholder=_default(schema), **props)


def textarea(schema: Schema, props: dict[str, Any]) -> rx.Component:
    return c.TextArea.create(mode="text", refs="text", placeholder=_default(schema), **props)


def line(schema: Schema, props: dict[str, Any]) -> rx.Component:
    """One line that may hold expressions."""
    return c.TextArea.create(mode="text", refs="text", line=True, placeholder=_default(schema), **props)


def expression(schema: Schema, props: dict[str, Any]) -> rx.Component:
    mode = "numeric" if any(b.get("type") in ("number", "integer") for b in schema.get("anyOf", [])) else "text"
    return c.TextArea.create(mode=mode, refs="bare", code=True, line=True, placeholder=_default(schema), **props)


def number(schema: Schema, props: dict[str, Any]) -> rx.Component:
    unit = schema.get("unit", "")
    unit = "" if unit in schema.get("title", "").lower().split() else unit
    return c.Input.create(mode="number", unit=unit, placeholder=_default(schema), **props)


def switch(schema: Schema, props: dict[str, Any]) -> rx.Component:
    return c.Switch.create(fallback=bool(schema.get("default", False)), **props)


def select(schema: Schema, props: dict[str, Any]) -> rx.Component:
    values = [str(value) for value in schema.get("enum", schema.get("options", []))]
    if not values:
        return text(schema, props)
    first = str(schema["default"]) if schema.get("default") is not None else ""
    options = [[value, word(value)] for value in values]
    return c.Select.create(options=options if first else [["", "–"], *options], fallback=first, **props)


def pairs(schema: Schema, props: dict[str, Any]) -> rx.Component:
    return c.Pairs.create(typed=props["path"] not in ("config.headers", "config.query"), **props)


def cases(schema: Schema, props: dict[str, Any]) -> rx.Component:
    return c.Cases.create(**props)


def records(schema: Schema, props: dict[str, Any]) -> rx.Component:
    """A list of objects, in an order that counts."""
    item = schema["items"]
    required = item.get("required", [])
    noun = str(schema.get("noun") or schema.get("title", "row")).lower().removesuffix("s")
    head = next((name for name in ("role", "name", "description") if name in item["properties"]), "id")
    blank = {name: "" for name in required if item["properties"][name].get("type") == "string"}
    rows = [field((name,), part, required=name in required) for name, part in item["properties"].items()]
    return c.Records.create(*rows, noun=noun, head=head, blank=blank, **props)


def row(schema: Schema, props: dict[str, Any]) -> rx.Component:
    return c.Row.create(list=schema["list"], head=schema.get("head", "id"), **props)


def earlier(schema: Schema, props: dict[str, Any]) -> rx.Component:
    return c.Earlier.create(list=schema["list"], **props)


def lines(schema: Schema, props: dict[str, Any]) -> rx.Component:
    """A list of texts, one a line."""
    return c.TextArea.create(mode="lines", code=True, **props)


def some(schema: Schema, props: dict[str, Any]) -> rx.Component:
    return c.Some.create(options=schema["items"]["enum"], fallback=schema.get("default") or [], **props)


def together(schema: Schema, props: dict[str, Any]) -> rx.Component:
    """An optional object with fields of its own."""
    rows = [field((props["path"], name), part) for name, part in schema["properties"].items()]
    return c.Together.create(*rows, **props)


def collection(schema: Schema, props: dict[str, Any]) -> rx.Component:
    return c.Collection.create(**props)


def auth(schema: Schema, props: dict[str, Any]) -> rx.Component:
    return c.Auth.create(**props)


def secret(schema: Schema, props: dict[str, Any]) -> rx.Component:
    return c.Secret.create(**props)


def any_json(schema: Schema, props: dict[str, Any]) -> rx.Component:
    """Text, or JSON whose strings may hold expressions."""
    return c.TextArea.create(mode="any", refs="text", code=True, **props)


def json_object(schema: Schema, props: dict[str, Any]) -> rx.Component:
    return c.TextArea.create(mode="object", code=True, placeholder='{"type": "object", "properties": {}}', **props)


# ---------- tools: their settings and arguments


def tools(schema: Schema, props: dict[str, Any]) -> rx.Component:
    """What an agent may use."""
    forms = [_fields_of(tool["config"], "config") for tool in schema["of"]]
    return c.Tools.create(*forms, tools=_told(schema), **props)


def tool(schema: Schema, props: dict[str, Any]) -> rx.Component:
    return c.Tool.create(tools=_told(schema), **props)


def tool_settings(schema: Schema, props: dict[str, Any]) -> rx.Component:
    forms = [_fields_of(tool["config"], props["path"]) for tool in schema["of"]]
    return c.ByTool.create(*forms, part="config", tools=_told(schema), **props)


def tool_arguments(schema: Schema, props: dict[str, Any]) -> rx.Component:
    forms = [_fields_of(tool["parameters"], props["path"], argument) for tool in schema["of"]]
    return c.ByTool.create(*forms, part="args", tools=_told(schema), **props)


def argument(path: tuple[str, ...], schema: Schema, *, required: bool = False) -> rx.Component:
    """The input for one argument of a tool; whatever its type, an expression will do."""
    whole = {"type": "any"} | schema | {"title": word(schema.get("title", path[-1]))}
    hint = sentence(str(schema.get("description", "")).replace("`", ""))
    props: dict[str, Any] = {"path": ".".join(path), "title": whole["title"], "hint": hint, "required": required}
    kind = widget_of(whole)
    if kind in ("text", "number"):
        long = kind == "text" and schema.get("maxLength", 0) > 10_000
        mode = "text" if kind == "text" else "numeric"
        return c.TextArea.create(mode=mode, refs="text", line=not long, placeholder=_default(schema), **props)
    if kind in ("switch", "select"):
        typed = c.TextArea.create(mode="any", refs="text", line=True, **props)
        return c.Or.create(WIDGETS[kind](whole, props), typed, path=props["path"], title=whole["title"])
    return (pairs if kind == "pairs" else any_json)(whole, props)


def _equipped(part: Any, tools: list[dict[str, Any]]) -> Any:
    """A schema whose fields for tools know which there are."""
    if isinstance(part, list):
        return [_equipped(one, tools) for one in part]
    if not isinstance(part, dict):
        return part
    inner = {name: _equipped(one, tools) for name, one in part.items()}
    return {**inner, "of": tools} if part.get("widget") in TOOLED else inner


TOOLED = ("tools", "tool", "tool_settings", "tool_arguments")


def _told(schema: Schema) -> list[dict[str, Any]]:
    """What the browser needs to know of each tool."""
    return [
        {
            "name": tool["name"], "title": tool["title"], "help": tool["help"].split("\n\n")[0],
            "args": list(tool["parameters"].get("properties", {})),
            "config": list(tool["config"].get("properties", {})),
            "settings": bool(tool["config"].get("properties")), "many": tool["name"] == "mcp",
        }
        for tool in schema["of"]
    ]  # fmt: skip


def _fields_of(schema: Schema, path: str, make: Callable[..., rx.Component] | None = None) -> rx.Component:
    required = schema.get("required", [])
    return c.ToolForm.create(
        *[
            (make or field)((path, name), resolve(part, schema), required=name in required)
            for name, part in schema.get("properties", {}).items()
        ]
    )


def flow(schema: Schema, props: dict[str, Any]) -> rx.Component:
    return c.Flow.create(**props)


WIDGETS: dict[str, Callable[[Schema, dict[str, Any]], rx.Component]] = {
    "text": text, "textarea": textarea, "template": line, "line": line, "url": line, "expression": expression,
    "number": number, "switch": switch, "boolean": switch, "select": select, "pairs": pairs, "cases": cases,
    "auth": auth, "records": records, "row": row, "earlier": earlier, "collection": collection,
    "lines": lines, "some": some, "part": together,
    "tools": tools, "tool": tool, "tool_settings": tool_settings, "tool_arguments": tool_arguments,
    "secret": secret, "json": any_json, "schema": json_object, "flow": flow, "model": text,
}  # fmt: skip

_WORDS = {
    "auto": "Auto", "openai": "OpenAI", "anthropic": "Anthropic", "demo": "Demo model", "Url": "URL", "Sql": "SQL",
}  # fmt: skip


def word(value: str) -> str:
    return _WORDS.get(value) or (value if value.isupper() else value.replace("_", " ").capitalize())


def titled(schema: Schema, name: str) -> str:
    """What people call a field: its title as it is written, else its name."""
    title = schema.get("title")
    return _WORDS.get(title, title) if title else word(name)


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _default(schema: Schema) -> str:
    value = schema.get("default")
    return "" if value is None or isinstance(value, bool | dict | list) else str(value)


# ---------- what every step has, whatever its kind


def reliability(shape: str, timeout_s: float | None) -> rx.Component:
    """Join, retry, timeout and visits; a Pause or Call has no timeout."""
    retries = [
        rx.el.div(
            c.Input.create(path="retry.attempts", mode="number", title="Attempts", placeholder="1"),
            c.Input.create(path="retry.delay_s", mode="number", title="First pause", unit="s", placeholder="1"),
            class_name="two",
        ),
        rx.el.div(
            c.Input.create(path="retry.factor", mode="number", title="Grows by", unit="×", placeholder="2"),
            c.Input.create(path="retry.max_delay_s", mode="number", title="Longest pause", unit="s", placeholder="60"),
            class_name="two",
        ),
        rx.el.p("Recorded failures count; a lost worker costs none.", class_name="hint", margin_top="-8px"),
    ]
    limit = c.Input.create(
        path="timeout_s",
        mode="number",
        title="Time limit",
        unit="s",
        placeholder=f"{timeout_s:g}" if timeout_s else "none",
    )
    visits = c.Input.create(
        path="max_visits", mode="number", title="Visits at most", placeholder="25",
        hint="A loop that comes by more often fails the run.",
    )  # fmt: skip
    join = c.Select.create(
        path="join", title="When several ways meet here", fallback="all",
        options=[["all", "Wait for all that can still come"], ["any", "Go on with the first"]],
        hint="A way that was not taken is never waited for.",
    )  # fmt: skip
    working = shape not in ("pause", "call")
    return rx.fragment(join, *(retries if shape in ("step", "agent") else []), *([limit] if working else []), visits)


def workflow_form() -> rx.Component:
    """What the inspector shows while nothing is chosen."""
    return rx.fragment(
        c.AtTop.create(
            c.Input.create(path="name", mode="text", title="Name", required=True),
            c.TextArea.create(path="description", mode="text", title="Description", keep=True),
        ),
        c.Inputs.create(title="Inputs", hint="What a run asks for. Steps read them as input.name."),
        c.Pairs.create(
            path="outputs",
            typed=True,
            title="Outputs",
            hint="What a run answers: a name, and {{ draft.text }} or plain text.",
        ),
        rx.el.div(rx.el.span("Problems", class_name="label"), c.Problems.create()),
    )
