"""Rows that follow from events, written in the events' own transaction: approvals, timers, the run's header, its
place in the queue. Nothing here decides; replaying a journal through it gives the same rows."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection

from engine.errors import Conflict
from engine.events import TERMINAL, Event, to_ms
from engine.store.database import Statement, now_ms
from engine.store.values import dumps

SWEEP_AFTER_MS = 2000
"""A doorbell older than this was lost: the sweep rings again."""

_STARTED = Statement(
    "update run set status = 'running', started_at = :at where workspace_id = :w and id = :id and started_at is null"
)
_STATUS = Statement("update run set status = :status, reason = :reason where workspace_id = :w and id = :id")
_WAITING = Statement("update run set status = 'waiting', waiting_for = :ids where workspace_id = :w and id = :id")
_WAITING_FOR = Statement("select waiting_for from run where workspace_id = :w and id = :id")
_SET_WAITING_FOR = Statement("update run set waiting_for = :ids where workspace_id = :w and id = :id")
_ENDED = Statement(
    "update run set status = :status, reason = null, outputs = :outputs, error = :error, usage = :usage,"
    " waiting_for = '[]', completed_at = :at where workspace_id = :w and id = :id"
)
_END_QUEUE = Statement(
    "update run_queue set state = 'ended', owner = null, lease_until = null, cancel_requested = 0 where run_id = :id"
)
_CANCEL_APPROVALS = Statement(
    "update approval set status = 'cancelled' where run_id = :id and status = 'pending' and workspace_id = :w"
)
_DROP_TIMERS = Statement("delete from timer where workspace_id = :w and run_id = :id")
_DROP_TOKENS = Statement("delete from stream_token where workspace_id = :w and run_id = :id")
_ASK_CANCEL = Statement("update run_queue set cancel_requested = 1 where run_id = :id and state <> 'ended'")
_REQUEUE = Statement(
    "update run_queue set state = 'queued', queued_at = :now, lost_in_a_row = 0"
    " where run_id = :id and state = :state returning run_id"
)
_APPROVAL = Statement(
    "insert into approval (workspace_id, id, run_id, workflow_id, node_id, key, type, status, question, content,"
    " schema, data, hash, created_at, deadline_at)"
    " select :w, :approval_id, :id, workflow_id, :node_id, :key, :type, 'pending', :question, :content, :schema,"
    " :data, :hash, :at, cast(:deadline as bigint) from run where workspace_id = :w and id = :id"
)
_DECIDE = Statement(
    "update approval set status = :status, decision = :decision, data = coalesce(:data, data), comment = :comment,"
    " decided_by = :by, decided_at = :at where workspace_id = :w and id = :approval_id and status = 'pending'"
    " returning id"
)
_TIMER = Statement(
    "insert into timer (workspace_id, run_id, key, node_id, due_at) values (:w, :id, :key, :node_id, :due)"
    " on conflict (workspace_id, run_id, key) do update set due_at = excluded.due_at"
)
_DROP_TIMER = Statement("delete from timer where workspace_id = :w and run_id = :id and key = :key")
_RING = Statement(
    "insert into outbox (workspace_id, kind, ref, attempts, due_at) values (:w, 'doorbell', :id, 0, :due)"
    " on conflict (workspace_id, kind, ref) do nothing"
)
_ANSWERED = Statement("delete from outbox where workspace_id = :w and kind = 'doorbell' and ref = :id")

STATUS_OF = {"run_completed": "completed", "run_failed": "failed", "run_cancelled": "cancelled"}
DECIDED = {"approved": "approved", "rejected": "rejected", "timeout": "expired"}


def apply(conn: Connection, w: str, run_id: str, event: Event) -> None:
    """Bring the rows up to `event`. Raises Conflict if its approval is no longer open."""
    if event.type in TERMINAL:
        _end(conn, w, run_id, event)
    elif event.type in _BY_TYPE:
        _BY_TYPE[event.type](conn, w, run_id, event)


def ring_later(conn: Connection, w: str, run_id: str, now: int) -> None:
    """A doorbell in the outbox: whoever commits may ring at once, the sweep rings if nobody did."""
    _RING(conn, w=w, id=run_id, due=now + SWEEP_AFTER_MS)


def doorbell_answered(conn: Connection, w: str, run_id: str) -> None:
    _ANSWERED(conn, w=w, id=run_id)


def _end(conn: Connection, w: str, run_id: str, event: Event) -> None:
    payload = event.payload
    _ENDED(
        conn, w=w, id=run_id, status=STATUS_OF[event.type], at=event.at,
        outputs=_text(payload.get("outputs")), error=_text(payload.get("error")), usage=_text(payload.get("usage")),
    )  # fmt: skip
    _END_QUEUE(conn, id=run_id)
    _CANCEL_APPROVALS(conn, w=w, id=run_id)
    _DROP_TIMERS(conn, w=w, id=run_id)
    _DROP_TOKENS(conn, w=w, id=run_id)
    doorbell_answered(conn, w, run_id)


def _text(value: Any) -> str | None:
    return None if value is None else dumps(value)


def _plain(text: str | None) -> str | None:
    """PostgreSQL keeps no NUL in a text."""
    return text and text.replace("\0", "")


def _started(conn: Connection, w: str, run_id: str, event: Event) -> None:
    _STARTED(conn, w=w, id=run_id, at=event.at)


def _lost(conn: Connection, w: str, run_id: str, event: Event) -> None:
    _STATUS(conn, w=w, id=run_id, status="pending", reason=None)
    ring_later(conn, w, run_id, event.at)


def _asked(conn: Connection, w: str, run_id: str, event: Event) -> None:
    p = event.payload
    deadline = p.get("deadline_at")
    _APPROVAL(
        conn, w=w, id=run_id, approval_id=p["approval_id"], node_id=event.node_id, key=event.key, type=p["type"],
        question=_plain(p["question"]), content=_text(p.get("content")), schema=_text(p.get("schema")),
        data=_text(p.get("data")), hash=p["hash"], at=event.at, deadline=to_ms(deadline) if deadline else None,
    )  # fmt: skip


def _decided(conn: Connection, w: str, run_id: str, event: Event) -> None:
    p = event.payload
    row = _DECIDE(
        conn, w=w, approval_id=p["approval_id"], status=DECIDED[p["decision"]], decision=p["decision"],
        data=_text(p.get("data")), comment=_plain(p.get("comment")), by=p.get("decided_by"), at=event.at,
    ).first()  # fmt: skip
    if row is None:
        raise Conflict("The approval is no longer open.")
    waiting_for = json.loads(_WAITING_FOR(conn, w=w, id=run_id).scalar_one())
    if p["approval_id"] in waiting_for:
        waiting_for.remove(p["approval_id"])
        _SET_WAITING_FOR(conn, w=w, id=run_id, ids=dumps(waiting_for))
    _go_on(conn, w, run_id, "waiting")


def _timer_set(conn: Connection, w: str, run_id: str, event: Event) -> None:
    _TIMER(conn, w=w, id=run_id, key=event.key, node_id=event.node_id, due=to_ms(event.payload["due_at"]))


def _timer_fired(conn: Connection, w: str, run_id: str, event: Event) -> None:
    _DROP_TIMER(conn, w=w, id=run_id, key=event.key)
    _go_on(conn, w, run_id, "waiting")


def _waits(conn: Connection, w: str, run_id: str, event: Event) -> None:
    _WAITING(conn, w=w, id=run_id, ids=dumps(event.payload.get("waiting_for", [])))


def _cancel(conn: Connection, w: str, run_id: str, event: Event) -> None:
    _ASK_CANCEL(conn, id=run_id)


def _review(conn: Connection, w: str, run_id: str, event: Event) -> None:
    _STATUS(conn, w=w, id=run_id, status="needs_review", reason=event.payload["reason"])


def _resolved(conn: Connection, w: str, run_id: str, event: Event) -> None:
    _STATUS(conn, w=w, id=run_id, status="pending", reason=None)
    _go_on(conn, w, run_id, "review")


def _go_on(conn: Connection, w: str, run_id: str, state: str) -> None:
    """Back to the queue if the run was parked in `state`; a running attempt sees the event by itself."""
    now = now_ms(conn)
    if _REQUEUE(conn, id=run_id, state=state, now=now).first():
        ring_later(conn, w, run_id, now)


_BY_TYPE = {
    "run_started": _started,
    "attempt_lost": _lost,
    "approval_requested": _asked,
    "approval_decided": _decided,
    "timer_set": _timer_set,
    "timer_fired": _timer_fired,
    "run_waiting": _waits,
    "cancel_requested": _cancel,
    "run_needs_review": _review,
    "review_resolved": _resolved,
}
