"""/workflows: drafts, files, the canvas' operations, versions."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from engine.services import catalog, workflows
from engine.services.pages import MOST
from engine.services.workflows import Rev
from nexod_app.api.calls import (
    A_WORKFLOW,
    PREFIX,
    answer,
    in_thread,
    needs,
    read_bytes,
    read_fields,
    read_for,
    read_json,
    takes,
)
from nexod_app.auth import Caller

router = APIRouter(prefix=PREFIX, tags=["workflows"])
Reader = Annotated[Caller, needs("read")]
Writer = Annotated[Caller, needs("write")]


@router.get("/workflows")
async def list_workflows(
    who: Reader, limit: Annotated[int, Query(ge=1, le=MOST)] = 50, after: str | None = None
) -> Response:
    """Last changed first."""
    return answer(await in_thread(workflows.list_, who.ws, limit, after))


@router.post("/workflows", status_code=201, openapi_extra=A_WORKFLOW)
async def create_workflow(who: Writer, request: Request) -> Response:
    """The body is the workflow's JSON."""
    raw = await read_json(request)
    return _workflow(await in_thread(workflows.create, who.ws, raw), 201)


@router.post("/workflows/import", status_code=201, openapi_extra=A_WORKFLOW)
async def import_workflow(who: Writer, request: Request) -> Response:
    """The body is the file itself; it always becomes a new workflow."""
    data = await read_bytes(request, "", "application/octet-stream")
    return _workflow(await in_thread(workflows.import_, who.ws, data), 201)


@router.get("/workflows/{workflow_id}")
async def get_workflow(who: Reader, workflow_id: str, request: Request) -> Response:
    """The draft; its ETag is the revision."""
    found = await in_thread(workflows.get, who.ws, workflow_id)
    if request.headers.get("if-none-match") == _etag(found["rev"]):
        return Response(status_code=304, headers={"ETag": _etag(found["rev"])})
    return _workflow(found)


@router.put("/workflows/{workflow_id}", openapi_extra=A_WORKFLOW)
async def replace_workflow(who: Writer, workflow_id: str, request: Request) -> Response:
    """Needs `If-Match` with the ETag that you read."""
    rev = _if_match(request.headers.get("if-match"))
    await in_thread(workflows.expect, who.ws, workflow_id, rev)
    raw = await read_json(request)
    return _workflow(await in_thread(workflows.replace, who.ws, workflow_id, rev, raw))


@router.delete("/workflows/{workflow_id}", status_code=204)
async def delete_workflow(who: Writer, workflow_id: str) -> Response:
    """Out of sight; its runs stay readable. 409 while one of them has not ended."""
    await in_thread(workflows.delete, who.ws, workflow_id)
    return Response(status_code=204)


@router.get("/workflows/{workflow_id}/export")
async def export_workflow(who: Reader, workflow_id: str) -> Response:
    """The file, the same bytes for the same workflow."""
    data = await in_thread(workflows.export, who.ws, workflow_id)
    name = catalog.slug((await in_thread(workflows.get, who.ws, workflow_id))["name"]) or "workflow"
    return Response(
        data, media_type="application/json", headers={"Content-Disposition": f'attachment; filename="{name}.json"'}
    )


@router.get("/workflows/{workflow_id}/code")
async def get_code(who: Reader, workflow_id: str, target: str | None = None) -> Response:
    """The workflow as a Python file that runs without Nexod, for `target` (its own unless said): text/x-python."""
    text = await in_thread(workflows.code, who.ws, workflow_id, target)
    name = catalog.slug((await in_thread(workflows.get, who.ws, workflow_id))["name"]).replace("-", "_") or "workflow"
    return Response(text, media_type="text/x-python", headers={"Content-Disposition": f'inline; filename="{name}.py"'})


OPS = takes("client seq rev ops", client="string", seq="integer", rev="integer", ops="array")


@router.post("/workflows/{workflow_id}/ops", openapi_extra=OPS)
async def change_workflow(who: Writer, workflow_id: str, request: Request) -> Response:
    """What the canvas did. The draft may have errors afterwards; `problems` lists them."""
    reading = read_fields(request, "client", "seq", "rev", "ops")
    body = await read_for(reading, workflows.get, who.ws, workflow_id)
    fields = [body.get(name) for name in ("client", "seq", "rev", "ops")]
    return answer(await in_thread(workflows.apply_ops, who.ws, workflow_id, *fields))


@router.get("/workflows/{workflow_id}/versions")
async def list_versions(who: Reader, workflow_id: str) -> Response:
    """Newest first."""
    return answer({"items": await in_thread(workflows.versions, who.ws, workflow_id), "next": None})


@router.post("/workflows/{workflow_id}/versions", status_code=201)
async def save_version(who: Writer, workflow_id: str) -> Response:
    """The draft as it stands; the same content is the same version."""
    return answer(await in_thread(workflows.save_version, who.ws, workflow_id), 201)


def _workflow(found: dict[str, Any], status: int = 200) -> Response:
    headers = {"ETag": _etag(found["rev"])}
    if status == 201:
        headers["Location"] = f"/api/v1/workflows/{found['id']}"
    return answer(found, status, headers)


def _etag(rev: int) -> str:
    return f'"{rev}"'


def _if_match(header: str | None) -> Rev:
    """The revision in `If-Match`; one that is no revision of ours can match nothing."""
    if header is None:
        return None
    text = header.strip().removeprefix("W/").strip('"')
    if text == "*":
        return "*"
    return int(text) if text.isascii() and text.isdigit() else -1
