"""How the settings of models react."""

from __future__ import annotations

from typing import Any

import reflex as rx

from engine.services import preferences
from engine.store.session import Workspace
from nexod_app.call import call, guard
from nexod_app.settings import models
from nexod_app.settings.models import Price, Provider
from nexod_app.shell import Shell


class Models(rx.State):
    """Who can answer, whom the workspace chose, prices, and the price that is being changed."""

    providers: list[Provider] = []
    provider: str = "auto"
    model: str = ""
    prices: list[Price] = []
    used: str = ""
    budget: dict[str, str] = {}
    """What one run may spend, as typed; empty: no end."""
    draft: dict[str, str] = {}
    loaded: bool = False

    @rx.event
    async def load(self) -> None:
        await self._look()
        self.loaded = True

    async def _look(self) -> None:
        chosen, prices, used, budget = await call(self, look)
        self.providers = [models.provider(one) for one in chosen["providers"]]
        self.provider, self.model = chosen["provider"], chosen["model"]
        self.prices, self.used = [models.price(one) for one in prices["items"]], models.used(used)
        self.budget = models.budget(budget)

    @rx.event
    async def choose(self, form: dict[str, Any]) -> rx.event.EventSpec:
        await call(self, preferences.choose_models, form.get("provider"), form.get("model") or "")
        await self._look()
        return Shell.tell("completed", "Saved", "Steps on auto use it from their next call on.")

    @rx.event
    async def limit(self, form: dict[str, Any]) -> rx.event.EventSpec:
        dollars, tokens = (_number(form[name]) if form.get(name) else None for name in ("cost_usd", "tokens"))
        await call(self, preferences.set_budget, dollars, tokens)
        await self._look()
        return Shell.tell("completed", "Saved", "Runs that start or go on from now on keep to it.")

    @rx.event
    async def edit(self, model: str, into: str, out: str) -> None:
        """The dialog for one price; three empty texts for a new one."""
        await guard(self)
        self.draft = {"model": model, "input": into.lstrip("$"), "output": out.lstrip("$"), "open": "yes"}

    @rx.event
    async def close(self, open: bool) -> None:
        await guard(self)
        self.draft = self.draft if open else {}

    @rx.event
    async def save(self, form: dict[str, Any]) -> None:
        model = self.draft.get("model") or form.get("model")
        await call(self, preferences.set_price, model, _number(form.get("input")), _number(form.get("output")))
        self.draft = {}
        await self._look()

    @rx.event
    async def reset_price(self, model: str) -> None:
        await call(self, preferences.set_price, model)
        await self._look()


def look(ws: Workspace) -> tuple[dict[str, Any], ...]:
    return preferences.models(ws), preferences.prices(ws), preferences.usage(ws), preferences.budget(ws)


def _number(text: Any) -> Any:
    """A price as typed; what is none is left for the service to refuse in words."""
    try:
        return float(str(text).strip().lstrip("$").replace(",", ""))
    except ValueError:
        return text
