"""The REST API as one FastAPI app. Reflex mounts itself behind it; alone it serves the same routes."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from engine.settings import Settings
from nexod_app import site as sites
from nexod_app.api import approvals, catalog, errors, identity, knowledge, memory, preferences, runs, workflows
from nexod_app.api.calls import PREFIX
from nexod_app.middleware import RequestId
from nexod_app.site import Site

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def create_api(settings: Settings, site: Site | None = None) -> FastAPI:
    """Touches nothing until the first request. `site` is given by tests; a server makes its own."""
    api = FastAPI(
        title="Nexod", version="0.1.0", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    api.state.site = site or Site(settings)
    sites.use(api.state.site)
    errors.register(api)
    api.add_middleware(RequestId)
    for part in (workflows, runs, approvals, knowledge, identity, catalog, memory, preferences):
        # Flat, not included: matched in one pass, and open to whoever lists them.
        api.router.routes.extend(part.router.routes)
    api.add_api_route("/health", catalog.get_health, include_in_schema=False)
    for prefix in ("", PREFIX):
        api.add_api_route(f"{prefix}/openapi.json", open_api, include_in_schema=False)
    for rest in ("", "/{path:path}"):
        api.add_api_route(PREFIX + rest, nothing_here, methods=METHODS, include_in_schema=False)
    return api


async def open_api(request: Request) -> JSONResponse:
    """This API, as OpenAPI 3.1."""
    return JSONResponse(request.app.openapi())


async def nothing_here(request: Request) -> None:
    """Reflex, mounted behind, would answer anything else with a page."""
    allowed: set[str] = set()
    for route in request.app.routes:
        ours = isinstance(route, APIRoute) and route.endpoint is not nothing_here
        if ours and route.path_regex.match(request.scope["path"]):
            allowed |= route.methods
    if allowed:
        raise HTTPException(405, f"{request.method} is not possible here.", {"Allow": ", ".join(sorted(allowed))})
    raise HTTPException(404, "There is no such route.")
