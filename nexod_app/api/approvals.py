"""/approvals: the inbox. The scope `approve` is asked for after the 404, as the contract orders."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from engine.services import approvals
from engine.services.pages import MOST
from nexod_app.api.calls import PREFIX, answer, in_thread, needs, read_any, read_for, takes
from nexod_app.auth import Caller

router = APIRouter(prefix=PREFIX, tags=["approvals"])
Reader = Annotated[Caller, needs("read")]
Anybody = Annotated[Caller, needs(None)]


@router.get("/approvals")
async def list_approvals(
    who: Reader,
    status: str | None = None,
    run_id: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
    after: str | None = None,
) -> Response:
    """Newest first; `status` may name several, with commas."""
    return answer(await in_thread(approvals.list_, who.ws, status, limit, after, run_id))


@router.get("/approvals/{approval_id}")
async def get_approval(who: Reader, approval_id: str) -> Response:
    """The question with its literal content, and the answer once there is one."""
    return answer(await in_thread(approvals.get, who.ws, approval_id))


ANSWER = takes("decision hash", decision="string", data="any", comment="string", hash="string")


@router.post("/approvals/{approval_id}", openapi_extra=ANSWER)
async def decide(who: Anybody, approval_id: str, request: Request) -> Response:
    """`{"decision": "approve" | "reject", "data", "comment", "hash"}`; exactly one answer is taken."""
    body = await read_for(read_any(request), approvals.answerable, who.ws, approval_id, who.actor)
    return answer(await in_thread(approvals.decide, who.ws, approval_id, body, who.actor))
