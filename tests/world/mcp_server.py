"""A real MCP server in a thread: a tool that adds, one that fails, one with a name no model can write."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import uvicorn
from mcp.server.fastmcp import FastMCP
from mcp.server.transport_security import TransportSecuritySettings

from tests.running import free_port


class McpServer:
    """A context manager; `url` is where it listens, `calls` what arrived, `headers` those of the last request."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/mcp"
        self.calls: list[dict[str, Any]] = []
        self.headers: dict[str, str] = {}

    def _tools(self) -> FastMCP:
        open_to_tests = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        server = FastMCP("world", transport_security=open_to_tests)

        @server.tool()
        def add(a: int, b: int) -> int:
            """Adds two numbers."""
            self.calls.append({"add": [a, b]})
            return a + b

        @server.tool()
        def shout(text: str) -> str:
            """Says it louder."""
            if text == "broken":
                raise ValueError("no voice")
            return text.upper()

        @server.tool(name="files.read")
        async def read(path: str) -> str:
            """Reads a file."""
            if path == "slow":
                await asyncio.sleep(30)
            return f"contents of {path}"

        @server.tool()
        def hidden() -> str:
            """Not allowed by anybody."""
            return "never"

        return server

    def __enter__(self) -> McpServer:
        app = self._tools().streamable_http_app()

        async def noting(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                self.headers = {k.decode(): v.decode() for k, v in scope["headers"]}
            await app(scope, receive, send)

        config = uvicorn.Config(
            noting, host="127.0.0.1", port=self.port, log_level="error", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(5)
