"""How a payload becomes text: large values move to content-addressed blobs, limits hold before anything is written."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from engine.errors import NodeError
from engine.events import NewEvent

BLOB_BYTES = 32 * 1024
VALUE_BYTES = 4 * 1024 * 1024
RUN_BYTES = 32 * 1024 * 1024
PREVIEW = 200
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False).encode


def dumps(value: Any) -> str:
    return _encode(value)


@dataclass(slots=True)
class Packed:
    """One event, ready to be inserted. `text` is stored, `whole` is the payload with its large values;
    `size` counts what it adds to its run."""

    event: NewEvent
    text: str
    whole: str
    size: int
    blobs: dict[str, bytes] = field(default_factory=dict[str, bytes])


def pack(event: NewEvent) -> Packed:
    """Raises NodeError(too_large, bad_value)."""
    try:
        text = _encode(event.payload)
    except (ValueError, TypeError) as fault:
        raise NodeError(f"The output of the step is no JSON: {fault}", code="bad_value") from None
    size = _size(text)
    if size <= BLOB_BYTES:
        return Packed(event, text, text, size)
    blobs: dict[str, bytes] = {}
    small = _encode({name: _shrink(name, value, blobs) for name, value in event.payload.items()})
    return Packed(event, small, text, size, blobs)


def _size(text: str) -> int:
    return len(text) if len(text) * 4 <= BLOB_BYTES or text.isascii() else len(text.encode())


def _shrink(name: str, value: Any, blobs: dict[str, bytes]) -> Any:
    data = _encode(value).encode()
    if len(data) <= BLOB_BYTES:
        return value
    if len(data) > VALUE_BYTES:
        raise NodeError(
            f"The value {name!r} has {len(data):,} bytes; at most {VALUE_BYTES:,} are kept.",
            code="too_large",
            hint="Return less: a part of it, or where to find it.",
        )
    digest = sha256(data).hexdigest()
    blobs[digest] = data
    return {"$blob": digest, "size": len(data), "preview": data[:PREVIEW].decode(errors="ignore")}


def is_blob(value: Any) -> bool:
    return isinstance(value, dict) and "$blob" in value and value.keys() == {"$blob", "size", "preview"}
