"""Queries over drafts, their minted versions and the canvas operations that made them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, tuple_
from sqlmodel import col, select

from engine.errors import NotFound
from engine.store.database import Statement, is_sqlite
from engine.store.models import CanvasOp, Run, RunQueue, Workflow, WorkflowVersion
from engine.store.session import Session

KEPT_OPS = 500
"""Acknowledged batches that a client may still repeat."""


def one(session: Session, workflow_id: str, lock: bool = False) -> Workflow:
    """The draft; `lock` holds it until the transaction ends. NotFound also for a deleted one."""
    key = (session.workspace_id, workflow_id)
    row = session.get(Workflow, key, with_for_update=True if lock else None)
    if row is None or row.deleted_at is not None:
        raise NotFound(f"There is no workflow {workflow_id!r}.")
    return row


def ever(session: Session, workflow_id: str) -> None:
    """NotFound unless this is or was a workflow of ours."""
    if session.get(Workflow, (session.workspace_id, workflow_id)) is None:
        raise NotFound(f"There is no workflow {workflow_id!r}.")


def page(session: Session, limit: int, after: tuple[int, str] | None) -> Sequence[Workflow]:
    """Last changed first."""
    query = select(Workflow).where(col(Workflow.deleted_at).is_(None))
    if after:
        query = query.where(tuple_(col(Workflow.updated_at), col(Workflow.id)) < after)
    return session.exec(query.order_by(col(Workflow.updated_at).desc(), col(Workflow.id).desc()).limit(limit)).all()


def unfinished_runs(session: Session, workflow_id: str) -> int:
    query = (
        select(func.count())
        .select_from(Run)
        .join(RunQueue, col(RunQueue.run_id) == col(Run.id))
        .where(col(Run.workflow_id) == workflow_id, col(RunQueue.state) != "ended")
    )
    return session.exec(query).one()


HEAD = "select rev, version_id, version from workflow where workspace_id = :w and id = :id and deleted_at is null"
_HEAD, _HELD = Statement(HEAD), Statement(HEAD + " for share")


def head(conn: Connection, w: str, workflow_id: str, hold: bool = False) -> tuple[int, str | None, int] | None:
    """Its rev and the version minted last (id, number), without reading the draft: every run starts with this.
    `hold`: it stays so until the transaction ends."""
    find = _HELD if hold and not is_sqlite(conn) else _HEAD  # a write transaction of SQLite is alone anyway
    row = find(conn, w=w, id=workflow_id).first()
    if row is None:
        return None
    rev, version_id, number = row
    return rev, version_id, number


# Versions ----------------------------------------------------------------------------------------------------


def mint(session: Session, workflow: Workflow, digest: str, spec: dict[str, Any]) -> WorkflowVersion:
    """The version with this content, made if it is new; the draft points at it."""
    of_it = col(WorkflowVersion.workflow_id) == workflow.id
    found = session.exec(select(WorkflowVersion).where(of_it, col(WorkflowVersion.hash) == digest)).first()
    if found is None:
        newest = session.exec(select(func.max(WorkflowVersion.number)).where(of_it)).one()
        found = WorkflowVersion(
            workspace_id=session.workspace_id, workflow_id=workflow.id, number=(newest or 0) + 1, hash=digest,
            spec=spec, created_at=session.now,
        )  # fmt: skip
        session.add(found)
    workflow.version_id, workflow.version = found.id, found.number
    return found


def with_content(session: Session, digest: str) -> str | None:
    """A workflow whose newest version has this content."""
    query = (
        select(Workflow.id)
        .join(WorkflowVersion, col(WorkflowVersion.id) == col(Workflow.version_id))
        .where(col(WorkflowVersion.hash) == digest, col(Workflow.deleted_at).is_(None))
    )
    return session.exec(query).first()


def versions(session: Session, workflow_id: str) -> Sequence[WorkflowVersion]:
    """Newest first."""
    query = select(WorkflowVersion).where(col(WorkflowVersion.workflow_id) == workflow_id)
    return session.exec(query.order_by(col(WorkflowVersion.number).desc())).all()


# Canvas operations -------------------------------------------------------------------------------------------


def answered(session: Session, workflow_id: str, client: str, seq: int) -> dict[str, Any] | None:
    """What this batch was answered before."""
    row = session.get(CanvasOp, (session.workspace_id, workflow_id, client, seq))
    return row.answer if row else None


def keep_ops(session: Session, workflow_id: str, client: str, seq: int, ops: Any, answer: dict[str, Any]) -> None:
    session.add(
        CanvasOp(
            workspace_id=session.workspace_id, workflow_id=workflow_id, client=client, seq=seq, rev=answer["rev"],
            ops=ops, answer=answer, at=session.now,
        )
    )  # fmt: skip
    old = (
        col(CanvasOp.workflow_id) == workflow_id,
        col(CanvasOp.client) == client,
        col(CanvasOp.seq) <= seq - KEPT_OPS,
    )
    if seq >= KEPT_OPS:
        session.exec(delete(CanvasOp).where(*old))
