"""`nexod up` with an app of six lines in the place of the page, so that it starts in any tree."""

from __future__ import annotations

from typing import Any

from engine import up, web
from engine.settings import Settings


async def app(scope: Any, receive: Any, send: Any) -> None:
    while scope["type"] == "lifespan":
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"].endswith("shutdown"):
            return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


if __name__ == "__main__":
    settings = Settings.read()
    up.run(settings, lambda ready: web.run(settings, lambda: app, ready))
