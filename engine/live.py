"""Streamed model text on its way to the page: gathered for a moment, written unfenced, dropped with the step."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from engine.secrets import redact
from engine.store import stream
from engine.store.database import Database

GATHER_S = 0.08


class Live:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._pieces: dict[tuple[str, str, str, str], list[str]] = {}
        self._streamed: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def emitter(self, workspace_id: str, run_id: str) -> Callable[[str, str, str], Awaitable[None]]:
        async def emit(node_id: str, key: str, text: str) -> None:
            self._pieces.setdefault((workspace_id, run_id, node_id, key), []).append(text)
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._flush())

        return emit

    async def drop(self, workspace_id: str, run_id: str) -> None:
        """Forget what a run streamed; the journal has what it came to."""
        mine = [place for place in self._pieces if place[1] == run_id]
        for place in mine:
            del self._pieces[place]
        if mine or run_id in self._streamed:
            self._streamed.discard(run_id)
            await asyncio.to_thread(stream.drop, self._db, workspace_id, run_id)

    async def close(self) -> None:
        if self._task:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _flush(self) -> None:
        await asyncio.sleep(GATHER_S)
        pieces, self._pieces = self._pieces, {}
        rows = [(*place, redact({"text": "".join(texts)})["text"]) for place, texts in pieces.items()]
        self._streamed.update(row[1] for row in rows)
        if rows:
            await asyncio.to_thread(stream.add, self._db, rows)
