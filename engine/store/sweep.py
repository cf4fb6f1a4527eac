"""What nobody attends to: lost leases, due timers, deadlines, unanswered doorbells. Any worker may sweep."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from engine.errors import Fenced
from engine.events import NewEvent, rfc3339
from engine.store.database import Database, Statement, is_sqlite, now_ms
from engine.store.ledger import CANCELLED, Append, write

LOST_MOST = 3
"""Leases lost in a row, with nothing recorded between, after which a run is kept from the workers."""
RING_AGAIN_MS = 5000
LIMIT = 200

_DUE = Statement(
    "select 1 where exists (select 1 from run_queue where state = 'running' and lease_until < :now)"
    " or exists (select 1 from run_queue where state = 'queued' and cancel_requested = 1)"
    " or exists (select 1 from timer where due_at <= :now)"
    " or exists (select 1 from approval where status = 'pending' and deadline_at <= :now)"
    " or exists (select 1 from outbox where kind = 'doorbell' and due_at <= :now)"
)
_ALONE = "select pg_try_advisory_xact_lock(1852798828)"
_EXPIRED = Statement(
    "select run_id, workspace_id, epoch, lost_in_a_row, cancel_requested from run_queue"
    " where state = 'running' and lease_until < :now order by run_id limit :limit"
)
_LOSE = Statement(
    "update run_queue set state = 'queued', owner = null, lease_until = null, lost_in_a_row = lost_in_a_row + 1"
    " where run_id = :run_id and epoch = :epoch and state = 'running' and lease_until < :now returning lost_in_a_row"
)
_ASKED = Statement(
    "select run_id, workspace_id from run_queue where state = 'queued' and cancel_requested = 1 limit :limit"
)
_TIMERS = Statement(
    "select workspace_id, run_id, key, node_id, due_at from timer where due_at <= :now order by due_at limit :limit"
)
_DEADLINES = Statement(
    "select workspace_id, id, run_id, node_id, key from approval"
    " where status = 'pending' and deadline_at <= :now order by deadline_at limit :limit"
)
_BELLS = Statement(
    "select workspace_id, ref from outbox where kind = 'doorbell' and due_at <= :now order by due_at limit :limit"
)
_RANG = Statement(
    "update outbox set due_at = :due, attempts = attempts + 1"
    " where workspace_id = :w and kind = 'doorbell' and ref = :ref"
)


@dataclass(slots=True)
class Swept:
    """What a sweep found; `ring` are the runs to be told to the queue."""

    lost: int = 0
    quarantined: int = 0
    cancelled: int = 0
    timers: int = 0
    deadlines: int = 0
    ring: list[str] = field(default_factory=list[str])


def sweep(db: Database) -> Swept:
    swept = Swept()
    with db.read() as conn:
        if _DUE(conn, now=now_ms(conn)).first() is None:
            return swept
    with db.begin() as conn:
        if not is_sqlite(conn) and not conn.exec_driver_sql(_ALONE).scalar():
            return swept
        now = now_ms(conn)
        for row in _EXPIRED(conn, now=now, limit=LIMIT).all():
            _lose(conn, row, now, swept)
        for row in _ASKED(conn, limit=LIMIT).all():
            swept.cancelled += _say(conn, row.workspace_id, row.run_id, CANCELLED)
        for row in _TIMERS(conn, now=now, limit=LIMIT).all():
            fired = NewEvent("timer_fired", {"due_at": rfc3339(row.due_at)}, row.node_id, row.key)
            swept.timers += _say(conn, row.workspace_id, row.run_id, fired)
        for row in _DEADLINES(conn, now=now, limit=LIMIT).all():
            swept.deadlines += _say(conn, row.workspace_id, row.run_id, _timeout(row))
        for row in _BELLS(conn, now=now + 1, limit=LIMIT).all():
            _RANG(conn, w=row.workspace_id, ref=row.ref, due=now + RING_AGAIN_MS)
            swept.ring.append(row.ref)
    return swept


def _lose(conn: Connection, row: Any, now: int, swept: Swept) -> None:
    lost = _LOSE(conn, run_id=row.run_id, epoch=row.epoch, now=now).scalar()
    if lost is None:
        return
    swept.lost += 1
    events = [NewEvent("attempt_lost", {"attempt": row.epoch, "lost_in_a_row": lost})]
    if row.cancel_requested:
        swept.cancelled += 1
        events.append(CANCELLED)
    elif lost >= LOST_MOST:
        swept.quarantined += 1
        events.append(NewEvent("run_needs_review", {"reason": "quarantined"}))
    else:
        swept.ring.append(row.run_id)
    _say(conn, row.workspace_id, row.run_id, *events)


def _timeout(row: Any) -> NewEvent:
    decision = {"approval_id": row.id, "decision": "timeout", "data": None, "comment": None, "decided_by": None}
    return NewEvent("approval_decided", decision, row.node_id, row.key)


def _say(conn: Connection, workspace_id: str, run_id: str, *events: NewEvent) -> bool:
    return not isinstance(write(conn, Append(workspace_id, run_id, None, events)), Fenced)
