"""How the sheet with a document's passages and the test bench react."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import reflex as rx

from engine.errors import NexodError
from engine.services import documents, search
from engine.store.session import Workspace
from nexod_app import site
from nexod_app.call import call, guard
from nexod_app.knowledge import trial, view
from nexod_app.knowledge.state import Shelf
from nexod_app.knowledge.trial import Side
from nexod_app.knowledge.view import Doc, Passage
from nexod_app.words import duration

PAGE = 20


class Sheet(rx.State):
    """The document that is open, and its passages so far."""

    doc: Doc = Doc()
    passages: list[Passage] = []
    more: str = ""

    @rx.event
    async def open(self, document_id: str) -> None:
        self.doc, self.passages, self.more = await call(self, look, document_id)

    @rx.event
    async def further(self) -> None:
        passages, self.more = await call(self, further, self.doc.id, self.more)
        self.passages = [*self.passages, *passages]

    @rx.event
    async def close(self, open: bool) -> None:
        await guard(self)
        if not open:
            self.doc, self.passages, self.more = Doc(), [], ""


class Bench(rx.State):
    """A question, and what one or two settings find for it."""

    question: str = ""
    sides: list[Side] = [Side("a")]
    busy: bool = False

    @rx.event
    async def load(self) -> None:
        await guard(self)
        self.question, self.sides, self.busy = "", [Side("a")], False

    @rx.event
    async def compare(self) -> None:
        """A second set of settings beside the first, or back to one."""
        await guard(self)
        first = self.sides[0]
        other = Side("b", mode="keyword" if first.mode != "keyword" else "vector", top_k=first.top_k)
        self.sides = self.sides[:1] if len(self.sides) > 1 else [first, other]

    @rx.event
    async def ask(self, form: dict[str, Any]) -> None:
        await guard(self)
        collection = (await self.get_state(Shelf)).head.id
        self.question = str(form.get("question") or "").strip()[:2000]
        sides = [trial.side(one.name, form, one) for one in self.sides]
        self.sides = [await call(self, ask, collection, self.question, one) for one in sides]


def look(ws: Workspace, document_id: str) -> tuple[Doc, list[Passage], str]:
    return view.doc(documents.get(ws, document_id)), *further(ws, document_id, "")


def further(ws: Workspace, document_id: str, after: str) -> tuple[list[Passage], str]:
    page = documents.passages(ws, document_id, PAGE, after or None)
    return [view.passage(one) for one in page["items"]], page["next"] or ""


def ask(ws: Workspace, collection_id: str, question: str, side: Side) -> Side:
    """One side's search; what was wrong with it is said beside it."""
    side.asked = bool(question)
    if not question:
        return side
    from engine.knowledge.highlights import highlights  # with it comes numpy, which a start can do without

    started = time.perf_counter()
    try:
        asked, sort = trial.body(side, question), side.mode == "sorted"
        found = search.search(ws, site.current().settings, collection_id, asked, rerank=sort)
    except ValueError as fault:
        side.fault = str(fault)
    except NexodError as refused:
        side.fault, side.cure = refused.message, _cure(refused)
    else:
        side.matches = trial.matches(found["matches"], partial(highlights, question))
        side.warning = next((one["metadata"].get("warning", "") for one in found["matches"]), "")
        side.took = duration(round(1000 * (time.perf_counter() - started)))
    return side


def _cure(refused: NexodError) -> str:
    return refused.hint or " ".join(str(one.get("hint", "")) for one in refused.details[:2])
