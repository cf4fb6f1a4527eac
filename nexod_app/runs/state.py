"""How the list of runs reacts."""

from __future__ import annotations

import reflex as rx

from engine.services import runs, workflows
from engine.store.session import Workspace
from nexod_app.call import call
from nexod_app.drawings import flow_of
from nexod_app.runs import view
from nexod_app.runs.view import Row

PAGE = 30


class Runs(rx.State):
    """One page of runs, and what they are filtered by."""

    rows: list[Row] = []
    status: str = ""
    workflow: str = ""
    choices: list[tuple[str, str]] = []
    after: str = ""
    more: str = ""
    """The cursor of the next page."""
    loaded: bool = False

    @rx.event
    async def load(self) -> None:
        """The page was opened; the address may name a workflow and a status."""
        asked = self.router.url.query_parameters
        self.workflow, self.status, self.after = asked.get("workflow", ""), known(asked.get("status", "")), ""
        await self._look()
        self.loaded = True

    @rx.event
    async def refresh(self) -> None:
        await self._look()

    @rx.event
    async def by_status(self, status: str) -> None:
        self.status, self.after = known(status), ""
        await self._look()

    @rx.event
    async def by_workflow(self, workflow: str) -> None:
        self.workflow, self.after = workflow, ""
        await self._look()

    @rx.event
    async def turn(self, after: str) -> None:
        """To the page behind a cursor; an empty one is the newest."""
        self.after = after
        await self._look()

    async def _look(self) -> None:
        rows, more, choices = await call(self, look, self.workflow, self.status, self.after)
        for name, value in {"rows": rows, "more": more, "choices": choices}.items():
            if getattr(self, name) != value:
                setattr(self, name, value)


def known(status: str) -> str:
    return status if status in dict(view.STATUSES) else ""


def look(ws: Workspace, workflow: str, status: str, after: str) -> tuple[list[Row], str, list[tuple[str, str]]]:
    """The rows of a page, the next cursor, and the workflows to choose from."""
    page = runs.list_(ws, PAGE, after or None, workflow or None, status or None)
    choices = [(one["id"], one["name"]) for one in workflows.list_(ws, 200)["items"]]
    names = dict(choices)
    rows = [view.row(run, names.get(run["workflow_id"]) or flow_of(ws, run["id"])["name"]) for run in page["items"]]
    return rows, page["next"] or "", choices
