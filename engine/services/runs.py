"""Runs, looked at and stopped. What happened is in the journal; this says it in the contract's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.errors import Conflict, Invalid, NotFound, Problem
from engine.events import Event, rfc3339
from engine.fold import View, fold
from engine.services.again import fork as fork
from engine.services.again import resolve as resolve
from engine.services.again import retry as retry
from engine.services.pages import id_cursor, limit_of, page
from engine.services.recent import Recent
from engine.services.start import start as start
from engine.store import ledger
from engine.store import runs as rows
from engine.store import workflows as workflow_rows
from engine.store.models import Run
from engine.store.session import Workspace

STATUSES = ("pending", "running", "waiting", "completed", "failed", "cancelled", "needs_review")
MAX_EVENTS = 500
_SHOWN = frozenset({"visit", "port", "approval_id", "usage"})
"""What a fold needs of a payload; the rest of a large journal is not kept in memory."""


_past: Recent[tuple[str, str], list[Event]] = Recent(50_000, len)
_drawings: Recent[str, list[str]] = Recent(500)
_ended: Recent[str, View] = Recent(1000)
"""Runs that will not change any more, as lists show them."""


def get(ws: Workspace, run_id: str) -> dict[str, Any]:
    """The run as it is now. Only what was not read before is read from a long journal."""
    with ws.db.read() as conn:
        row = rows.one(conn, ws.id, run_id)
        past = _past.get((ws.id, run_id)) or []
        fresh = ledger.events(conn, ws.id, run_id, past[-1].seq if past else -1)
        node_ids = _node_ids(ws, conn, row.version_id)
    events = _past.put((ws.id, run_id), past + [_slim(event) for event in fresh]) if fresh else past
    return _json(row, fold(events, node_ids))


def _slim(event: Event) -> Event:
    return replace(event, payload={name: value for name, value in event.payload.items() if name in _SHOWN})


def _node_ids(ws: Workspace, conn: Any, version_id: str) -> list[str]:
    """The steps of a version, notes left out."""
    found = _drawings.get(version_id)
    if found is None:
        nodes: list[dict[str, Any]] = rows.spec_of(conn, ws.id, version_id)["nodes"]
        found = _drawings.put(version_id, [node["id"] for node in nodes if node["kind"] != "note"])
    return found


def list_(
    ws: Workspace,
    limit: int | None = None,
    after: str | None = None,
    workflow_id: str | None = None,
    status: str | None = None,
) -> dict[str, Any]:
    """Newest first; `status` may name several with commas."""
    most, wanted = limit_of(limit), [part for part in (status or "").split(",") if part]
    if any(part not in STATUSES for part in wanted):
        fault = f"status is one of {', '.join(STATUSES)}."
        raise Invalid.of([Problem("bad_value", fault, field="status")], fault)
    with ws.read() as tx:
        found = rows.page(tx, most + 1, id_cursor(after), workflow_id, wanted)
        views = _views(ws, tx.connection(), found[:most])
    return page(found, most, lambda row: _json(row, views[row.id]), lambda row: row.id)


def _views(ws: Workspace, conn: Any, found: Sequence[Run]) -> dict[str, View]:
    """What lists show of many runs, from one query that leaves the payloads where they are."""
    journals = rows.outlines(conn, ws.id, [row.id for row in found if row.id not in _ended])
    views: dict[str, View] = {}
    for row in found:
        view = _ended.get(row.id) or fold(journals.get(row.id, []), _node_ids(ws, conn, row.version_id))
        views[row.id] = view
        if row.completed_at is not None:
            _ended.put(row.id, view)
    return views


def of_workflow(
    ws: Workspace, workflow_id: str, limit: int | None = None, after: str | None = None, status: str | None = None
) -> dict[str, Any]:
    """The runs of one workflow; NotFound when it never was ours. A deleted one keeps its runs."""
    with ws.read() as tx:
        workflow_rows.ever(tx, workflow_id)
    return list_(ws, limit, after, workflow_id, status)


def events(ws: Workspace, run_id: str, after: int = -1, limit: int = MAX_EVENTS) -> list[dict[str, Any]]:
    """The journal behind `after`, ascending; large values as hash and preview."""
    with ws.db.read() as conn:
        found = ledger.events(conn, ws.id, run_id, after, limit)
        if not found:
            rows.one(conn, ws.id, run_id)
    return [event.to_json() for event in found]


def event(ws: Workspace, run_id: str, seq: int) -> dict[str, Any]:
    """One event with its large values in full."""
    with ws.db.read() as conn:
        rows.one(conn, ws.id, run_id)
        found = ledger.events(conn, ws.id, run_id, seq - 1, 1) if 0 <= seq < 2**31 else []
        if not found or found[0].seq != seq:
            raise NotFound(f"The run has no event {seq}.")
        return rows.whole(conn, ws.id, found[0]).to_json()


def graph(ws: Workspace, run_id: str) -> dict[str, Any]:
    """The frozen spec."""
    with ws.db.read() as conn:
        return rows.spec_of(conn, ws.id, rows.one(conn, ws.id, run_id).version_id)


def estimate(ws: Workspace, workflow_id: str, run_id: str) -> float | None:
    """Seconds that a run will probably take: the median of those that were completed before it was made, so that a
    repeated request is told the same."""
    with ws.read() as tx:
        took = sorted(rows.durations(tx, workflow_id, run_id))
    return took[len(took) // 2] if took else None


def is_settled(run: dict[str, Any]) -> bool:
    """Whether it has ended, needs review, or waits for a person: nothing more will happen by itself."""
    if run["status"] == "waiting":
        return bool(run["waiting_for"])
    return run["completed_at"] is not None or run["status"] == "needs_review"


def _json(row: Run, view: View) -> dict[str, Any]:
    ended = row.completed_at is not None
    origin = row.forked_from_run_id
    return {
        "id": row.id, "workflow_id": row.workflow_id, "version": row.version, "target": row.target,
        "status": row.status, "reason": row.reason, "inputs": row.inputs, "outputs": row.outputs, "error": row.error,
        "waiting_for": row.waiting_for if ended or row.status == "waiting" else view.waiting_for,
        "forked_from": {"run_id": origin, "seq": row.forked_from_seq} if origin else None,
        "usage": row.usage or view.usage,
        "nodes": {path: node.to_json() for path, node in view.nodes.items()},
        "created_at": rfc3339(row.created_at), "started_at": rfc3339(row.started_at),
        "completed_at": rfc3339(row.completed_at),
    }  # fmt: skip


def cancel(ws: Workspace, run_id: str, by: str = "") -> dict[str, Any]:
    """Ask the worker that has it to stop; a run that nobody has is cancelled at once."""
    with ws.db.begin() as conn:
        state = ledger.cancel(conn, ws.id, run_id, by)
    if state is None:
        raise NotFound(f"There is no run {run_id!r}.")
    if state == "ended":
        raise Conflict("The run has ended.")
    return {"run_id": run_id, "status": "running" if state == "running" else "cancelled"}
