"""What a run is given: declared inputs only, defaults filled in, every fault named."""

from __future__ import annotations

from typing import Any

from engine import schema
from engine.errors import Invalid, Problem
from engine.values import is_list, is_object


class BadInputs(Invalid):
    """What a run is given does not fit: the workflow may be sound."""


def accept(declared: dict[str, Any] | None, given: Any) -> dict[str, Any]:
    """The inputs of the run. Raises Invalid naming each missing, mistyped and undeclared one."""
    if not is_object(given):
        raise _refused([Problem("wrong_type", "inputs is an object.", "Send {} for none.", field="inputs")])
    declared = declared or {}
    properties: dict[str, Any] = declared.get("properties") or {}
    inputs: dict[str, Any] = {**_defaults(properties), **given}
    problems = [*_undeclared(declared, properties, inputs), *_missing(declared, inputs)]
    problems += _mistyped(declared, inputs, {p.field for p in problems})
    if problems:
        raise _refused(problems)
    return inputs


def _defaults(properties: dict[str, Any]) -> dict[str, Any]:
    return {name: part["default"] for name, part in properties.items() if isinstance(part, dict) and "default" in part}


def _undeclared(declared: dict[str, Any], properties: dict[str, Any], inputs: dict[str, Any]) -> list[Problem]:
    if declared.get("additionalProperties") or declared.get("patternProperties"):
        return []
    hint = f"Declared are: {', '.join(properties) or 'none'}."
    return [
        Problem("unknown_field", f"{name!r} is no input of this workflow.", hint, field=f"inputs.{name}")
        for name in inputs
        if name not in properties
    ]


def _missing(declared: dict[str, Any], inputs: dict[str, Any]) -> list[Problem]:
    required: Any = declared.get("required")
    return [
        Problem("missing_field", f"The input {name!r} is missing.", "Give it a value.", field=f"inputs.{name}")
        for name in (required if is_list(required) else [])
        if name not in inputs
    ]


def _mistyped(declared: dict[str, Any], inputs: dict[str, Any], told: set[str | None]) -> list[Problem]:
    """What the schema says beyond that; a fault of the object as a whole only when nothing better was found."""
    found: list[Problem] = []
    for fault in schema.errors(declared, inputs) if declared else []:
        field = f"inputs.{fault['field']}".rstrip(".")
        if field not in told and (field != "inputs" or not told):
            found.append(Problem("bad_value", fault["message"], field=field))
    return found


def _refused(problems: list[Problem]) -> Invalid:
    return BadInputs.of(problems, "The inputs do not fit the workflow.")
