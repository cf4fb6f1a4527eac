"""How the settings react."""

from __future__ import annotations

from typing import Any

import reflex as rx

from engine.services import identity
from engine.store.session import Workspace
from nexod_app import site
from nexod_app.call import call, guard
from nexod_app.settings import view
from nexod_app.settings.view import Key
from nexod_app.shell import Shell


class Choices(rx.State):
    """Keys, facts of this server; a new key while its secret is shown, one about to be revoked."""

    keys: list[Key] = []
    facts: list[tuple[str, str]] = []
    asking: bool = False
    made: str = ""
    doomed: dict[str, str] = {}
    loaded: bool = False

    @rx.event
    async def load(self) -> None:
        self.keys = await call(self, keys)
        self.facts, self.loaded = view.facts(site.current().settings), True

    @rx.event
    async def ask(self, asking: bool) -> None:
        """The dialog for a new key; closing it forgets the secret."""
        await guard(self)
        self.asking, self.made = asking, ""

    @rx.event
    async def create(self, form: dict[str, Any]) -> None:
        scopes = [scope for scope in identity.SCOPES if form.get(f"scope-{scope}")]
        self.made = (await call(self, identity.create_key, form.get("name"), scopes))["key"]
        self.keys = await call(self, keys)

    @rx.event
    async def doom(self, key_id: str, name: str) -> None:
        """Ask before revoking; an empty id takes the question back."""
        await guard(self)
        self.doomed = {"id": key_id, "name": name} if key_id else {}

    @rx.event
    async def revoke(self) -> rx.event.EventSpec:
        gone = self.doomed
        await call(self, identity.revoke_key, gone.get("id", ""))
        self.doomed, self.keys = {}, await call(self, keys)
        return Shell.tell("completed", f"{gone['name']} is revoked", "Whoever used it is shut out now.")


def keys(ws: Workspace) -> list[Key]:
    return [view.key(one) for one in identity.list_keys(ws)]
