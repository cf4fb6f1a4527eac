"""Reading a step's config: which of its fields hold templates or expressions, and what they become in a scope."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from engine.expressions import evaluate, render, render_value
from engine.node import Mark, NodeConfig


@cache
def marks(config: type[BaseModel]) -> dict[str, str | None]:
    """Python field name → the kind of its Mark, or None."""
    return {name: _mark(info) for name, info in config.model_fields.items()}


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
        if mark is None and isinstance(value, BaseModel):
            yield from fields(value, f"{path}.")
        elif mark is None and isinstance(value, list | tuple) and any(isinstance(v, BaseModel) for v in value):
            for n, item in enumerate(value):
                yield from fields(item, f"{path}.{n}.")
        else:
            yield path, mark, value


def resolve(config: NodeConfig | BaseModel, scope: Mapping[str, Any]) -> dict[str, Any]:
    """{field: value} with texts and values rendered and expressions evaluated; lazy ones are left as they are."""
    made: dict[str, Any] = {}
    for name, mark in marks(type(config)).items():
        value = getattr(config, name)
        made[type(config).model_fields[name].alias or name] = _value(value, mark, scope)
    return made


def _value(value: Any, mark: str | None, scope: Mapping[str, Any]) -> Any:
    if mark == "text" and isinstance(value, str):
        return render(value, scope)
    if mark == "text" and isinstance(value, list | tuple):
        return [_value(v, mark, scope) for v in value]
    if mark == "values":
        return render_value(value, scope)
    if mark == "expr" and isinstance(value, str):
        return evaluate(value, scope)
    if mark is None and isinstance(value, BaseModel):
        return resolve(value, scope)
    if mark is None and isinstance(value, list | tuple):
        return [_value(v, None, scope) for v in value]
    return value
