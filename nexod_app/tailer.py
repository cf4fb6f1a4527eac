"""Watches runs for everybody in this process: one reader of the journal, however many pages and callers wait.

It asks the database only when the bell says that somebody committed, and only about runs that somebody watches.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from engine.bell import EAGER_S, Bell
from engine.errors import NexodError
from engine.events import TERMINAL, Event
from engine.store import ledger, runs, stream
from engine.store.database import Database
from engine.store.stream import Piece

log = logging.getLogger("nexod.tailer")
LOOK_S = 1.0
"""How long a lost ring may go unnoticed."""
PAGE_S = 0.02
"""How often to look when only pages watch."""
RESTING = frozenset({"ended", "waiting", "review"})
BATCH = 500


@dataclass(eq=False, slots=True)
class Watch:
    """One who watches a run. `streams`: it wants events and text; the others only want to know when it rests."""

    streams: bool
    news: asyncio.Queue[list[Event] | str] = field(default_factory=lambda: asyncio.Queue(1000))
    found: asyncio.Event = field(default_factory=asyncio.Event)
    """The tailer knows where the run is: whatever is committed from now on comes as news."""
    rested: asyncio.Event = field(default_factory=asyncio.Event)
    lagging: bool = False
    """It reads too slowly: what it missed it reads from the journal itself."""
    seen: int = -1
    shown: dict[str, int] = field(default_factory=dict[str, int])
    """The last piece of streamed text that it got, by step."""

    def tell(self, item: list[Event] | str) -> None:
        try:
            self.news.put_nowait(item)
        except asyncio.QueueFull:
            self.lagging = True

    def look(self, state: str, next_seq: int, fresh: list[Event], pieces: list[Piece]) -> None:
        if self.streams:
            if fresh:
                self.tell(fresh)
            for piece in pieces:
                if piece.n > self.shown.get(piece.key, -1):
                    self.shown[piece.key] = piece.n
                    self.tell(json.dumps({"node_id": piece.node_id, "key": piece.key, "text": piece.text}))
        if state in RESTING and next_seq != self.seen:
            self.rested.set()
        self.seen = next_seq
        self.found.set()


@dataclass(slots=True)
class Watched:
    """A run under watch, and how far its journal was read."""

    watches: set[Watch] = field(default_factory=set[Watch])
    next_seq: int = -1

    def streams(self) -> bool:
        return any(watch.streams for watch in list(self.watches))


Look = tuple[str, int, list[Event], list[Piece]]


class Tailer:
    def __init__(self, db: Database, bell: Bell) -> None:
        self.db, self.bell = db, bell
        self._runs: dict[str, Watched] = {}
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def watch(self, run_id: str, streams: bool = False) -> Iterator[Watch]:
        """Hear of `run_id` until the end of the block."""
        watch = Watch(streams)
        watched = self._runs.setdefault(run_id, Watched())
        watched.watches.add(watch)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._tail(), name="tailer")
        else:
            self.bell.ring()
        try:
            yield watch
        finally:
            watched.watches.discard(watch)
            if not watched.watches and self._runs.get(run_id) is watched:
                del self._runs[run_id]

    async def close(self) -> None:
        self._runs.clear()
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self.bell.close()

    async def _tail(self) -> None:
        while self._runs:
            mark = self.bell.mark()
            try:
                await self._look()
            except NexodError as fault:
                log.warning("journals were not read: %s", fault)
                await asyncio.sleep(LOOK_S)
            pages_only = all(watch.streams for watched in self._runs.values() for watch in watched.watches)
            await self.bell.wait(LOOK_S, since=mark, pace_s=PAGE_S if pages_only else EAGER_S)

    async def _look(self) -> None:
        asked = {run_id: watched for run_id, watched in self._runs.items() if watched.watches}
        for run_id, (state, next_seq, fresh, pieces) in (await asyncio.to_thread(self._read, asked)).items():
            watched = asked[run_id]
            watched.next_seq = next_seq
            for watch in list(watched.watches):
                watch.look(state, next_seq, fresh, pieces)

    def _read(self, asked: dict[str, Watched]) -> dict[str, Look]:
        """In a thread: where the watched runs are, and for those that somebody streams, what is new."""
        found: dict[str, Look] = {}
        with self.db.read() as conn:
            for run_id, (state, next_seq, w) in runs.places(conn, asked).items():
                watched = asked[run_id]
                fresh: list[Event] = []
                pieces: list[Piece] = []
                if watched.streams():
                    if 0 <= watched.next_seq < next_seq:
                        fresh = ledger.events(conn, w, run_id, watched.next_seq - 1)
                    if state == "running":
                        pieces = stream.read(self.db, w, run_id)
                found[run_id] = (state, next_seq, fresh, pieces)
        return found


async def rest(tailer: Tailer, run_id: str, seconds: float, settled: Callable[[], Awaitable[bool]]) -> bool:
    """Wait until `settled()`, asked whenever the run rests; False when time is up."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            with tailer.watch(run_id) as watch:
                while True:
                    await watch.rested.wait()
                    watch.rested.clear()
                    if await settled():
                        return True
    return False


async def follow(
    tailer: Tailer, w: str, run_id: str, after: int, heartbeat_s: float
) -> AsyncIterator[Event | str | None]:
    """The events behind `after` as they come, pieces of streamed text, and None as a heartbeat; ends with the run."""
    last = after
    with tailer.watch(run_id, streams=True) as watch:
        await watch.found.wait()
        behind = True
        while True:
            if behind:
                events, ended = await asyncio.to_thread(_journal, tailer.db, w, run_id, last)
                behind = len(events) == BATCH
            else:
                try:
                    async with asyncio.timeout(heartbeat_s):
                        item = await watch.news.get()
                except TimeoutError:
                    item = None
                if not isinstance(item, list):
                    yield item
                    continue
                events, ended = [event for event in item if event.seq > last], item[-1].type in TERMINAL
                if watch.lagging or (events and events[0].seq > last + 1):
                    watch.lagging, behind = False, True
                    continue
            if ended and not events:
                return
            for event in events:
                last = event.seq
                yield event
                if event.type in TERMINAL:
                    return


def _journal(db: Database, w: str, run_id: str, after: int) -> tuple[list[Event], bool]:
    """The next events, and whether the run has ended."""
    with db.read() as conn:
        return ledger.events(conn, w, run_id, after, BATCH), runs.place(conn, w, run_id)[0] == "ended"
