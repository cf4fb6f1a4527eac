"""The doorbell: tells a worker that a run waits, in milliseconds. The only home of Huey.

A message carries a run's id and nothing else. Losing, doubling or flushing messages does not matter: the truth is
`run_queue`, and the sweep rings again for whoever was not heard.
"""

# Huey is not annotated.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from typing import Any

from engine.failpoint import hit
from engine.lean import without
from engine.settings import Settings

with without("psycopg", "opentelemetry"):  # a queue in PostgreSQL, and Redis' metrics
    from huey import RedisHuey, SqliteHuey
    from huey.api import Huey
    from huey.consumer import Consumer, Scheduler
    from huey.registry import Message
    from huey.serializer import Serializer
    from huey.storage import SqliteStorage

log = logging.getLogger(__name__)
BUSY_STEP_S, IDLE_STEP_S = 0.001, 0.004
"""How often a worker looks, soon after a message and later: half of it is the usual delay, 4 ms cost 1 % of a core."""
BUSY_S = 1.0
LOOK_S = 0.5
RING = "engine.queue.ring"


class Queue:
    """`ring` from any process, `listen` in a worker."""

    def __init__(self, huey: Huey) -> None:
        self._huey = huey
        self._on_ring: Callable[[str], None] | None = None
        self._ring = huey.task(name="ring")(self._answer)
        self._consumer: _Consumer | None = None
        # The quiet half of Huey's promise: a task starts and ends without a line in the log.
        logging.getLogger("huey").setLevel(logging.ERROR)

    @classmethod
    def open(cls, settings: Settings) -> Queue:
        common: dict[str, Any] = {"results": False, "serializer": JsonSerializer()}
        if settings.redis_url:
            return cls(RedisHuey("nexod", connection_pool=_pool(settings.redis_url), **common))
        path = str(settings.queue_path)
        return cls(SqliteHuey("nexod", storage_class=PatientStorage, filename=path, fsync=False, cache_mb=0, **common))

    def ring(self, run_id: str) -> bool:
        """False if it could not be sent; then the sweep will."""
        hit("before_doorbell")
        try:
            self._ring(run_id)
        except Exception as fault:
            log.warning("the queue does not answer (%s); the run waits for the next sweep", fault)
            return False
        return True

    def listen(self, on_ring: Callable[[str], None]) -> None:
        """Call `on_ring` with the id of each run rung for, from a thread of its own."""
        self._on_ring = on_ring
        self._consumer = _Consumer(
            self._huey, workers=1, periodic=False, initial_delay=0.1, backoff=1.5, max_delay=1, shutdown_timeout=3
        )
        self._consumer.start()

    def answers(self) -> bool:
        """Whether the broker is there."""
        try:
            self._huey.storage.queue_size()
        except Exception:
            return False
        return True

    def flush(self) -> None:
        self._huey.storage.flush_queue()

    def close(self) -> None:
        """Listen no more. Takes up to a second: what was heard meanwhile is still told."""
        if self._consumer:
            self._consumer.stop(graceful=True)
            self._consumer = None

    def _answer(self, run_id: str) -> None:
        hit("after_dequeue")
        if self._on_ring:
            self._on_ring(run_id)


class JsonSerializer(Serializer):
    """A message as JSON. Huey's own is pickle: whoever can write to such a broker can run code here."""

    def _serialize(self, data: Any) -> bytes:
        return json.dumps({"id": data.id, "name": data.name, "args": data.args}).encode()

    def _deserialize(self, data: bytes) -> Message:
        message = json.loads(data)
        args = tuple(str(arg) for arg in message["args"])
        return Message(id=str(message["id"]), name=str(message["name"]), retries=0, args=args, kwargs={})


class PatientStorage(SqliteStorage):
    """Waits for a message instead of asking for it. A lost message is rung again, so nothing is synced to disk."""

    blocking = True
    _last = 0.0

    def dequeue(self) -> Any:
        seen = self._version()
        found = super().dequeue()
        now = time.monotonic()
        end = now + LOOK_S
        step = BUSY_STEP_S if now < self._last + BUSY_S else IDLE_STEP_S
        while found is None and time.monotonic() < end:
            time.sleep(step)
            if (version := self._version()) != seen:
                seen = version
                found = super().dequeue()
        if found is not None:
            self._last = time.monotonic()
        return found

    def _version(self) -> int:
        """Changes when another connection has committed."""
        with self.lock:
            connection: Any = self.conn
            return connection.execute("pragma data_version").fetchone()[0]


class _Idle(Scheduler):
    """Nothing is ever scheduled here: timers are rows that the sweep looks after."""

    def loop(self, now: Any = None) -> None:
        self.stop_flag.wait(1)


class _Consumer(Consumer):
    """Runs in threads of the worker, which handles signals itself."""

    scheduler_class = _Idle

    def _set_signal_handlers(self) -> None:
        pass


def _pool(url: str) -> Any:
    from redis import ConnectionPool
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    # A broker that is down must cost an admission no more than a moment.
    return ConnectionPool.from_url(url, socket_connect_timeout=0.5, socket_timeout=3, retry=Retry(NoBackoff(), 0))
