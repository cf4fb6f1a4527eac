"""Ask a model. One port, one file per provider; the vendors' packages are imported only when one is called."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from importlib import import_module
from typing import Any, cast

from engine.errors import NodeError
from engine.llm import scripted, structured
from engine.llm.faults import CHECK_KEY
from engine.llm.port import (
    Answer,
    Emit,
    Message,
    Once,
    Preferences,
    Protocol,
    Reply,
    Request,
    ToolCall,
    ToolSpec,
    Usage,
)
from engine.llm.presets import AUTO, NAMES, PRESETS, Name, Preset
from engine.llm.prices import Prices, cost, table

__all__ = [
    "NAMES", "Answer", "Message", "Name", "Preferences", "Reply", "Request", "ToolCall", "ToolSpec", "Usage", "choose",
    "complete", "missing_key", "providers", "switch", "turn",
]  # fmt: skip

NOTHING = Preferences()


async def complete(
    request: Request, provider: str, emit: Emit, once: Once | None = None, preferences: Preferences = NOTHING
) -> Answer:
    """The model's answer. With an output schema it fits: one repair turn, then `model_bad_output`.

    `once` records each turn (`RunContext.model_call`), so that a replay asks nobody twice.
    """

    async def ask(request: Request) -> Reply:
        async def now() -> dict[str, Any]:
            return (await turn(request, provider, emit, preferences)).to_json()

        return Reply.of(await (once or _directly)(request.identity(provider), now))

    reply = await ask(request)
    if request.output_schema is None:
        return Answer(reply.text, reply.provider, reply.model, reply.usage)
    data, faults = structured.read(reply.text, request.output_schema)
    usage = reply.usage
    if faults:
        reply = await ask(request.then(reply.text, structured.repair(request.output_schema, faults)))
        usage += reply.usage
        data, faults = structured.read(reply.text, request.output_schema)
    if faults:
        raise NodeError(
            f"The model's answer does not fit the output schema, also after one repair: {faults[0]}",
            code="model_bad_output",
            hint="Simplify the schema, say more in the prompt, or choose a stronger model.",
            retryable=True,
            faults=faults,
            usage=usage.to_json(),
        )
    return Answer(reply.text, reply.provider, reply.model, usage, data)


async def turn(request: Request, provider: str, emit: Emit, preferences: Preferences = NOTHING) -> Reply:
    """One turn, asked directly: a text, calls of tools, or both. The caller records it."""
    who = _preset(choose(provider, preferences))
    if not who.ready:
        raise NodeError(f"There is no key for {who.title}.", code="model_unauthorized", hint=CHECK_KEY)
    if provider == "auto" and not request.model and who.name == preferences.provider:
        request = replace(request, model=preferences.model)
    asked = request if who.protocol == "demo" else scripted.strip(request)
    protocol = cast(Protocol, import_module(f"engine.llm.{who.protocol}"))
    reply = await protocol.turn(asked, emit, who)
    return _priced(reply, (reply.model, asked.model or who.default_model()), preferences.prices)


def choose(provider: str, preferences: Preferences = NOTHING) -> str:
    """Who answers `auto`: whom the workspace prefers; else OpenAI if its key or base URL is set, else Anthropic,
    else the demo model."""
    if provider == "auto":
        provider = preferences.provider
    return next(name for name in AUTO if PRESETS[name].ready) if provider == "auto" else provider


def missing_key(provider: str) -> bool:
    """Whether a named provider cannot answer for want of a key. Cheap: reads the environment only."""
    return provider in PRESETS and not PRESETS[provider].ready


def switch(provider: str) -> str:
    """The variable of the environment that makes it answer."""
    return PRESETS[provider].variable


def providers(preferences: Preferences = NOTHING) -> list[dict[str, Any]]:
    """For the settings page: who can answer, with which model, and how to add a key. Holds no key."""
    active = choose("auto", preferences)
    return [
        {
            "name": who.name,
            "title": who.title,
            "text": who.text,
            "ready": who.ready,
            "auto": who.name == active,
            "model": who.default_model(),
            "variable": who.variable,
            "hint": who.hint,
            "base_url": who.base_url(),
        }
        for who in PRESETS.values()
    ]


def _priced(reply: Reply, names: tuple[str, ...], own: Prices) -> Reply:
    """With its cost: by the workspace's own prices, else what the provider said, else by our table, else nothing."""
    used = reply.usage

    def by(prices: Prices) -> float | None:
        told = (cost(name, used.input_tokens, used.output_tokens, prices) for name in names)
        return next((usd for usd in told if usd is not None), None)

    usd = by(own)
    if usd is None:
        usd = used.cost or by(table()) or 0.0
    return replace(reply, usage=replace(used, cost=usd))


async def _directly(_: dict[str, Any], fn: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    return await fn()


def _preset(name: str) -> Preset:
    if name not in PRESETS:
        known = ", ".join(NAMES)
        raise NodeError(f"There is no provider {name!r}.", code="model_refused", hint=f"Choose one of {known}.")
    return PRESETS[name]
