"""Lists in pages: `{"items", "next"}` with an opaque cursor, and ids that may be anything people type."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from engine.errors import Invalid, Problem

T = TypeVar("T")
DEFAULT, MOST = 50, 1000


def page(rows: Sequence[T], limit: int, show: Callable[[T], Any], place: Callable[[T], Any]) -> dict[str, Any]:
    """`rows` hold one more than `limit` if there is a next page."""
    shown = rows[:limit]
    return {
        "items": [show(row) for row in shown],
        "next": _encode(place(shown[-1])) if len(rows) > limit and shown else None,
    }


def limit_of(limit: int | None) -> int:
    wanted = DEFAULT if limit is None else limit
    if not 1 <= wanted <= MOST:
        raise _bad("limit", f"limit is a whole number from 1 to {MOST}.")
    return wanted


def cursor(after: str | None) -> Any:
    """What `place` said at the end of the page before; None for the first page."""
    if not after:
        return None
    try:
        return json.loads(base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)))
    except (ValueError, RecursionError):
        raise _bad("after", "after is no cursor of ours.") from None


def id_cursor(after: str | None) -> str | None:
    """A cursor that holds one id."""
    place = cursor(after)
    if place is not None and not _is_id(place):
        raise _bad("after", "after is no cursor of ours.")
    return place


def time_cursor(after: str | None) -> tuple[int, str] | None:
    """A cursor that holds a time and an id."""
    match cursor(after):
        case None:
            return None
        case [int(at), str(id_)] if _is_id(id_) and not isinstance(at, bool) and 0 <= at < 2**53:
            return at, id_
        case _:
            raise _bad("after", "after is no cursor of ours.")


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable()


def _encode(place: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _bad(field: str, message: str) -> Invalid:
    return Invalid.of([Problem("bad_value", message, "Take it from the answer before.", field=field)], message)
