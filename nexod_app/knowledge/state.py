"""How the list of collections and the page of one react."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex.event import EventSpec

from engine.errors import NexodError, NotFound
from engine.services import collections, documents
from engine.store.session import Workspace
from nexod_app import site
from nexod_app.call import call, guard
from nexod_app.inbox.state import asked_for
from nexod_app.knowledge import view
from nexod_app.knowledge.view import Choice, Doc, Head, Progress, Row
from nexod_app.shell import Shell

MOST = 200
"""Collections listed."""
PAGE = 100
"""Documents listed at a time."""
UNREADY, UNREADY_AT = 5000, "pending,ingesting,failed"
"""Documents in work or failed that the bar of all of them looks at; they may stand behind those listed."""
TABS = ("documents", "try", "settings")


class Collections(rx.State):
    """The list, and the dialog for a new one with what can be chosen in it."""

    rows: list[Row] = []
    stores: list[Choice] = []
    embeddings: list[Choice] = []
    asking: bool = False
    fault: str = ""
    loaded: bool = False

    @rx.event
    async def load(self) -> None:
        rows = await call(self, listed)
        if rows != self.rows:
            self.rows = rows
        self.loaded = True

    @rx.event
    async def ask(self, asking: bool) -> None:
        """The dialog for a new collection."""
        if asking:
            self.stores, self.embeddings = await call(self, choices)
        else:
            await guard(self)
        self.asking, self.fault = asking, ""

    @rx.event
    async def create(self, form: dict[str, Any]) -> EventSpec | None:
        await guard(self)
        body: dict[str, Any] = {name: form[name] for name in ("name", "store", "embedding") if form.get(name)}
        body |= {name: whole(form[name]) for name in ("chunk_size", "chunk_overlap") if form.get(name)}
        self.fault = ""
        try:
            made = await call(self, collections.create, site.current().settings, body)
        except NexodError as refused:
            self.fault = f"{refused.message} {refused.hint}".strip()
            return None
        self.asking = False
        return rx.redirect(f"/knowledge/{made['id']}")


class Shelf(rx.State):
    """One collection and its documents, as far as they are listed."""

    head: Head = Head()
    rows: list[Doc] = []
    progress: Progress = Progress()
    more: str = ""
    """The cursor behind the last one listed."""
    tab: str = "documents"
    lost: bool = False
    """There is no such collection."""
    doomed: dict[str, str] = {}
    """What is about to be deleted: {kind, id, name}."""
    adding: str = ""
    """The open dialog: text, url, cut."""

    @rx.event
    async def load(self) -> None:
        """The page was opened: the address says which collection, and perhaps which tab."""
        wanted, tab = asked_for(self.router.url), self.router.url.query_parameters.get("tab", "")
        if wanted != self.head.id:
            self.rows, self.more, self.progress, self.head = [], "", Progress(), Head(id=wanted)
        self.tab = tab if tab in TABS else "documents"
        self.doomed, self.adding = {}, ""
        await self._look()

    @rx.event
    async def refresh(self) -> None:
        await self._look()

    async def _look(self) -> None:
        try:
            head, rows, progress, more = await call(self, look, self.head.id, max(PAGE, len(self.rows)))
        except NotFound:
            self.lost = True
            return
        for name, value in {"head": head, "rows": rows, "progress": progress, "more": more, "lost": False}.items():
            if getattr(self, name) != value:
                setattr(self, name, value)

    @rx.event
    async def further(self) -> None:
        """The documents behind the last one listed."""
        rows, self.more = await call(self, further, self.head.id, self.more)
        self.rows = [*self.rows, *rows]

    @rx.event
    async def show(self, tab: str) -> None:
        await guard(self)
        self.tab = tab if tab in TABS else "documents"

    @rx.event
    async def add(self, adding: str) -> None:
        """The dialog for a text, a page, or a try at cutting; an empty word closes it."""
        await guard(self)
        self.adding = adding if adding in ("text", "url", "cut") else ""

    @rx.event
    async def keep(self, form: dict[str, Any]) -> None:
        """Take in a pasted text, or the page behind an address."""
        body = {name: str(form[name]) for name in ("url", "title", "text") if form.get(name)}
        await call(self, documents.add, site.current().settings, self.head.id, body)
        self.adding = ""
        await self._look()

    @rx.event
    async def retry(self, document_id: str) -> None:
        await call(self, documents.retry, document_id)
        await self._look()

    @rx.event
    async def cancel(self, document_id: str) -> None:
        await call(self, documents.cancel, document_id)
        await self._look()

    @rx.event
    async def doom(self, kind: str, thing_id: str, name: str) -> None:
        """Ask before deleting; an empty id takes the question back."""
        await guard(self)
        self.doomed = {"kind": kind, "id": thing_id, "name": name} if thing_id else {}

    @rx.event
    async def delete(self) -> list[EventSpec]:
        gone, self.doomed = self.doomed, {}
        whole = gone.get("kind") == "collection"
        await call(self, collections.delete if whole else documents.delete, gone.get("id", ""))
        told = Shell.tell("completed", f"{gone['name']} is deleted", "Searches no longer find it.")
        if whole:
            return [rx.redirect("/knowledge"), told]
        await self._look()
        return [told]


class Move(rx.State):
    """The settings of a collection: what it could move to."""

    stores: list[Choice] = []
    embeddings: list[Choice] = []
    store: str = ""
    embedding: str = ""

    @rx.event
    async def load(self) -> None:
        self.stores, self.embeddings = await call(self, choices)
        self.store = self.embedding = ""

    @rx.event
    async def choose(self, field: str, value: str) -> None:
        await guard(self)
        if field == "store":
            self.store = value
        else:
            self.embedding = value

    @rx.event
    async def move(self) -> list[EventSpec]:
        """Copy everything to the chosen store, embed everything anew, or both; where nothing else is chosen, embed it
        by the model that it has: what answers under its name may have changed."""
        await guard(self)
        shelf = await self.get_state(Shelf)
        now = {"store": shelf.head.store, "embedding": shelf.head.embedding}
        wanted = {"store": self.store, "embedding": self.embedding}
        changed = {name: value for name, value in wanted.items() if value and value != now[name]}
        body = changed or {"embedding": now["embedding"]}
        await call(self, collections.move, site.current().settings, shelf.head.id, body)
        self.store = self.embedding = ""
        return [
            Shelf.refresh(),
            Shell.tell("completed", "It is on its way", "Until then it is searched as before."),
        ]

    @rx.event
    async def stay(self) -> EventSpec:
        """Stop what is being copied: it stays where it is."""
        await guard(self)
        shelf = await self.get_state(Shelf)
        await call(self, collections.cancel_move, shelf.head.id)
        return Shelf.refresh()


def whole(text: Any) -> Any:
    """A number as typed; what is none is left for the service to refuse in words."""
    return int(text) if str(text).isdecimal() and len(str(text)) < 8 else text


def listed(ws: Workspace) -> list[Row]:
    return [view.row(one) for one in collections.list_(ws, MOST)["items"]]


def choices(ws: Workspace) -> tuple[list[Choice], list[Choice]]:
    settings = site.current().settings
    kept = [view.choice(one) for one in collections.stores(ws, settings)]
    return kept, [view.choice(one) for one in collections.embeddings(settings)]


def look(ws: Workspace, collection_id: str, most: int) -> tuple[Head, list[Doc], Progress, str]:
    """The collection and its newest documents, with the cursor of the next ones."""
    one = collections.get(ws, collection_id)
    rows, more = read(ws, collection_id, most)
    unready, _ = read(ws, collection_id, UNREADY, UNREADY_AT) if more else (rows, "")
    total = one["documents"] if more else len(rows)
    progress = view.progress(total, [row for row in unready if row["status"] != "ready"])
    return view.head(one), [view.doc(row) for row in rows], progress, more


def read(ws: Workspace, collection_id: str, most: int, status: str | None = None) -> tuple[list[dict[str, Any]], str]:
    """The newest documents, `most` of them or a page more, and the cursor of the next ones."""
    rows, more = [], None
    while len(rows) < most:
        page = documents.list_(ws, collection_id, PAGE, more, status)
        rows += page["items"]
        more = page["next"]
        if not more:
            break
    return rows, more or ""


def further(ws: Workspace, collection_id: str, after: str) -> tuple[list[Doc], str]:
    page = documents.list_(ws, collection_id, PAGE, after or None)
    return [view.doc(row) for row in page["items"]], page["next"] or ""
