"""The REST API as one FastAPI app. Reflex mounts itself behind it; alone it serves the same routes."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match

from engine.settings import Settings
from nexod_app import site as sites
from nexod_app.api import approvals, catalog, errors, identity, runs, workflows
from nexod_app.middleware import RequestId
from nexod_app.site import Site

PREFIX = "/api/v1"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
OPEN = {"get_health", "open_api", "sign_in", "nothing_here"}
"""The routes that ask for neither key nor session."""


def create_api(settings: Settings, site: Site | None = None) -> FastAPI:
    """Touches nothing until the first request. `site` is given by tests; a server makes its own."""
    api = FastAPI(title="Nexod", version="0.1.0", openapi_url=None, docs_url=None, redoc_url=None)
    api.state.site = site or Site(settings)
    sites.use(api.state.site)
    errors.register(api)
    api.add_middleware(RequestId)
    for part in (workflows, runs, approvals, identity, catalog):
        api.include_router(part.router, prefix=PREFIX)
    for prefix in ("", PREFIX):
        api.include_router(catalog.open_router, prefix=prefix, include_in_schema=bool(prefix))
        api.add_api_route(f"{prefix}/openapi.json", open_api, include_in_schema=False)
    api.add_api_route(PREFIX + "/{path:path}", nothing_here, methods=METHODS, include_in_schema=False)
    return api


async def open_api(request: Request) -> JSONResponse:
    """This API, as OpenAPI 3.1."""
    return JSONResponse(request.app.openapi())


async def nothing_here(request: Request) -> None:
    """Reflex, mounted behind, would answer anything else with a page."""
    allowed = {
        method
        for route in request.app.routes
        if isinstance(route, APIRoute) and route.endpoint is not nothing_here
        for method in route.methods
        if route.matches({**request.scope, "method": method})[0] is Match.FULL
    }
    if allowed:
        raise HTTPException(405, f"{request.method} is not possible here.", {"Allow": ", ".join(sorted(allowed))})
    raise HTTPException(404, "There is no such route.")
