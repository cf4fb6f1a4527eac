"""How long a model may keep us waiting: to connect, until its first token, between two tokens.

NEXOD_MODEL_CONNECT_S (10), NEXOD_MODEL_FIRST_S (60) and NEXOD_MODEL_IDLE_S (60) say otherwise.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable
from typing import TYPE_CHECKING, Any

from engine.llm import faults

if TYPE_CHECKING:
    import httpx


class Patience:
    max_bytes = 32_000_000
    """Of one answer on the wire, framing included."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.connect_s = _seconds("NEXOD_MODEL_CONNECT_S", 10)
        self.first_s = _seconds("NEXOD_MODEL_FIRST_S", 60)
        self.idle_s = _seconds("NEXOD_MODEL_IDLE_S", 60)

    def httpx(self) -> httpx.Timeout:
        """Only connecting and sending are left to httpx: its read timeout is fooled by keep-alive comments."""
        import httpx

        return httpx.Timeout(None, connect=self.connect_s, write=self.first_s, pool=self.connect_s)

    async def first(self, waiting: Awaitable[Any], refuses: int = 0) -> Any:
        """What `waiting` brings; an error of status `refuses` is handed back instead of raised."""
        try:
            async with asyncio.timeout(self.connect_s + self.first_s):
                return await waiting
        except TimeoutError:
            raise faults.timed_out(self.name, "the first token", self.first_s) from None
        except Exception as error:
            if refuses and getattr(error, "status_code", None) == refuses:
                return error
            raise

    async def idle(self, waiting: Awaitable[Any]) -> Any:
        try:
            async with asyncio.timeout(self.idle_s):
                return await waiting
        except TimeoutError:
            raise faults.timed_out(self.name, "the next token", self.idle_s) from None

    async def each(self, stream: Any) -> AsyncGenerator[Any]:
        """The items of `stream`: the first within `first_s`, each other within `idle_s` of the one before."""
        items = aiter(stream)
        try:
            async with asyncio.timeout(self.first_s):
                item = await anext(items, None)
        except TimeoutError:
            raise faults.timed_out(self.name, "the first token", self.first_s) from None
        while item is not None:
            yield item
            item = await self.idle(anext(items, None))


def _seconds(name: str, default: float) -> float:
    try:
        return float(os.environ.get(name) or default)
    except ValueError:
        return default
