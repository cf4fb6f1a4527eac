"""No route without a check: every one of them, from the app itself."""

from __future__ import annotations

import httpx
import pytest
from fastapi.routing import APIRoute

from engine.services import identity
from engine.settings import Settings
from engine.store.session import Workspace
from nexod_app.api.app import create_api
from nexod_app.site import Site
from tests.nexod_app.api.conftest import client

NO_ROUTE = ("/api/v1", "/api/v1/{path:path}")
OPEN = {"/health", "/openapi.json", "/api/v1/health", "/api/v1/openapi.json"}
ROUTES = [route for route in create_api(Settings()).routes if isinstance(route, APIRoute)]
ASKED_LATER = {("POST", "/api/v1/approvals/{approval_id}"): "approve"}
"""The contract puts this one's 404 before its 403."""
READS = {("POST", "/api/v1/collections/{collection_id}/search")}
"""A question that is too long for an address."""


def scope_of(route: APIRoute) -> str | None:
    """The scope of a route's check; `open` if it has none."""
    checks = [part.call.scope for part in route.dependant.dependencies if hasattr(part.call, "scope")]
    return checks[0] if checks else "open"


def is_open(route: APIRoute) -> bool:
    methods = sorted(route.methods)
    return (
        (route.path in OPEN and methods == ["GET"])
        or (route.path == "/api/v1/session" and methods == ["POST"])
        or route.endpoint.__name__ == "nothing_here"
    )


def calls() -> list[tuple[str, str, str | None]]:
    """Every guarded method and path, and the scope it asks for."""
    return [(method, route.path, scope_of(route)) for route in ROUTES if not is_open(route) for method in route.methods]


def at(path: str) -> str:
    for name in ("workflow_id", "run_id", "approval_id", "key_id", "collection_id", "document_id"):
        path = path.replace(f"{{{name}}}", "01900000-0000-7000-8000-000000000000")
    return path.replace("{seq}", "0").removeprefix("/api/v1")


def test_only_the_named_routes_are_open():
    unguarded = [route.path for route in ROUTES if scope_of(route) == "open" and not is_open(route)]
    assert not unguarded
    assert {route.path for route in ROUTES if is_open(route)} == {*OPEN, "/api/v1/session", *NO_ROUTE}


def test_what_changes_something_asks_for_more_than_reading():
    for method, path, scope in calls():
        if method != "GET" and path != "/api/v1/session" and (method, path) not in {*ASKED_LATER, *READS}:
            assert scope in ("write", "run", "admin"), (method, path)


@pytest.mark.parametrize(("method", "path", "scope"), calls())
async def test_a_route_refuses_strangers_and_lesser_keys(site: Site, method: str, path: str, scope: str | None):
    ws = Workspace(site.db, "00000000-0000-7000-8000-000000000001")
    async with client(site) as stranger:
        for headers in (
            {},
            {"Authorization": "Bearer nxd_wrong"},
            {"Api-Key": identity.new_secret()},
            {"Cookie": "nexod_session=x"},
        ):
            answer = await stranger.request(method, at(path), headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized"), headers
    if scope is not None:
        others = [name for name in identity.SCOPES if name != scope]
        async with client(site, identity.create_key(ws, "less", others)["key"]) as lesser:
            answer = await lesser.request(method, at(path))
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")


@pytest.mark.parametrize(("method", "path", "scope"), [call for call in calls() if call[0] != "GET"])
async def test_a_cookie_changes_nothing_from_another_site(site: Site, method: str, path: str, scope: str | None):
    token = identity.login_link(site.db, "").split("=")[1]
    cookie = {"Cookie": f"nexod_session={identity.sign_in(site.db, token)}"}
    async with client(site) as browser:
        for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
            answer = await browser.request(method, at(path), headers={**cookie, "Origin": origin})
            assert answer.status_code == 403, origin
        answer = await browser.request(method, at(path), headers={**cookie, "Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403


async def test_both_headers_carry_a_key(site: Site, ws: Workspace):
    key = identity.create_key(ws, "test", ["read"])["key"]
    async with client(site) as http:
        for headers in ({"Authorization": f"bearer {key}"}, {"Api-Key": key}):
            assert (await http.get("/workflows", headers=headers)).status_code == 200


async def test_the_approval_check_comes_after_its_404(site: Site, ws: Workspace):
    async with client(site, identity.create_key(ws, "reader", ["read"])["key"]) as reader:
        assert (await reader.post("/approvals/nobody", json={})).status_code == 404


async def test_health_and_openapi_are_for_everybody(anybody: httpx.AsyncClient):
    health = await anybody.get("/health")
    assert health.status_code == 200 and health.json()["database"] == "ok" and health.json()["worker"] == "away"
    spec = (await anybody.get("/openapi.json")).json()
    assert "/api/v1/workflows/{workflow_id}/runs" in spec["paths"]
