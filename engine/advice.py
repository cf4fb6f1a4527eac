"""A fault that a `Config` finds in itself, in the words that people read."""

from typing import Any

from pydantic_core import PydanticCustomError

from engine.values import is_object


def advice(code: str, fault: str, cure: str, field: str = "") -> PydanticCustomError:
    """Raise it from a validator: `code` is a problem code, `fault` and `cure` are short sentences; `field` names
    the place when the validator is that of the whole `Config`."""
    return PydanticCustomError("advice", "{fault}", {"code": code, "fault": fault, "cure": cure, "field": field})


def pairs(value: Any) -> Any:
    """A validator for names with values: an object, or a text that becomes one when it is rendered."""
    rendered = isinstance(value, str) and value.strip().startswith("{{")
    if not rendered and not is_object(value):
        raise advice("wrong_type", "names with values are an object.", 'Write it as {"name": value}.')
    return value
