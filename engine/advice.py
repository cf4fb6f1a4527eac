"""A fault that a `Config` finds in itself, in the words that people read."""

from pydantic_core import PydanticCustomError


def advice(code: str, fault: str, cure: str, field: str = "") -> PydanticCustomError:
    """Raise it from a validator: `code` is a problem code, `fault` and `cure` are short sentences; `field` names
    the place when the validator is that of the whole `Config`."""
    return PydanticCustomError("advice", "{fault}", {"code": code, "fault": fault, "cure": cure, "field": field})
