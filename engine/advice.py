"""A fault that a `Config` finds in itself, in the words that people read."""

from pydantic_core import PydanticCustomError


def advice(code: str, fault: str, cure: str) -> PydanticCustomError:
    """Raise it from a validator: `code` is a problem code, `fault` and `cure` are short sentences."""
    return PydanticCustomError("advice", "{fault}", {"code": code, "fault": fault, "cure": cure})
