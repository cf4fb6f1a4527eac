"""The web process: page and REST on one port. The app itself is found by name, since `engine` knows no page."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from engine.errors import NexodError
from engine.lean import without
from engine.settings import Settings

ROOT = Path(__file__).parents[1]
APP = "nexod_app.nexod_app"
BUILT = {"REFLEX_ENV_MODE": "prod", "__REFLEX_SKIP_COMPILE": "1", "__REFLEX_MOUNT_FRONTEND_COMPILED_APP": "1"}
"""Serve the page as it was built: no compiler, no Node. The names are Reflex's own; a test starts a page with them."""
GRACE_S = 1.0
_STDERR = {"formatter": "generic", "class": "logging.StreamHandler", "stream": "ext://sys.stderr"}


def run(settings: Settings, load: Callable[[], Any] | None = None, ready: Callable[[], None] | None = None) -> None:
    """Until SIGTERM or SIGINT. The app is loaded first, then `ready` may make it wait for the database."""
    app = (load or built)()
    if ready:
        ready()
    asyncio.run(_serve(app, settings))


def built() -> Any:
    """The ASGI app of the exported page."""
    require_build()
    os.environ.update(BUILT)
    # Reflex looks for its configuration and its build where the process stands.
    os.chdir(ROOT)
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    with without("aiohttp", "requests", "websocket"):  # socketio's clients: a server has no use for them
        return import_module(APP).app()


def require_build() -> None:
    """Raises NexodError when there is no page to serve."""
    if not (ROOT / ".web" / "build" / "client" / "index.html").exists():
        raise NexodError("The page is not built.", code="not_built", hint="`make run` builds and starts it.")


async def _serve(app: Any, settings: Settings) -> None:
    # In this process: Granian's own supervisor would cost 30 MB and could leave orphans.
    from granian.constants import Interfaces
    from granian.log import LOGGING_CONFIG, LogLevels
    from granian.server.embed import Server

    handlers: Any = LOGGING_CONFIG["handlers"]
    server = Server(
        app, address=settings.host, port=settings.port, interface=Interfaces.ASGI, backlog=1024,
        log_level=LogLevels.error, log_dictconfig={"handlers": dict.fromkeys(handlers, _STDERR)},
    )  # fmt: skip
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.stop()
        # Open streams would keep it for ever; their readers come back by themselves.
        loop.call_later(GRACE_S, os._exit, 0)

    for signum in (signal.SIGTERM, signal.SIGINT):
        if signal.getsignal(signum) is not signal.SIG_IGN:
            loop.add_signal_handler(signum, stop)
    await server.serve()
