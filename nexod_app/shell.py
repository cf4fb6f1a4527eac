"""What stands around every page: the frame, how many questions wait, and toasts."""

from __future__ import annotations

from uuid import uuid4

import reflex as rx
from reflex.event import EventType

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
    )


def bare(current: str, *body: rx.Component) -> rx.Component:
    """A page that needs the width: the menu is a rail of icons."""
    return page(current, *body, wide=False)
