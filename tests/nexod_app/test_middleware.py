"""What stands before every request."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route

from engine.settings import Settings
from nexod_app.middleware import policy, wrap


def app(url: str = "http://127.0.0.1:8000") -> Any:
    async def page(_: Any) -> HTMLResponse:
        return HTMLResponse("<html></html>")

    async def text(_: Any) -> PlainTextResponse:
        return PlainTextResponse("x" * 5000)

    routes = [Route("/", page), Route("/assets/a-1.js", text), Route("/api/v1/x", text)]
    return wrap(Starlette(routes=routes), Settings(url=url))


def http(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000")


async def test_pages_carry_a_policy_without_eval_and_cannot_be_framed():
    async with http(app()) as client:
        headers = (await client.get("/")).headers
    rules = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    assert "unsafe" not in rules["script-src"] and rules["frame-ancestors"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-cache" and "strict-transport-security" not in headers


async def test_built_files_are_kept_for_ever_and_answers_never():
    async with http(app()) as client:
        built = await client.get("/assets/a-1.js")
        missing = await client.get("/assets/b.js")
        answer = await client.get("/api/v1/x")
    assert "immutable" in built.headers["cache-control"] and "immutable" not in missing.headers.get("cache-control", "")
    assert answer.headers["cache-control"] == "no-store" and answer.headers["content-encoding"] == "gzip"


async def test_under_https_browsers_are_told_to_stay_there():
    async with http(app("https://nexod.example")) as client:
        assert "max-age" in (await client.get("/")).headers["strict-transport-security"]


def test_scripts_written_into_the_page_are_known_by_their_hash(tmp_path: Path):
    inside = "let a = 1;\nlet b = 2;"
    (tmp_path / "index.html").write_text(f'<script src="/x.js"></script><script type="module">{inside}</script>')
    digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}';" in policy(tmp_path)


@pytest.mark.parametrize(
    ("origin", "opens"),
    [("http://127.0.0.1:8000", True), ("http://localhost:8000", True), (None, True), ("https://evil.example", False),
     ("null", False), ("http://127.0.0.1:8001", False)],
)  # fmt: skip
async def test_a_socket_opens_for_our_own_pages_only(origin: str | None, opens: bool):
    reached: list[str] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["type"])

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"127.0.0.1:8000"), *([(b"origin", origin.encode())] if origin else [])]
    guarded = wrap(inner, Settings(url="http://127.0.0.1:8000"))
    await guarded({"type": "websocket", "path": "/_event", "headers": headers}, receive, send)
    assert reached == (["websocket"] if opens else [])
    assert [message["type"] for message in sent] == ([] if opens else ["websocket.close"])
