"""How the inbox reacts."""

from __future__ import annotations

import time
from typing import Any

import reflex as rx
from reflex.event import EventSpec

from engine.errors import Conflict, Gone, Invalid, NotFound
from engine.services import approvals, runs
from engine.store.session import Workspace
from nexod_app.call import call, guard
from nexod_app.drawings import flow_of, kinds
from nexod_app.inbox import view
from nexod_app.inbox.view import Card, Item
from nexod_app.shell import Shell

MOST = 100
LATELY = 6
"""Answered questions below the open ones."""


class Inbox(rx.State):
    """The two lists, the open card, and what was wrong with its last answer."""

    items: list[Item] = []
    answered: list[Item] = []
    tab: str = "open"
    card: Card = Card()
    chosen: str = ""
    """The id in the address; a phone shows that question instead of the list."""
    faults: dict[str, str] = {}
    raw: bool = False
    loaded: bool = False

    @rx.event
    async def load(self) -> None:
        """The page was opened, or another question was chosen: the address says which."""
        self.chosen, self.faults, self.raw = asked_for(self.router.url), {}, False
        await self._look()
        self.loaded = True

    @rx.event
    async def refresh(self) -> None:
        await self._look()

    async def _look(self) -> None:
        items, answered, card = await call(self, look, self.chosen or self.card.id, self.tab)
        for name, value in {"items": items, "answered": answered, "card": card}.items():
            if getattr(self, name) != value:
                setattr(self, name, value)

    @rx.event
    async def show(self, tab: str) -> None:
        """The open questions, or all answered ones."""
        await guard(self)
        self.tab = "answered" if tab == "answered" else "open"
        await self._look()

    @rx.event
    async def as_written(self, raw: bool) -> None:
        await guard(self)
        self.raw = raw

    @rx.event
    async def step(self, by: int) -> EventSpec | None:
        """To the next question of the list, or the one before."""
        await guard(self)
        ids = [item.id for item in [*self.items, *self.answered]]
        at = ids.index(self.card.id) + (1 if by > 0 else -1) if self.card.id in ids else 0
        return rx.redirect(f"/inbox/{ids[at]}") if 0 <= at < len(ids) else None

    @rx.event
    async def answer(self, answer: dict[str, Any]) -> list[EventSpec]:
        """Take the decision. Whoever was first wins; the card then shows the winner's answer."""
        by = await guard(self)
        body = {name: answer[name] for name in ("decision", "data", "comment", "hash") if name in answer}
        self.faults, then = {}, [Shell.look()]
        try:
            await call(self, approvals.decide, str(answer.get("id")), body, by.actor)
        except Invalid as refused:
            self.faults = view.faults(refused.details)
            then.append(Shell.tell("failed", refused.message, next(iter(self.faults.values()), refused.hint)))
        except (Conflict, Gone) as late:
            then.append(Shell.tell("waiting", late.message, late.hint))
        await self._look()
        return then


def asked_for(url: Any) -> str:
    """The id of `/inbox/{id}` or `/inbox?id=…`."""
    parts = url.path.strip("/").split("/")
    return parts[1] if len(parts) > 1 else url.query_parameters.get("id", "")


def look(ws: Workspace, chosen: str, tab: str) -> tuple[list[Item], list[Item], Card]:
    """Both lists, and the chosen question; the first of the list if none is."""
    found = approvals.list_(ws, "pending", MOST)["items"]
    most = LATELY if tab == "open" else MOST
    done = approvals.list_(ws, ",".join(view.CLOSED), most)["items"]
    now = time.time_ns() // 1_000_000
    items = [view.item(one, flow_of(ws, one["run_id"]), heading) for one, heading in view.waiting(found, now)]
    heads = ["Answered lately", *[""] * most]
    answered = [view.item(one, flow_of(ws, one["run_id"]), head) for one, head in zip(done, heads, strict=False)]
    ids = [item.id for item in items]
    return items, answered, open_card(ws, chosen or next(iter(ids), ""), ids)


def open_card(ws: Workspace, chosen: str, ids: list[str]) -> Card:
    """The question with everything around it; an empty card if there is none of that id."""
    try:
        approval = approvals.get(ws, chosen) if chosen else None
    except NotFound:
        approval = None
    if approval is None:
        return Card()
    run_id = approval["run_id"]
    place = f"{ids.index(chosen) + 1} of {len(ids)}" if chosen in ids else ""
    return view.card(approval, flow_of(ws, run_id), past_of(ws, run_id), kinds(), place)


def past_of(ws: Workspace, run_id: str) -> list[dict[str, Any]]:
    """The run's events so far, the latest thousands at most."""
    events: list[dict[str, Any]] = []
    while fresh := runs.events(ws, run_id, events[-1]["seq"] if events else -1):
        events += fresh
        if len(fresh) < runs.MAX_EVENTS:
            break
    return events
