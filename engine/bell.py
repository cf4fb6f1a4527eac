"""A hint that there may be something new to read. Never the news itself: whoever hears it reads the database.

On SQLite a waiting reader looks at `data_version`, 2 µs a look; PostgreSQL tells its listeners; with `REDIS_URL`
and PostgreSQL the hint goes through Redis and the database has one thing less to do. A hint may be lost, so every
wait has an end.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from engine.settings import Settings
from engine.store.database import CHANNEL, Database

log = logging.getLogger(__name__)
EAGER_S = 0.003
IDLE_S = 0.05
AGAIN_S = 1.0


class Bell:
    """One per event loop. `mark` before reading, then `wait(…, since=mark)`: what comes in between is not missed."""

    def __init__(self) -> None:
        self._count = 0
        self._waiting: dict[asyncio.Future[None], float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    def open(cls, settings: Settings, db: Database) -> Bell:
        if db.sqlite:
            return _Polled(db.version())
        if settings.redis_url:
            _publish(settings.redis_url, db)
            return _Heard(lambda: _redis(settings.redis_url))
        return _Heard(lambda: db.notices(AGAIN_S))

    def mark(self) -> int:
        return self._count

    async def wait(self, timeout_s: float, since: int | None = None, pace_s: float = EAGER_S) -> bool:
        """True when something may be new since `since` (default: now), False when time is up."""
        if since is not None and since != self._count:
            return True
        self._loop = asyncio.get_running_loop()
        rung = self._loop.create_future()
        self._waiting[rung] = pace_s
        self._attend()
        try:
            # Not `wait_for`: Python 3.11's loses a cancellation that comes together with the ring.
            async with asyncio.timeout(timeout_s):
                await rung
        except TimeoutError:
            return False
        finally:
            self._waiting.pop(rung, None)
        return True

    def ring(self) -> None:
        """Wake who waits in this process, without asking anybody."""
        self._count += 1
        for rung in list(self._waiting):
            if not rung.done():
                rung.set_result(None)

    def close(self) -> None:
        self.ring()

    def _attend(self) -> None:
        """Somebody waits now."""


class _Polled(Bell):
    """Looks only while somebody waits, as often as the most eager of them wants."""

    def __init__(self, version: Callable[[], int]) -> None:
        super().__init__()
        self._version = version
        self._seen = version()
        self._look: asyncio.TimerHandle | None = None
        self._due = 0.0

    def mark(self) -> int:
        self._peek()
        return self._count

    def _attend(self) -> None:
        assert self._loop is not None
        due = self._loop.time() + min(self._waiting.values())
        if self._look is None or due < self._due:
            if self._look:
                self._look.cancel()
            self._look, self._due = self._loop.call_at(due, self._tick), due

    def _tick(self) -> None:
        self._look = None
        self._peek()
        for rung in [rung for rung in self._waiting if rung.done()]:
            del self._waiting[rung]
        if self._waiting:
            self._attend()

    def _peek(self) -> None:
        if (version := self._version()) != self._seen:
            self._seen = version
            self.ring()


class _Heard(Bell):
    """A thread hears what the others say; it starts with the first who waits."""

    def __init__(self, source: Callable[[], Iterator[bool]]) -> None:
        super().__init__()
        self._source = source
        self._thread: threading.Thread | None = None
        self._closed = False

    def close(self) -> None:
        self._closed = True
        super().close()

    def _attend(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._listen, name="bell", daemon=True)
            self._thread.start()

    def _listen(self) -> None:
        while not self._closed:
            try:
                for _ in self._source():
                    self._tell()
                    if self._closed:
                        return
            except Exception as fault:
                log.warning("the bell is silent (%s); looking every second", fault)
                self._tell()
                time.sleep(AGAIN_S)

    def _tell(self) -> None:
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.ring)


def _redis(url: str) -> Iterator[bool]:
    from redis import Redis

    redis: Any = Redis
    with redis.from_url(url, socket_connect_timeout=1).pubsub(ignore_subscribe_messages=True) as channel:
        channel.subscribe(CHANNEL)
        while True:
            yield channel.get_message(timeout=AGAIN_S) is not None


def _publish(url: str, db: Database) -> None:
    """Let this process's commits ring through Redis instead of the database."""
    from redis import Redis, RedisError

    redis: Any = Redis
    client = redis.from_url(url, socket_connect_timeout=0.5, socket_timeout=1)

    def tell() -> None:
        try:
            client.publish(CHANNEL, "")
        except RedisError:
            log.warning("Redis does not answer; readers look every second")

    db.notifies = False
    db.after_commit.append(tell)
