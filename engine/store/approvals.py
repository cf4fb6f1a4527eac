"""Queries over the questions put to people. Projections of the journal write them; here they are read."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func
from sqlmodel import col, select

from engine.errors import NotFound
from engine.store.models import Approval
from engine.store.session import Session


def one(session: Session, approval_id: str) -> Approval:
    row = session.get(Approval, (session.workspace_id, approval_id))
    if row is None:
        raise NotFound(f"There is no approval {approval_id!r}.")
    return row


def page(
    session: Session, limit: int, after: str | None, status: Sequence[str] | None, run_id: str | None
) -> Sequence[Approval]:
    """Newest first."""
    query = select(Approval)
    if after is not None:
        query = query.where(col(Approval.id) < after)
    if status:
        query = query.where(col(Approval.status).in_(status))
    if run_id is not None:
        query = query.where(col(Approval.run_id) == run_id)
    return session.exec(query.order_by(col(Approval.id).desc()).limit(limit)).all()


def pending(session: Session) -> int:
    return session.exec(select(func.count()).select_from(Approval).where(col(Approval.status) == "pending")).one()
