"""What every route shares: who asks, a body that is read with care, services in threads, answers as JSON."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import partial
from time import monotonic
from typing import Any, TypeVar

from anyio import to_thread
from fastapi import Depends, Request, Response

from engine.errors import Forbidden, Invalid, NexodError, NotFound, Problem, TooLarge, Unauthorized, UnsupportedMedia
from engine.spec import MAX_BYTES, parse
from nexod_app import auth
from nexod_app.auth import Caller
from nexod_app.site import Site

T = TypeVar("T")
PREFIX = "/api/v1"
MAX_DEPTH = 64
DRAIN_BYTES, DRAIN_S = 64 * 2**20, 0.5
SMALL = 64 * 1024
"""A body up to this size is parsed on the event loop; a larger one in a thread."""


def site_of(request: Request) -> Site:
    return request.app.state.site


def needs(scope: str | None) -> Any:
    """The caller, as a dependency: every route but the open ones has one. None: any key or session will do."""

    async def caller(request: Request) -> Caller:
        site = site_of(request)
        who = await in_thread(auth.caller, site.db, site.settings, request.headers, request.method, scope)
        for name, value in request.path_params.items():
            if not str(value).isprintable():
                raise NotFound(f"There is no such {name.removesuffix('_id')}.")
        if any("\0" in value for value in request.query_params.values()):
            raise Invalid("A parameter is not valid.")
        return who

    caller.scope = scope  # type: ignore[attr-defined]
    return Depends(caller)


def takes(required: str = "", **fields: str) -> dict[str, Any]:
    """The body of a route for `/openapi.json`: its fields and their types (`any` for whatever is JSON)."""
    properties = {name: {} if kind == "any" else {"type": kind} for name, kind in fields.items()}
    schema = {"type": "object", "properties": properties, "required": required.split(), "additionalProperties": False}
    return {"requestBody": {"content": {"application/json": {"schema": schema}}, "required": bool(required)}}


A_WORKFLOW = {
    "requestBody": {
        "content": {"application/json": {"schema": {"type": "object", "description": "See /schema/workflow."}}},
        "required": True,
    }
}


async def still_allowed(request: Request, scope: str) -> bool:
    """Whether who asked may still ask: a stream outlives what opened it by seconds only."""
    site = site_of(request)
    try:
        await in_thread(auth.caller, site.db, site.settings, request.headers, "GET", scope)
    except (Unauthorized, Forbidden):
        return False
    return True


async def in_thread(service: Callable[..., T], *args: Any, **options: Any) -> T:
    return await to_thread.run_sync(partial(service, *args, **options))


def answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, headers, "application/json")


async def read_json(request: Request) -> Any:
    """The body as JSON. Raises UnsupportedMedia, TooLarge, MalformedJson, or Invalid for one that nests too deep."""
    data = await read_bytes(request)
    return parse(data) if len(data) <= SMALL else await in_thread(parse, data)


async def read_bytes(request: Request, *others: str) -> bytes:
    """The body, never more of it in memory than is allowed."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    json_kind = kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
    if not json_kind and kind not in others:
        raise UnsupportedMedia(f"The content type is {kind or 'missing'!r}.", hint="Send application/json.")
    length = request.headers.get("content-length", "")
    data, size = bytearray(), int(length) if length.isdigit() and int(length) > MAX_BYTES else 0
    started, read = monotonic(), 0
    async for chunk in request.stream():
        read += len(chunk)
        size = max(size, read)
        if size <= MAX_BYTES:
            data += chunk
        # What is too much is still taken in for a moment: many clients hear no answer while they send.
        elif read > DRAIN_BYTES or monotonic() - started > DRAIN_S:
            break
    if size > MAX_BYTES:
        raise TooLarge("The body is over 5 MB.", hint="Move large texts out of the workflow, or split it.")
    return bytes(data)


async def read_for(reading: Awaitable[T], look: Callable[..., Any], *asked: Any) -> T:
    """The body of a request about something. What `look` raises, such as its 404, comes before any fault of the body;
    it is only asked then, since the service asks again."""
    try:
        return await reading
    except NexodError:
        await in_thread(look, *asked)
        raise


async def read_any(request: Request) -> Any:
    """The body as JSON that can be kept."""
    body = await read_json(request)
    _storable(body)
    return body


async def read_fields(request: Request, *names: str, empty: bool = False) -> dict[str, Any]:
    """A body that is an object with these fields only. `empty`: no body at all will do."""
    if empty and request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return {}
    body = await read_any(request)
    if not isinstance(body, dict):
        fault = "The body is a JSON object."
        raise Invalid.of([Problem("wrong_type", fault, "Start it with {.")], fault)
    hint = f"Known are {', '.join(names)}."
    unknown = [Problem("unknown_field", f"{n!r} is no field here.", hint, field=n) for n in body if n not in names]
    if unknown:
        raise Invalid.of(unknown, "The body has unknown fields.")
    return body


def _storable(body: Any) -> None:
    """Half of a surrogate pair is JSON, and yet no text that can be kept; and depth has an end."""
    if _is_deep(body):
        fault = f"The body nests deeper than {MAX_DEPTH} levels."
        raise Invalid.of([Problem("too_deep", fault, "Flatten it.")], fault)
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        fault = "A text holds a broken character."
        raise Invalid.of([Problem("bad_value", fault, "Type it again.")], fault) from None


def _is_deep(body: Any) -> bool:
    level = [body]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return False
    return True
