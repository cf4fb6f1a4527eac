"""What stands around every page: the frame, how many questions wait, and toasts."""

from __future__ import annotations

from uuid import uuid4

import reflex as rx
from reflex.event import EventType
from reflex_components_core.core.banner import has_connection_errors

from components.icons import icon
from components.layout import frame
from components.live import live, toasts
from engine.services import approvals
from nexod_app.call import call, guard


class Shell(rx.State):
    """The count in the menu and the latest toast."""

    waiting: int = 0
    notice: dict[str, str] = {}

    @rx.event
    async def look(self) -> None:
        """How many questions wait now. The first thing every page asks, so it also asks who is there."""
        self.waiting = await call(self, approvals.pending)

    @rx.event
    async def tell(self, tone: str, title: str, text: str = "") -> None:
        await guard(self)
        self.notice = {"id": uuid4().hex, "tone": tone, "title": title, "text": text}


def page(current: str, *body: rx.Component, refresh: EventType[()] | None = None, wide: bool = True) -> rx.Component:
    """A page in its frame. `refresh` is fired every few seconds while somebody looks."""
    ticks = [Shell.look, refresh] if refresh else [Shell.look]
    return rx.fragment(
        frame(current, *body, waiting=Shell.waiting, wide=wide),
        live(every=3000, on_tick=ticks),
        toasts(notice=Shell.notice),
        offline(),
    )


def offline() -> rx.Component:
    """Says that the server does not answer, for as long as it does not."""
    return rx.cond(
        has_connection_errors,
        rx.el.div(
            icon("warn"),
            "The server does not answer. This page goes on when it is back.",
            class_name="offline",
            role="alert",
        ),
    )


def bare(current: str, *body: rx.Component) -> rx.Component:
    """A page that needs the width: the menu is a rail of icons."""
    return page(current, *body, wide=False)
