"""/memory: facts, patterns learned from decisions, and threads; to read, change, delete and take along."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from engine.services import memory
from engine.services.pages import MOST
from nexod_app.api.calls import PREFIX, answer, in_thread, needs, read_fields, read_for, takes
from nexod_app.auth import Caller

router = APIRouter(prefix=PREFIX, tags=["memory"])
Reader = Annotated[Caller, needs("read")]
Writer = Annotated[Caller, needs("write")]
Limit = Annotated[int, Query(ge=1, le=MOST)]


@router.get("/memory")
async def list_memory(
    who: Reader, kind: str | None = None, query: str = "", limit: Limit = 50, after: str | None = None
) -> Response:
    """Last changed first. `kind` is fact or pattern; `query`: words that all have to be in it."""
    return answer(await in_thread(memory.list_items, who.ws, kind, query, limit, after))


@router.post("/memory", status_code=201, openapi_extra=takes("text", text="string", subject="string"))
async def add_fact(who: Writer, request: Request) -> Response:
    """`{"text", "subject"?}`: a fact that a person writes down."""
    body = await read_fields(request, "text", "subject")
    return answer(await in_thread(memory.add_item, who.ws, body), 201)


@router.get("/memory/export")
async def export_memory(who: Reader) -> Response:
    """All of it as one JSON file."""
    headers = {"Content-Disposition": 'attachment; filename="memory.json"'}
    return answer(await in_thread(memory.export, who.ws), headers=headers)


@router.get("/memory/threads")
async def list_threads(who: Reader, limit: Limit = 50, after: str | None = None) -> Response:
    """The one spoken in last comes first."""
    return answer(await in_thread(memory.list_threads, who.ws, limit, after))


@router.get("/memory/threads/{thread:path}")
async def get_thread(who: Reader, thread: str, limit: Limit = 50, after: str | None = None) -> Response:
    """Its messages, oldest first. The name may hold slashes."""
    return answer(await in_thread(memory.thread, who.ws, thread, limit, after))


@router.delete("/memory/threads/{thread:path}", status_code=204)
async def delete_thread(who: Writer, thread: str) -> Response:
    """With all its messages."""
    await in_thread(memory.delete_thread, who.ws, thread)
    return Response(status_code=204)


@router.put("/memory/messages/{message_id}", openapi_extra=takes("text", text="string"))
async def put_message(who: Writer, message_id: str, request: Request) -> Response:
    """`{"text"}`: another text for one message of a thread."""
    body = await read_fields(request, "text")
    return answer(await in_thread(memory.update_message, who.ws, message_id, body))


@router.delete("/memory/messages/{message_id}", status_code=204)
async def delete_message(who: Writer, message_id: str) -> Response:
    """One message; the thread stays."""
    await in_thread(memory.delete_message, who.ws, message_id)
    return Response(status_code=204)


@router.get("/memory/{item_id}")
async def get_item(who: Reader, item_id: str) -> Response:
    """A fact or a pattern; a pattern's `details` hold the decision that it was learned from."""
    return answer(await in_thread(memory.get_item, who.ws, item_id))


@router.put("/memory/{item_id}", openapi_extra=takes(text="string", subject="string"))
async def put_item(who: Writer, item_id: str, request: Request) -> Response:
    """`{"text"?, "subject"?}`."""
    body = await read_for(read_fields(request, "text", "subject"), memory.get_item, who.ws, item_id)
    return answer(await in_thread(memory.update_item, who.ws, item_id, body))


@router.delete("/memory/{item_id}", status_code=204)
async def delete_item(who: Writer, item_id: str) -> Response:
    """It is forgotten."""
    await in_thread(memory.delete_item, who.ws, item_id)
    return Response(status_code=204)
