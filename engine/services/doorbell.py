"""Tells a worker at once that a run waits, where this process holds a queue; otherwise the sweep will, soon enough."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from engine.queue import Queue
from engine.store.database import Database

_QUEUES: WeakKeyDictionary[Database, Queue] = WeakKeyDictionary()


def hang(db: Database, queue: Queue) -> None:
    """Ring `queue` for what is committed to `db`."""
    _QUEUES[db] = queue


def ring(db: Database, run_id: str) -> None:
    if queue := _QUEUES.get(db):
        queue.ring(run_id)


def answers(db: Database) -> bool:
    """Whether the queue is there."""
    queue = _QUEUES.get(db)
    return queue is not None and queue.answers()
