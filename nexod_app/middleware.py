"""What stands before every request, pages included: ids, security headers, compression, the origin of sockets."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
import secrets
from functools import lru_cache
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.errors import NotFound
from engine.settings import Settings
from nexod_app import auth, early
from nexod_app.api import errors

log = logging.getLogger("nexod.web")
BUILD = Path(__file__).parents[1] / ".web" / "build" / "client"
_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_INLINE = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.S)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class RequestId:
    """An id for each request, in header, error body and log; and the last net for what nobody caught."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        asked = Headers(scope=scope).get("x-request-id", "")
        request_id = asked if _ID.fullmatch(asked) else secrets.token_hex(8)
        scope["nexod.request_id"] = request_id
        begun = False

        async def with_id(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            await self.app(scope, receive, with_id)
        except Exception:
            log.exception("%s %s failed, request %s", scope["method"], scope["path"], request_id)
            if begun:
                raise
            await errors.unexpected(request_id)(scope, receive, with_id)


class Guard:
    """Headers that browsers heed, and sockets for pages of our own origin only."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and not auth.own_origin(Headers(scope=scope), self.settings):
            await receive()
            return await send({"type": "websocket.close", "code": 1008})
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if not scope["path"].isprintable():
            # No page and no id has such a name, and the routers behind stumble over line ends.
            nothing = errors.respond(NotFound("There is nothing here."), secrets.token_hex(8))
            return await nothing(scope, receive, send)
        if scope["path"] in pages(BUILD):
            scope = {**scope, "path": f"{scope['path']}/"}

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._mark(scope["path"], message["status"], MutableHeaders(scope=message))
            await send(message)

        return await self.app(scope, receive, with_headers)

    def _mark(self, path: str, status: int, headers: MutableHeaders) -> None:
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        if self.settings.url.startswith("https://"):
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        kind = headers.get("content-type", "")
        if kind.startswith("text/html"):
            headers["Content-Security-Policy"] = policy(BUILD)
            headers.setdefault("Cache-Control", "no-cache")
            if status == 200 and (needed := early.links(BUILD, path)):
                headers["Link"] = needed
        elif path.startswith("/api/"):
            headers.setdefault("Cache-Control", "no-store")
            headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        elif path.startswith("/assets/") and status == 200:
            headers["Cache-Control"] = "public, max-age=31536000, immutable"


def wrap(app: ASGIApp, settings: Settings) -> ASGIApp:
    """`app` with everything that stands before it."""
    return Guard(GZipMiddleware(app, minimum_size=1024, compresslevel=5), settings)


@lru_cache(maxsize=4)
def pages(build: Path) -> frozenset[str]:
    """The addresses of the built pages; the file server would send each on to itself with a slash."""
    return frozenset(f"/{home.parent.name}" for home in build.glob("*/index.html"))


@lru_cache(maxsize=4)
def policy(build: Path) -> str:
    """The pages' content security policy: our own scripts, and those written into the built pages by their hash."""
    found = {script for page in build.rglob("*.html") for script in _INLINE.findall(page.read_bytes())}
    hashes = sorted(f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'" for script in found)
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' {' '.join(hashes)}".rstrip(),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )
