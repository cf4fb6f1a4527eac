"""Reading a step's config: which of its fields hold templates or expressions, and what they become in a scope."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from engine.expressions import evaluate, render, render_value
from engine.node import Mark, NodeConfig
from engine.values import is_list, is_object

FLOW = "flow"


@cache
def marks(config: type[BaseModel]) -> dict[str, str | None]:
    """Python field name → the kind of its Mark, or None."""
    return {name: FLOW if _widget(info) == FLOW else _mark(info) for name, info in config.model_fields.items()}


def _widget(info: FieldInfo) -> Any:
    return info.json_schema_extra.get("widget") if is_object(info.json_schema_extra) else None


def _mark(info: FieldInfo) -> str | None:
    found = [m for m in info.metadata if isinstance(m, Mark)] or list(_inside(info.annotation))
    return found[0].kind if found else None


def _inside(annotation: Any) -> Iterator[Mark]:
    """The marks within unions such as `Text | None` (not within lists of models: those are read apart)."""
    for part in get_args(annotation):
        if isinstance(part, Mark):
            yield part
        else:
            yield from _inside(part)


def fields(config: BaseModel, prefix: str = "") -> Iterator[tuple[str, str | None, Any]]:
    """(dotted JSON name, mark, value) of every field that is set or has a value, nested models included."""
    for name, mark in marks(type(config)).items():
        value = getattr(config, name)
        path = prefix + (type(config).model_fields[name].alias or name)
        if mark == FLOW:
            continue
        models = [value] if isinstance(value, BaseModel) else _models(value)
        for n, model in enumerate(models):
            yield from fields(model, f"{path}." if model is value else f"{path}.{n}.")
        if not models:
            yield path, mark, value


def _models(value: Any) -> list[BaseModel]:
    """The models of a list of models."""
    return [v for v in value if isinstance(v, BaseModel)] if is_list(value) else []


def resolve(config: NodeConfig | BaseModel, scope: Mapping[str, Any]) -> dict[str, Any]:
    """{field: value} with texts and values rendered and expressions evaluated; lazy ones are left as they are.
    The flow of a subflow is left out: it has its own plan."""
    made: dict[str, Any] = {}
    for name, mark in marks(type(config)).items():
        info = type(config).model_fields[name]
        if mark != FLOW:
            made[info.alias or name] = _value(getattr(config, name), mark, scope)
    return made


def _value(value: Any, mark: str | None, scope: Mapping[str, Any]) -> Any:
    if mark == "text" and isinstance(value, str):
        return render(value, scope)
    if mark in ("text", None) and is_list(value):
        return [_value(v, mark, scope) for v in value]
    if mark == "values":
        return render_value(value, scope)
    if mark == "expr" and isinstance(value, str):
        return evaluate(value, scope)
    if mark is None and isinstance(value, BaseModel):
        return resolve(value, scope)
    return value
