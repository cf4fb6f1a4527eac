"""The words between a step and a model: what is asked, what comes back. Knows no provider."""

from __future__ import annotations

import json
import typing
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from engine.errors import NodeError
from engine.llm.presets import Preset
from engine.llm.prices import Prices
from engine.values import is_object

Emit = Callable[[str], Awaitable[None]]
"""Takes a piece of streamed text for the live page."""

Once = Callable[[dict[str, Any], Callable[[], Awaitable[dict[str, Any]]]], Awaitable[dict[str, Any]]]
"""Runs one turn, or hands back the recorded answer of the same request (`RunContext.model_call`)."""

MAX_ANSWER = 2_000_000
"""Characters of one answer. The longest that models write today are a quarter of that."""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model sees it. `parameters` is the JSON Schema of its arguments, an object."""

    name: str
    description: str
    parameters: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "description": self.description, "parameters": self.parameters}


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model asks for a tool. `arguments` is None when `raw`, what the model wrote, is no JSON object."""

    id: str
    name: str
    arguments: dict[str, Any] | None
    raw: str

    @classmethod
    def read(cls, id: str, name: str, raw: str) -> ToolCall:
        """From the text a model wrote; none at all means no arguments."""
        return cls(id, name, _arguments(raw), raw)

    def sendable(self) -> dict[str, Any]:
        """The arguments for the model's own history; many endpoints refuse one that is no JSON object."""
        return {"unreadable": self.raw[:2000]} if self.arguments is None else self.arguments

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "arguments": self.arguments, "raw": self.raw}

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> ToolCall:
        return cls(value["id"], value["name"], value["arguments"], value["raw"])


@dataclass(frozen=True, slots=True)
class Message:
    """`tool_calls` are an assistant's; a `tool` message answers the call of `tool_call_id`. `kept` is the turn in its
    provider's own words, where that has to come back as it was: with what the model thought before it called."""

    role: Literal["user", "assistant", "tool"]
    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    kept: tuple[dict[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        value: dict[str, Any] = {"role": self.role, "text": self.text}
        if self.tool_calls:
            value["tool_calls"] = [call.to_json() for call in self.tool_calls]
        if self.tool_call_id:
            value["tool_call_id"] = self.tool_call_id
        if self.kept:
            value["kept"] = list(self.kept)
        return value


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
    tools: tuple[ToolSpec, ...] = ()
    past: int = 0
    """So many of the messages were said before this question."""

    @classmethod
    def of(cls, prompt: str, **more: Any) -> Request:
        return cls((Message("user", prompt),), **more)

    def then(self, answer: str, reply: str) -> Request:
        """The same conversation, one turn on."""
        return replace(self, messages=(*self.messages, Message("assistant", answer), Message("user", reply)))

    def identity(self, provider: str) -> dict[str, Any]:
        """What makes two turns the same one; the journal hashes it. Says nothing of tools where there are none."""
        identity = {
            "provider": provider, "model": self.model, "system": self.system,
            "messages": [m.to_json() for m in self.messages],
            "temperature": self.temperature, "max_tokens": self.max_tokens, "output_schema": self.output_schema,
        }  # fmt: skip
        return {**identity, "tools": [tool.to_json() for tool in self.tools]} if self.tools else identity


@dataclass(frozen=True, slots=True)
class Reply:
    """What one turn brought: a text, calls of tools, or both."""

    text: str
    provider: str
    model: str
    usage: Usage
    tool_calls: tuple[ToolCall, ...] = ()
    kept: tuple[dict[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        value: dict[str, Any] = {
            "provider": self.provider, "model": self.model, "answer": self.text, "usage": self.usage.to_json(),
        }  # fmt: skip
        if self.tool_calls:
            value["tool_calls"] = [call.to_json() for call in self.tool_calls]
        return {**value, "kept": list(self.kept)} if self.kept else value

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Reply:
        return cls(
            value["answer"],
            value["provider"],
            value["model"],
            Usage.of(value.get("usage") or {}),
            tuple(ToolCall.of(call) for call in value.get("tool_calls") or ()),
            tuple(value.get("kept") or ()),
        )

    def message(self) -> Message:
        """The turn as the next request tells it."""
        return Message("assistant", self.text, self.tool_calls, kept=self.kept)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the turns together brought; `data` only when a schema was asked for."""

    text: str
    provider: str
    model: str
    usage: Usage = field(default_factory=Usage)
    data: Any = None


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a workspace chose: whom `auto` asks, with which model, prices of its own, a run's budget."""

    provider: str = "auto"
    model: str = ""
    prices: Prices = field(default_factory=dict[str, tuple[float, float]])
    budget_usd: float | None = None
    budget_tokens: int | None = None
    """What one run may spend before a person is asked."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Preferences:
        """From the workspace's settings `models`, `prices` and `budget`."""
        models: dict[str, str] = settings.get("models") or {}
        prices: dict[str, Any] = settings.get("prices") or {}
        own = {name: (float(into), float(out)) for name, (into, out) in prices.items()}
        budget: dict[str, Any] = settings.get("budget") or {}
        return cls(
            models.get("provider", "auto"), models.get("model", ""), own, budget.get("cost_usd"), budget.get("tokens")
        )


class Protocol(typing.Protocol):
    """One file per protocol: a module that asks a provider who speaks it."""

    async def turn(self, request: Request, emit: Emit, who: Preset) -> Reply: ...


class Text:
    """Collects a streamed answer, passes it on, and stops one that never ends."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._parts: list[str] = []
        self._size = 0

    async def add(self, piece: str) -> None:
        self.count(piece)
        self._parts.append(piece)
        await self._emit(piece)

    def count(self, piece: str) -> None:
        """What belongs to the answer and is not shown: the arguments of a call."""
        self._size += len(piece)
        if self._size > MAX_ANSWER:
            raise NodeError(
                f"The model's answer passed {MAX_ANSWER:,} characters and was stopped.",
                code="model_bad_answer",
                hint="Set a lower 'Longest answer', or ask for less in one step.",
            )

    def __str__(self) -> str:
        return "".join(self._parts)


class Calls:
    """Collects the calls of a streamed answer, piece by piece; several may be under way at once."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self._parts: list[list[str]] = []
        self._at: dict[int, int] = {}

    def begin(self, index: int, id: str, name: str) -> None:
        """A call, or more of it: some endpoints say its name in every piece, some put all calls at one index."""
        slot = self._at.get(index)
        if slot is None or (id and self._parts[slot][0] and id != self._parts[slot][0]):
            slot = self._at[index] = len(self._parts)
            self._parts.append([id, name])
        self._parts[slot][0] = self._parts[slot][0] or id
        self._parts[slot][1] = self._parts[slot][1] or name

    def add(self, index: int, piece: str) -> None:
        self._text.count(piece)
        self.begin(index, "", "")
        self._parts[self._at[index]].append(piece)

    def __iter__(self) -> Iterator[ToolCall]:
        for at, (id, name, *pieces) in enumerate(self._parts):
            yield ToolCall.read(id or f"call_{at}", name, "".join(pieces))


def _arguments(raw: str) -> dict[str, Any] | None:
    try:
        value = json.loads(raw.strip() or "{}", parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return value if is_object(value) else None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
