"""How every handler reaches the engine: who is asking, one service in a thread, errors said in words."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, TypeVar

import reflex as rx
from reflex.event import EventSpec

from engine.errors import NexodError, Unauthorized
from nexod_app.auth import guard, workspace

T = TypeVar("T")
log = logging.getLogger("nexod.pages")

BROKEN = ("Something went wrong on our side.", "The server's log has the details. Try again.")


async def call(state: rx.State, service: Callable[..., T], *args: Any, **options: Any) -> T:
    """`service(workspace, …)` for whoever is signed in, off the event loop. Raises Unauthorized for anybody else."""
    actor = await guard(state)
    return await asyncio.to_thread(service, workspace(actor), *args, **options)


def explain(exception: Exception) -> EventSpec | None:
    """What a page does with an error that its handler let pass: sign in, or a toast that names fault and cure."""
    from nexod_app.shell import Shell

    if isinstance(exception, Unauthorized):
        return rx.redirect("/login")
    if isinstance(exception, NexodError):
        return Shell.tell("failed", exception.message, exception.hint)
    log.error("A page's handler failed", exc_info=exception)
    return Shell.tell("failed", *BROKEN)
