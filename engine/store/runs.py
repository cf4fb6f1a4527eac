"""Queries over runs: their header rows, where their journals stand, and repeated requests."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, String, bindparam, text
from sqlalchemy import select as sa_select
from sqlmodel import SQLModel, col, select

from engine.errors import NotFound
from engine.events import Event
from engine.store import ledger
from engine.store.database import Statement, is_sqlite
from engine.store.models import Run
from engine.store.session import Session
from engine.store.values import dumps, is_blob

_RUN = SQLModel.metadata.tables["run"]


def one(conn: Connection, w: str, run_id: str) -> Run:
    """The header of a run, without the cost of an ORM: whoever waits for a run asks for it."""
    row: Any = conn.execute(sa_select(_RUN).where(_RUN.c.workspace_id == w, _RUN.c.id == run_id)).first()
    if row is None:
        raise NotFound(f"There is no run {run_id!r}.")
    return row


def page(
    session: Session, limit: int, after: str | None, workflow_id: str | None, status: Sequence[str] | None
) -> Sequence[Run]:
    """Newest first."""
    query = select(Run)
    if after is not None:
        query = query.where(col(Run.id) < after)
    if workflow_id is not None:
        query = query.where(col(Run.workflow_id) == workflow_id)
    if status:
        query = query.where(col(Run.status).in_(status))
    return session.exec(query.order_by(col(Run.id).desc()).limit(limit)).all()


def durations(session: Session, workflow_id: str, run_id: str) -> list[float]:
    """Seconds that the last runs took which were completed before this one was made."""
    made = select(Run.created_at).where(col(Run.id) == run_id).scalar_subquery()
    query = (
        select(Run.completed_at, Run.started_at)
        .where(col(Run.workflow_id) == workflow_id, col(Run.status) == "completed", col(Run.completed_at) < made)
        .order_by(col(Run.id).desc())
        .limit(11)
    )
    return [(ended - started) / 1000 for ended, started in session.exec(query) if ended and started]


_SPENT = "select count(*) as runs, {0} from run where workspace_id = :w and id >= :first and usage is not null"
_SUMS = ("input_tokens", "output_tokens", "cost")
_SPENT_SQLITE = Statement(_SPENT.format(", ".join(f"sum(json_extract(usage, '$.{n}')) as {n}" for n in _SUMS)))
_SPENT_POSTGRES = Statement(
    _SPENT.format(", ".join(f"sum((usage::json->>'{n}')::double precision) as {n}" for n in _SUMS))
)


def spent(conn: Connection, w: str, since_ms: int) -> dict[str, float]:
    """What the runs admitted since then used, all together."""
    head = f"{since_ms:012x}"
    first = f"{head[:8]}-{head[8:]}-7000-8000-000000000000"  # an id says when it was made
    row = (_SPENT_SQLITE if is_sqlite(conn) else _SPENT_POSTGRES)(conn, w=w, first=first).one()
    return {"runs": row.runs, **{name: getattr(row, name) or 0 for name in _SUMS}}


_PLACE = Statement(
    "select state, next_seq, cancel_requested from run_queue where run_id = :run_id and workspace_id = :w"
)
_PLACES = text("select run_id, state, next_seq, workspace_id from run_queue where run_id in :ids").bindparams(
    bindparam("ids", type_=String(), expanding=True)
)


def place(conn: Connection, w: str, run_id: str) -> tuple[str, int, bool]:
    """Its state in the queue, the seq that comes next in its journal, and whether somebody asked to cancel it."""
    row = _PLACE(conn, run_id=run_id, w=w).first()
    if row is None:
        raise NotFound(f"There is no run {run_id!r}.")
    state, next_seq, asked = row
    return state, next_seq, bool(asked)


def places(conn: Connection, run_ids: Collection[str]) -> dict[str, tuple[str, int, str]]:
    """State, next seq and workspace of many runs: what the tailer of a web process asks whenever the bell rings."""
    rows = conn.execute(_PLACES, {"ids": list(run_ids)})
    return {run_id: (state, next_seq, w) for run_id, state, next_seq, w in rows}


_OUTLINES = text(
    "select run_id, seq, type, node_id, key, at from run_event where workspace_id = :w and run_id in :ids"
    " and type not in ('model_called', 'tool_called') order by run_id, seq"
).bindparams(bindparam("ids", type_=String(), expanding=True))


def outlines(conn: Connection, w: str, run_ids: Collection[str]) -> dict[str, list[Event]]:
    """The journals of many runs without their payloads; a question goes by its key."""
    found: dict[str, list[Event]] = {}
    for run_id, seq, kind, node_id, key, at in conn.execute(_OUTLINES, {"w": w, "ids": list(run_ids)}):
        found.setdefault(run_id, []).append(Event(seq, kind, node_id, key, at, {"approval_id": key}))
    return found


_VERSION_SPEC = Statement("select spec from workflow_version where workspace_id = :w and id = :id")


def spec_of(conn: Connection, w: str, version_id: str) -> dict[str, Any]:
    """The version that a run is pinned to."""
    return json.loads(_VERSION_SPEC(conn, w=w, id=version_id).scalar_one())


def whole(conn: Connection, w: str, event: Event) -> Event:
    """An event with its large values in full."""
    payload = {
        name: ledger.blob(conn, w, value["$blob"]) if is_blob(value) else value for name, value in event.payload.items()
    }
    return replace(event, payload=payload)


# Repeated requests -------------------------------------------------------------------------------------------

_REMEMBERED = Statement(
    "select body_hash, answer from idempotency where workspace_id = :w and scope = :scope and key = :key"
)
_REMEMBER = Statement(
    "insert into idempotency (workspace_id, key, scope, body_hash, status, answer, created_at)"
    " values (:w, :key, :scope, :body_hash, :status, :answer, :now)"
    " on conflict (workspace_id, key, scope) do nothing returning key"
)


def remembered(conn: Connection, w: str, scope: str, key: str) -> tuple[str, Any] | None:
    """The hash of the body, and the answer that the key stands for."""
    row = _REMEMBERED(conn, w=w, scope=scope, key=key).first()
    if row is None:
        return None
    body_hash, answer = row
    return body_hash, json.loads(answer)


def remember(
    conn: Connection, w: str, scope: str, key: str, body_hash: str, status: int, answer: dict[str, Any], now: int
) -> bool:
    """False if another request with the same key was first."""
    row = _REMEMBER(
        conn, w=w, key=key, scope=scope, body_hash=body_hash, status=status, answer=dumps(answer), now=now
    ).first()  # fmt: skip
    return row is not None
