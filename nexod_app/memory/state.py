"""How the page of the memory reacts."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex.event import EventSpec

from engine.errors import NotFound
from engine.services import memory, workflows
from engine.store.session import Workspace
from nexod_app.call import call, guard
from nexod_app.memory import view
from nexod_app.memory.view import Item, Message, Thread
from nexod_app.shell import Shell

PAGE = 50
MOST = 200
"""Workflows whose names are known to the patterns."""
KINDS = ("fact", "pattern", "thread")


class Memory(rx.State):
    """Facts or patterns as far as they are listed, and the one that is being changed."""

    items: list[Item] = []
    kind: str = "fact"
    query: str = ""
    more: str = ""
    """The cursor behind the last one listed."""
    editing: str = ""
    """The id of the one that is being changed; `new` for a new fact."""
    doomed: dict[str, str] = {}
    loaded: bool = False

    @rx.event
    async def load(self) -> None:
        """The page was opened; the address may name a tab."""
        asked = self.router.url.query_parameters.get("tab", "")
        self.kind, self.query, self.editing, self.doomed = asked if asked in KINDS else "fact", "", "", {}
        await self._look()
        self.loaded = True

    async def _look(self) -> None:
        kind = self.kind if self.kind != "thread" else "fact"
        self.items, self.more = await call(self, items, kind, self.query, "")

    @rx.event
    async def show(self, kind: str) -> None:
        await guard(self)
        self.kind, self.editing = kind if kind in KINDS else "fact", ""
        await self._look()

    @rx.event
    async def find(self, query: str) -> None:
        await guard(self)
        self.query = query[:200]
        await self._look()

    @rx.event
    async def further(self) -> None:
        found, self.more = await call(self, items, self.kind, self.query, self.more)
        self.items = [*self.items, *found]

    @rx.event
    async def edit(self, item_id: str) -> None:
        """Change one in its place; an empty id leaves it as it was."""
        await guard(self)
        self.editing = item_id

    @rx.event
    async def save(self, form: dict[str, Any]) -> None:
        body = {name: str(form[name]) for name in ("text", "subject") if name in form}
        if self.editing == "new":
            await call(self, memory.add_item, body)
        else:
            await call(self, memory.update_item, self.editing, body)
        self.editing = ""
        await self._look()

    @rx.event
    async def doom(self, item_id: str, name: str) -> None:
        """Ask before forgetting; an empty id takes the question back."""
        await guard(self)
        self.doomed = {"id": item_id, "name": name[:80]} if item_id else {}

    @rx.event
    async def forget(self) -> EventSpec:
        gone, self.doomed = self.doomed, {}
        await call(self, memory.delete_item, gone.get("id", ""))
        await self._look()
        return Shell.tell("completed", "Forgotten", gone["name"])


class Threads(rx.State):
    """The threads, and the one that is open."""

    threads: list[Thread] = []
    more: str = ""
    open: str = ""
    messages: list[Message] = []
    further_messages: str = ""
    doomed: str = ""
    editing: str = ""
    """The id of the message that is being changed."""
    dropping: dict[str, str] = {}
    """The message that is to be forgotten, once somebody is sure."""

    @rx.event
    async def load(self) -> None:
        """The first ones; the address may name the one to open."""
        self.threads, self.more = await call(self, threads, "")
        self.doomed = ""
        await self._read(self.router.url.query_parameters.get("thread", ""))

    async def _read(self, name: str) -> None:
        self.open, self.messages, self.further_messages = name, [], ""
        self.editing, self.dropping = "", {}
        if name:
            try:
                self.messages, self.further_messages = await call(self, messages, name, "")
            except NotFound:
                self.open = ""

    @rx.event
    async def further(self) -> None:
        found, self.more = await call(self, threads, self.more)
        self.threads = [*self.threads, *found]

    @rx.event
    async def read(self, name: str) -> None:
        await guard(self)
        await self._read(name)

    @rx.event
    async def read_on(self) -> None:
        found, self.further_messages = await call(self, messages, self.open, self.further_messages)
        self.messages = [*self.messages, *found]

    @rx.event
    async def edit(self, message_id: str) -> None:
        """Change a message in its place; an empty id leaves it as it was."""
        await guard(self)
        self.editing = message_id

    @rx.event
    async def save(self, form: dict[str, Any]) -> None:
        body = {"text": str(form.get("text", ""))}
        changed = view.message(await call(self, memory.update_message, self.editing, body))
        self.messages = [changed if one.id == changed.id else one for one in self.messages]
        self.editing = ""

    @rx.event
    async def drop(self, message_id: str, text: str) -> None:
        """Ask before forgetting a message; an empty id takes the question back."""
        await guard(self)
        self.dropping = {"id": message_id, "text": text[:80]} if message_id else {}

    @rx.event
    async def forget_message(self) -> EventSpec:
        gone, self.dropping = self.dropping, {}
        await call(self, memory.delete_message, gone.get("id", ""))
        self.messages = [one for one in self.messages if one.id != gone["id"]]
        self.threads, self.more = await call(self, threads, "")
        if not self.messages:
            await self._read(self.open)
        return Shell.tell("completed", "Forgotten", gone["text"])

    @rx.event
    async def doom(self, name: str) -> None:
        """Ask before forgetting a thread; an empty name takes the question back."""
        await guard(self)
        self.doomed = name

    @rx.event
    async def forget(self) -> EventSpec:
        name, self.doomed = self.doomed, ""
        await call(self, memory.delete_thread, name)
        self.threads, self.more = await call(self, threads, "")
        await self._read("")
        return Shell.tell("completed", "Forgotten", name)


def items(ws: Workspace, kind: str, query: str, after: str) -> tuple[list[Item], str]:
    page = memory.list_items(ws, kind, query, PAGE, after or None)
    flows = {one["id"]: one["spec"] for one in workflows.list_(ws, MOST)["items"]} if kind == "pattern" else {}
    return [view.item(one, flows) for one in page["items"]], page["next"] or ""


def threads(ws: Workspace, after: str) -> tuple[list[Thread], str]:
    page = memory.list_threads(ws, PAGE, after or None)
    return [view.thread(one) for one in page["items"]], page["next"] or ""


def messages(ws: Workspace, name: str, after: str) -> tuple[list[Message], str]:
    page = memory.thread(ws, name, PAGE, after or None)
    return [view.message(one) for one in page["items"]], page["next"] or ""
