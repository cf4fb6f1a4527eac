"""Ask a model. One port, one file per provider; the vendors' packages are imported only when one is called."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any, cast

from engine.errors import NodeError
from engine.llm import scripted, structured
from engine.llm.faults import CHECK_KEY
from engine.llm.port import Answer, Emit, Message, Once, Provider, Reply, Request, ToolCall, ToolSpec, Usage

__all__ = [
    "Answer", "Message", "Reply", "Request", "ToolCall", "ToolSpec", "Usage", "choose", "complete", "missing_key",
    "providers", "turn",
]  # fmt: skip

NAMES = ("openai", "anthropic", "demo")


async def complete(request: Request, provider: str, emit: Emit, once: Once | None = None) -> Answer:
    """The model's answer. With an output schema it fits: one repair turn, then `model_bad_output`.

    `once` records each turn (`RunContext.model_call`), so that a replay asks nobody twice.
    """
    reply = await _recorded(request, provider, emit, once or _directly)
    if request.output_schema is None:
        return Answer(reply.text, reply.provider, reply.model, reply.usage)
    data, faults = structured.read(reply.text, request.output_schema)
    usage = reply.usage
    if faults:
        again = request.then(reply.text, structured.repair(request.output_schema, faults))
        reply = await _recorded(again, provider, emit, once or _directly)
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


async def turn(request: Request, provider: str, emit: Emit) -> Reply:
    """One turn, asked directly: a text, calls of tools, or both. The caller records it."""
    name = choose(provider)
    if missing_key(name):
        raise NodeError(f"There is no key for {name}.", code="model_unauthorized", hint=CHECK_KEY)
    asked = request if name == "demo" else scripted.strip(request)
    return await _provider(name).turn(asked, emit)


def choose(provider: str) -> str:
    """Who answers `auto`: OpenAI if its key or base URL is set, else Anthropic, else the demo model."""
    if provider != "auto":
        return provider
    return next(name for name in NAMES if not missing_key(name))


def missing_key(provider: str) -> bool:
    """Whether a named provider cannot answer for want of a key. Cheap: reads the environment only."""
    match provider:
        case "openai":
            return not (os.environ.get("OPENAI_API_KEY") or os.environ.get("OPENAI_BASE_URL"))
        case "anthropic":
            return not os.environ.get("ANTHROPIC_API_KEY")
        case _:
            return False


def providers() -> list[dict[str, Any]]:
    """For the settings page: who can answer, with which model, and how to add a key. Holds no key."""
    active = choose("auto")
    rows: list[dict[str, Any]] = []
    for name in NAMES:
        module = _provider(name)
        rows.append(
            {
                "name": name,
                "title": module.TITLE,
                "ready": not missing_key(name),
                "auto": name == active,
                "model": module.default_model(),
                "hint": module.HINT,
                "base_url": module.base_url(),
            }
        )
    return rows


async def _recorded(request: Request, provider: str, emit: Emit, once: Once) -> Reply:
    async def ask() -> dict[str, Any]:
        return (await turn(request, provider, emit)).to_json()

    return Reply.of(await once(request.identity(provider), ask))


async def _directly(_: dict[str, Any], fn: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    return await fn()


def _provider(name: str) -> Provider:
    if name not in NAMES:
        raise NodeError(
            f"There is no provider {name!r}.", code="model_refused", hint=f"Choose one of {', '.join(NAMES)}."
        )
    return cast(Provider, import_module(f"engine.llm.{name}"))
