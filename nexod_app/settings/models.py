"""Which models answer and what their tokens cost, as the settings show it. Never a key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.services import preferences
from engine.store.session import Workspace
from nexod_app.runs.view import usage as usage_words

EXAMPLES = {"OLLAMA_BASE_URL": "http://127.0.0.1:11434/v1", "VLLM_BASE_URL": "http://127.0.0.1:8000/v1"}


@dataclass
class Provider:
    """One provider, whether it answers, and how it is switched on."""

    name: str
    title: str
    text: str
    ready: bool
    line: str
    """What to type where Nexod is started."""
    auto: bool
    """Whether a step that leaves the choice open asks it."""


@dataclass
class Price:
    """What a model's tokens cost; `own` when the workspace said so."""

    model: str
    input: str
    output: str
    own: bool


def provider(one: Mapping[str, Any]) -> Provider:
    line = f"export {one['variable']}={EXAMPLES.get(one['variable'], '…')}" if one["variable"] else ""
    return Provider(one["name"], one["title"], one["text"], one["ready"], line, one["auto"])


def price(one: Mapping[str, Any]) -> Price:
    return Price(one["model"], _dollars(one["input"]), _dollars(one["output"]), one["own"])


def used(found: Mapping[str, Any]) -> str:
    """`Last 30 days: 1.2 M tokens · $4.20, 31 runs.`"""
    runs = f"{found['runs']:,} run{'' if found['runs'] == 1 else 's'}"
    words = usage_words(dict(found))
    return f"Last {found['days']} days: {words}, {runs}." if words else ""


def budget(found: Mapping[str, Any]) -> dict[str, str]:
    """Dollars and tokens as they stand in the form; empty for no end."""
    dollars, tokens = found["cost_usd"], found["tokens"]
    typed = "" if dollars is None else _dollars(dollars).lstrip("$").replace(",", "")
    return {"cost_usd": typed, "tokens": str(tokens or "")}


def has_key(ws: Workspace) -> bool:
    """Whether a real model answers when a step does not choose one."""
    return any(one["auto"] and one["name"] != "demo" for one in preferences.models(ws)["providers"])


def _dollars(value: float) -> str:
    return f"${value:,.10f}".rstrip("0").rstrip(".") if value != round(value, 2) else f"${value:,.2f}"
