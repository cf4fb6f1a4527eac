"""A member's model as CrewAI sees it: each of its turns goes over the desk, in our words."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import PrivateAttr

from engine import llm
from engine.backends import talk
from engine.backends.crewai.vendor import BaseLLM
from engine.backends.desk import Desk, Hand
from engine.errors import NodeError
from engine.node import Member, Task


class Left(BaseException):
    """Takes our fault out of CrewAI at once: an Exception it would retry, tell the model, or wrap."""

    def __init__(self, fault: Exception) -> None:
        super().__init__(str(fault))
        self.fault = fault


@asynccontextmanager
async def leaving() -> AsyncGenerator[None]:
    try:
        yield
    except Exception as fault:
        raise Left(fault) from fault


@dataclass(frozen=True, slots=True)
class Seat:
    """A member at the desk. `tasks` are those that it may be asked to do, by id."""

    desk: Desk
    member: Member
    tasks: Mapping[str, Task]
    hands: Mapping[str, Hand] = field(default_factory=dict[str, Hand])
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    """What the answer to a task with a schema is as JSON, by task id."""

    async def turn(self, messages: Sequence[Any], offered: Sequence[llm.ToolSpec], task_id: str) -> str | llm.Reply:
        """A text when the member is done, else a reply with calls of tools."""
        async with leaving():
            task = self.tasks[task_id]
            request = self._request(messages, offered, task)
            if offered and self.desk.left(task.id, self.member.id) <= 1:
                request = replace(request, tools=(), messages=(*request.messages, llm.Message("user", talk.LAST)))
            said = await self.desk.model(task.id, self.member.id, request, self.member.provider)
            if said.tool_calls:
                return said
            done = await talk.finish(self.desk, self.member, task, request, said)
            if not done["text"]:
                raise NodeError(f"{self.member.role} answered nothing.", code="model_bad_answer", retryable=True)
            if done.get("data") is not None:
                self.data[task.id] = done["data"]
            return done["text"]

    async def use(self, calls: Sequence[llm.ToolCall], task_id: str) -> list[str]:
        """What these calls brought, for the model."""
        async with leaving():
            return await self.desk.tools(task_id, self.member.id, calls, self.hands)

    def _request(self, messages: Sequence[Any], offered: Sequence[llm.ToolSpec], task: Task) -> llm.Request:
        told = [m for m in messages if m["role"] == "system"]
        return llm.Request(
            tuple(_message(m) for m in messages if m["role"] != "system"),
            model=self.member.model,
            system="\n\n".join(_text(m) for m in told),
            output_schema=None if offered else task.output_schema,
            tools=tuple(offered),
        )


class DeskModel(BaseLLM):
    """CrewAI's side of a seat."""

    _seat: Seat = PrivateAttr()

    @classmethod
    def of(cls, seat: Seat) -> DeskModel:
        model = cls(model=seat.member.model or seat.member.provider, provider="desk")
        model._seat = seat
        return model

    @property
    def seat(self) -> Seat:
        return self._seat

    async def acall(
        self, messages: Any, tools: Any = None, callbacks: Any = None, available_functions: Any = None,
        from_task: Any = None, from_agent: Any = None, response_model: Any = None,
    ) -> Any:  # fmt: skip
        return await self._seat.turn(messages, tools or (), from_task.name)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """For what CrewAI does by the side (summaries, plans, conversions): all of it is off."""
        raise Left(RuntimeError("CrewAI asked a model outside of an agent's turn"))

    def supports_function_calling(self) -> bool:
        return True

    def supports_stop_words(self) -> bool:
        return False


def _message(said: Mapping[str, Any]) -> llm.Message:
    if said["role"] == "tool":
        return llm.Message("tool", _text(said), tool_call_id=said["tool_call_id"])
    if said["role"] == "assistant":
        calls = said.get("tool_calls") or ()
        return llm.Message("assistant", _text(said), tuple(map(_call, calls)), kept=tuple(said.get("kept") or ()))
    return llm.Message("user", _text(said))


def _call(call: Mapping[str, Any]) -> llm.ToolCall:
    return llm.ToolCall.read(call["id"], call["function"]["name"], call["function"]["arguments"])


def _text(said: Mapping[str, Any]) -> str:
    return (said.get("content") or "").strip()
