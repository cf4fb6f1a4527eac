"""How the library reacts. What it shows is built into the page."""

from __future__ import annotations

import reflex as rx

from nexod_app.call import guard
from nexod_app.inbox.state import asked_for


class Library(rx.State):
    """What is looked for, and the kind that is open."""

    query: str = ""
    kind: str = ""

    @rx.event
    async def load(self) -> None:
        await guard(self)
        self.kind = asked_for(self.router.url)

    @rx.event
    async def find(self, query: str) -> None:
        await guard(self)
        self.query = query[:100].lower().strip()
