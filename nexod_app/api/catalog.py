"""What there is: kinds of step, tools, agents, templates, the format of a workflow, and how the service is."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response

from engine.services import catalog, health
from engine.spec import json_schema
from nexod_app.api.calls import PREFIX, answer, in_thread, needs, site_of
from nexod_app.auth import Caller

router = APIRouter(prefix=PREFIX, tags=["catalog"])
Reader = Annotated[Caller, needs("read")]


@router.get("/node-types")
async def list_node_types(who: Reader) -> Response:
    """Every kind of step: its ports, the schema of its config, its help."""
    return answer({"items": await in_thread(catalog.node_types), "next": None})


@router.get("/tools")
async def list_tools(who: Reader) -> Response:
    """Every tool of agents and tool steps: its parameters, the schema of its settings, its help."""
    return answer({"items": await in_thread(catalog.tools), "next": None})


@router.get("/agent-library")
async def list_agents(who: Reader) -> Response:
    """Specialists and crews that are ready to use: the whole config of a step of their kind."""
    return answer({"items": await in_thread(catalog.agent_library), "next": None})


@router.get("/templates")
async def list_templates(who: Reader) -> Response:
    """The gallery; `spec` is a workflow to post."""
    return answer({"items": await in_thread(catalog.templates), "next": None})


@router.get("/schema/workflow")
async def workflow_schema(who: Reader) -> Response:
    """The JSON Schema of a workflow."""
    return answer(await in_thread(json_schema))


@router.get("/health")
async def get_health(request: Request) -> Response:
    """503 without a database; `degraded` while the queue or the workers are away."""
    found = await in_thread(health.look, site_of(request).db)
    return answer(found, 200 if found["database"] == "ok" else 503)
