"""The words between a step and a model: what is asked, what comes back. Knows no provider."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from engine.errors import NodeError

Emit = Callable[[str], Awaitable[None]]
"""Takes a piece of streamed text for the live page."""

Once = Callable[[dict[str, Any], Callable[[], Awaitable[dict[str, Any]]]], Awaitable[dict[str, Any]]]
"""Runs one turn, or hands back the recorded answer of the same request (`RunContext.model_call`)."""

MAX_ANSWER = 2_000_000
"""Characters of one answer. The longest that models write today are a quarter of that."""


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counts them, and dollars by our price table."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            round(self.cost + other.cost, 8),
        )

    def to_json(self) -> dict[str, Any]:
        return {"input_tokens": self.input_tokens, "output_tokens": self.output_tokens, "cost": self.cost}

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Usage:
        return cls(value.get("input_tokens") or 0, value.get("output_tokens") or 0, value.get("cost") or 0.0)


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model. `visit` matters to the demo model only."""

    messages: tuple[Message, ...]
    model: str = ""
    system: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    output_schema: dict[str, Any] | None = None
    visit: int = 1

    @classmethod
    def of(cls, prompt: str, **more: Any) -> Request:
        return cls((Message("user", prompt),), **more)

    def then(self, answer: str, reply: str) -> Request:
        """The same conversation, one turn on."""
        return replace(self, messages=(*self.messages, Message("assistant", answer), Message("user", reply)))

    def identity(self, provider: str) -> dict[str, Any]:
        """What makes two turns the same one; the journal hashes it."""
        return {
            "provider": provider, "model": self.model, "system": self.system,
            "messages": [{"role": m.role, "text": m.text} for m in self.messages],
            "temperature": self.temperature, "max_tokens": self.max_tokens, "output_schema": self.output_schema,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reply:
    """What one turn brought."""

    text: str
    provider: str
    model: str
    usage: Usage

    def to_json(self) -> dict[str, Any]:
        return {
            "provider": self.provider, "model": self.model, "answer": self.text, "usage": self.usage.to_json(),
        }  # fmt: skip

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Reply:
        return cls(value["answer"], value["provider"], value["model"], Usage.of(value.get("usage") or {}))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the turns together brought; `data` only when a schema was asked for."""

    text: str
    provider: str
    model: str
    usage: Usage = field(default_factory=Usage)
    data: Any = None


class Provider(Protocol):
    """One file per provider: a module with these names."""

    TITLE: str
    HINT: str
    """How to make it answer, in one sentence."""

    def default_model(self) -> str: ...

    def base_url(self) -> str:
        """Where it is asked, when the operator said so."""
        ...

    async def turn(self, request: Request, emit: Emit) -> Reply: ...


class Text:
    """Collects a streamed answer, passes it on, and stops one that never ends."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._parts: list[str] = []
        self._size = 0

    async def add(self, piece: str) -> None:
        self._size += len(piece)
        if self._size > MAX_ANSWER:
            raise NodeError(
                f"The model's answer passed {MAX_ANSWER:,} characters and was stopped.",
                code="model_bad_answer",
                hint="Set a lower 'Longest answer', or ask for less in one step.",
            )
        self._parts.append(piece)
        await self._emit(piece)

    def __str__(self) -> str:
        return "".join(self._parts)
