"""What is known of a step's output before it runs, as a JSON Schema: it makes texts shorter and `has()` simpler."""

from __future__ import annotations

from typing import Any

from engine.export.python import ANY, INTEGER, NUMBER, STRING, Shape
from engine.expressions import compile_template, is_secret
from engine.plan import Plan, PlannedNode
from engine.values import is_list, is_object

USAGE: Shape = {
    "type": "object",
    "properties": {"input_tokens": INTEGER, "output_tokens": INTEGER},
    "required": ["input_tokens", "output_tokens"],
    "missing": ["cost"],
}
"""What a call costs is by the price table, which a file does not have."""
ERROR: Shape = {"type": "object", "properties": {"code": STRING, "message": STRING}, "required": ["code", "message"]}


def output_of(plan: Plan, node: PlannedNode) -> Shape:
    """Nothing is sure of a step whose failure goes on by `error`."""
    shape = _made(plan, node)
    if "error" not in node.ports:
        return shape
    return {"type": "object", "properties": {**shape.get("properties", {}), "error": ERROR}}


def _made(plan: Plan, node: PlannedNode) -> Shape:
    config: Any = node.config
    match node.kind:
        case "llm":
            return _object(text=STRING, model=STRING, usage=USAGE, **_data(config.output_schema))
        case "template":
            return value_shape(config.json_) if config.text is None else _object(text=STRING)
        case "http":
            return _object(status=INTEGER, headers={"type": "object"}, body=ANY)
        case "retrieve":
            return _object(text=STRING, matches={"type": "array"})
        case "condition":
            return _object(port=STRING)
        case "approval":
            return _object(decision=STRING, data=_form(config.schema_), comment=STRING, decided_by=STRING)
        case "wait":
            return _object(until=STRING)
        case "subflow":
            return _called(plan, node)
        case "agent":
            return _object(text=STRING, model=STRING, usage=USAGE, turns=INTEGER, **_data(config.output_schema))
        case "crew":
            return _object(text=STRING, usage=USAGE, tasks={"type": "array"}, **_data(config.tasks[-1].output_schema))
        case _:
            return ANY


def _object(**properties: Shape) -> Shape:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _data(schema: dict[str, Any] | None) -> dict[str, Shape]:
    return {} if schema is None else {"data": schema}


def _form(schema: dict[str, Any] | None) -> Shape:
    """Only what is approved has to fit the form."""
    if not schema:
        return {"type": "object"}
    return {name: part for name, part in schema.items() if name in ("type", "properties")}


def _called(plan: Plan, node: PlannedNode) -> Shape:
    inner = value_shape(plan.subflows[node.id].outputs, sure=False)
    over: Any = getattr(node.config, "over", None)
    return inner if over is None else _object(items={"type": "array"})


def value_shape(value: Any, *, sure: bool = True) -> Shape:
    """What a JSON value with texts in it becomes. Not `sure`: a text may become null instead."""
    if isinstance(value, str):
        template = compile_template(value)
        return STRING if not template.lone and (sure or not template.references) else ANY
    if is_secret(value):
        return STRING
    if is_object(value):
        return _object(**{str(name): value_shape(inner, sure=sure) for name, inner in value.items()})
    if is_list(value):
        return {"type": "array"}
    if isinstance(value, bool) or value is None:
        return {"type": "null"} if value is None else {"type": "boolean"}
    return INTEGER if isinstance(value, int) else NUMBER
