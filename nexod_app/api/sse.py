"""A run as server-sent events: `id:` is the seq, the data is the event, and it closes with the run."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from time import monotonic

from fastapi import Request
from fastapi.responses import StreamingResponse

from engine.errors import Unavailable
from engine.events import Event
from nexod_app.tailer import Tailer, follow

HEARTBEAT_S = 5.0
"""Also how long a stream may outlive the session or key that opened it."""
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
Allowed = Callable[[], Awaitable[bool]]


def wants_stream(request: Request) -> bool:
    return "text/event-stream" in request.headers.get("accept", "")


def stream(tailer: Tailer, workspace_id: str, run_id: str, after: int, allowed: Allowed) -> StreamingResponse:
    lines = _lines(tailer, workspace_id, run_id, after, allowed)
    return StreamingResponse(lines, media_type="text/event-stream", headers=HEADERS)


async def _lines(tailer: Tailer, workspace_id: str, run_id: str, after: int, allowed: Allowed) -> AsyncGenerator[str]:
    yield ": ok\n\n"
    checked = monotonic()
    with suppress(Unavailable):  # its reader comes back by itself, with the id it saw last
        async for item in follow(tailer, workspace_id, run_id, after, HEARTBEAT_S):
            if monotonic() - checked >= HEARTBEAT_S:
                if not await allowed():
                    return
                checked = monotonic()
            yield _line(item)


def _line(item: Event | str | None) -> str:
    if item is None:
        return ": still here\n\n"
    if isinstance(item, str):
        return f"event: token\ndata: {item}\n\n"
    data = json.dumps(item.to_json(), ensure_ascii=False, separators=(",", ":"))
    return f"id: {item.seq}\ndata: {data}\n\n"
