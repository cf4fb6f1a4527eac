"""The one thread of a worker that writes journals: what arrives while it commits goes into the next commit together."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from engine.events import Event
from engine.store import ledger
from engine.store.database import Database

BATCH = 64
"""Appends per commit at most, so that the first of them does not wait for ever."""


@dataclass(frozen=True, slots=True)
class _Request:
    item: ledger.Append
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[list[Event]]


class Writer(threading.Thread):
    """`append` answers the recorded events, or raises Fenced (for that run only) or what the database said."""

    def __init__(self, db: Database) -> None:
        super().__init__(name="journal", daemon=True)
        self._db = db
        self._requests: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()

    async def append(self, item: ledger.Append) -> list[Event]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Event]] = loop.create_future()
        self._requests.put(_Request(item, loop, future))
        return await future

    def close(self) -> None:
        self._requests.put(None)
        self.join()

    def run(self) -> None:
        while (first := self._requests.get()) is not None:
            batch = [first]
            last = False
            while len(batch) < BATCH and not self._requests.empty():
                following = self._requests.get()
                if following is None:
                    last = True
                    break
                batch.append(following)
            self._commit(batch)
            if last:
                return

    def _commit(self, batch: list[_Request]) -> None:
        try:
            items = [request.item for request in batch]
            results: Sequence[list[Event] | BaseException] = ledger.append(self._db, items)
        except Exception as error:
            results = [error] * len(batch)
        try:
            batch[0].loop.call_soon_threadsafe(_deliver, batch, results)
        except RuntimeError:
            # The loop is gone: the worker is ending and nobody waits any more.
            return


def _deliver(batch: list[_Request], results: Sequence[list[Event] | BaseException]) -> None:
    for request, result in zip(batch, results, strict=True):
        if request.future.done():
            continue
        if isinstance(result, BaseException):
            request.future.set_exception(result)
        else:
            request.future.set_result(result)
