"""now: the clock and the calendar, anywhere in the world."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.errors import NodeError
from engine.tools import tool


@tool(title="Date and time", icon="clock")
async def now(time_zone: str = "UTC") -> dict[str, Any]:
    """Tells the date and the time of now in a time zone.

    time_zone: a name such as `UTC`, `Europe/Zurich` or `America/New_York`.
    """
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise NodeError(
            f"There is no time zone {time_zone[:60]!r}.",
            code="bad_arguments",
            hint="Write it like Europe/Zurich.",
            field="time_zone",
        ) from None
    at = datetime.now(zone)
    return {
        "time": at.isoformat(timespec="seconds"),
        "date": at.date().isoformat(),
        "weekday": at.strftime("%A"),
        "time_zone": time_zone,
    }
