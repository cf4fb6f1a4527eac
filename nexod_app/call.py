"""How every handler reaches the engine: who is asking, one service in a thread, errors said in words.

A handler is a public endpoint: whoever has a socket can call it. So each begins with `guard` or `call`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, TypeVar

import reflex as rx
from reflex.event import EventSpec

from engine.errors import NexodError, Unauthorized
from nexod_app import site
from nexod_app.auth import Caller, from_cookies

T = TypeVar("T")
log = logging.getLogger("nexod.pages")

BROKEN = ("Something went wrong on our side.", "The server's log has the details. Try again.")


async def guard(state: rx.State) -> Caller:
    """Who sits at this browser. Raises Unauthorized for anybody who is not signed in, or no longer is."""
    return await asyncio.to_thread(_known, state.router.headers.cookie)


async def call(state: rx.State, service: Callable[..., T], *args: Any, **options: Any) -> T:
    """`service(workspace, …)` for whoever is signed in, off the event loop. Raises Unauthorized for anybody else."""

    def asked() -> T:
        return service(_known(cookie).ws, *args, **options)

    cookie = state.router.headers.cookie
    return await asyncio.to_thread(asked)


def _known(cookie: str) -> Caller:
    here = site.current()
    if (caller := from_cookies(here.db, here.settings, cookie)) is None:
        raise Unauthorized("Nobody is signed in here.")
    return caller


def explain(exception: Exception) -> EventSpec | None:
    """What a page does with an error that its handler let pass: sign in, or a toast that names fault and cure."""
    from nexod_app.shell import Shell

    if isinstance(exception, Unauthorized):
        return rx.redirect("/login")
    if isinstance(exception, NexodError):
        return Shell.tell("failed", exception.message, exception.hint)
    log.error("A page's handler failed", exc_info=exception)
    return Shell.tell("failed", *BROKEN)
