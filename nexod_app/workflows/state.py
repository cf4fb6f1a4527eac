"""How the list of workflows reacts."""

from __future__ import annotations

from collections import Counter
from typing import Any

import reflex as rx
from reflex.event import EventSpec

from engine.errors import NotFound
from engine.services import approvals, catalog, runs, workflows
from engine.store.session import Workspace
from nexod_app.call import call, guard
from nexod_app.drawings import groups
from nexod_app.settings.models import has_key
from nexod_app.shell import Shell
from nexod_app.workflows import view
from nexod_app.workflows.view import Guide, Row

MOST = 100
"""Workflows shown; the search looks further."""
SEARCHED = 500


class Workflows(rx.State):
    """The rows, what is looked for, and the two dialogs: a refused file, a workflow about to be deleted."""

    rows: list[Row] = []
    query: str = ""
    order: str = "changed"
    guide: Guide = Guide()
    hidden: str = rx.LocalStorage("", name="nexod_guide", sync=True)
    refusal: dict[str, Any] = {}
    doomed: dict[str, str] = {}
    loaded: bool = False

    @rx.event
    async def load(self) -> None:
        found, done = await call(self, look, self.query, self.order)
        if found != self.rows:
            self.rows = found
        if view.guide(done) != self.guide:
            self.guide = view.guide(done)
        self.loaded = True

    @rx.event
    async def find(self, query: str) -> None:
        self.query = query[:200]
        self.rows, _ = await call(self, look, self.query, self.order)

    @rx.event
    async def sort(self, order: str) -> None:
        self.order = order
        self.rows, _ = await call(self, look, self.query, self.order)

    @rx.event
    async def create(self) -> EventSpec:
        made = await call(self, workflows.create, view.EMPTY)
        return rx.redirect(f"/workflows/{made['id']}")

    @rx.event
    async def start(self, slug: str) -> EventSpec:
        """A workflow from a template."""
        made = await call(self, from_template, slug)
        return rx.redirect(f"/workflows/{made['id']}")

    @rx.event
    async def run(self, workflow_id: str, ask: bool) -> EventSpec:
        if ask:
            await call(self, workflows.get, workflow_id)
            return rx.redirect(f"/workflows/{workflow_id}?run=1")
        started = await call(self, runs.start, workflow_id, {})
        return rx.redirect(f"/runs/{started['run_id']}")

    @rx.event
    async def duplicate(self, workflow_id: str) -> list[EventSpec]:
        spec = (await call(self, workflows.get, workflow_id))["spec"]
        await call(self, workflows.create, {**spec, "name": f"{spec['name']} (copy)"})
        return [Workflows.load(), Shell.tell("completed", f"{spec['name']} (copy) is ready")]

    @rx.event
    async def doom(self, workflow_id: str, name: str) -> None:
        """Ask before deleting; an empty id takes the question back."""
        await guard(self)
        self.doomed = {"id": workflow_id, "name": name} if workflow_id else {}

    @rx.event
    async def delete(self) -> list[EventSpec]:
        gone = self.doomed
        await call(self, workflows.delete, gone.get("id", ""))
        self.doomed = {}
        return [Workflows.load(), Shell.tell("completed", f"{gone['name']} is deleted", "Its runs stay readable.")]

    @rx.event
    async def imported(self, workflow_id: str) -> EventSpec:
        await call(self, workflows.get, workflow_id)
        return rx.redirect(f"/workflows/{workflow_id}")

    @rx.event
    async def refuse(self, refusal: dict[str, Any]) -> None:
        """Show why a file was refused; an empty one closes the dialog."""
        await guard(self)
        self.refusal = refusal

    @rx.event
    async def hide(self) -> None:
        await guard(self)
        self.hidden = "yes"


def look(ws: Workspace, query: str, order: str) -> tuple[list[Row], list[bool]]:
    """The rows, and which of the guide's four steps are done."""
    found = known(ws, SEARCHED if query else MOST)
    latest = last_runs(ws, found)
    rows = view.rows(found, latest, groups())
    answered = any(approvals.list_(ws, status, 1, None)["items"] for status in ("approved", "rejected"))
    done = [bool(latest), answered, has_key(ws), any(one["rev"] > 1 for one in found)]
    return view.kept(rows, query, order)[:MOST], done


def known(ws: Workspace, most: int) -> list[dict[str, Any]]:
    """Workflows, last changed first."""
    found: list[dict[str, Any]] = []
    after: str | None = None
    while len(found) < most:
        page = workflows.list_(ws, MOST, after)
        found += page["items"]
        after = page["next"]
        if not after:
            break
    return found


def last_runs(ws: Workspace, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The last runs of each, newest first: one query, and one more for a workflow that others' runs pushed out."""
    page = runs.list_(ws, 200)
    latest = page["items"]
    if page["next"]:
        count = Counter(run["workflow_id"] for run in latest)
        rare = {one["id"] for one in found if count[one["id"]] < view.BARS}
        latest = [run for run in latest if run["workflow_id"] not in rare]
        for workflow_id in rare:
            latest += runs.list_(ws, view.BARS, workflow_id=workflow_id)["items"]
    return latest


def from_template(ws: Workspace, slug: str) -> dict[str, Any]:
    """Raises NotFound for a slug that is not in the gallery."""
    for one in catalog.templates():
        if one["slug"] == slug:
            return workflows.create(ws, one["spec"])
    raise NotFound("There is no such template.")
