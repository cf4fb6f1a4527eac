"""Queries over memory: the messages of threads, facts, and patterns learned from decisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, delete, func, tuple_
from sqlmodel import col, select

from engine.errors import NotFound
from engine.store.models import MemoryItem, ThreadMessage
from engine.store.session import Session

Thread = tuple[str, int, int]
"""Its name, how many messages it has, when the last one came."""


# Facts and patterns ----------------------------------------------------------------------------------------------


def item(session: Session, item_id: str) -> MemoryItem:
    row = session.get(MemoryItem, (session.workspace_id, item_id))
    if row is None:
        raise NotFound(f"There is nothing remembered as {item_id!r}.")
    return row


def items(
    session: Session, limit: int, after: tuple[int, str] | None = None, kind: str = "", words: Sequence[str] = ()
) -> Sequence[MemoryItem]:
    """Last changed first; every word has to be in the text or the subject."""
    query = select(MemoryItem).where(*(_has(word) for word in words))
    if kind:
        query = query.where(col(MemoryItem.kind) == kind)
    if after:
        query = query.where(tuple_(col(MemoryItem.updated_at), col(MemoryItem.id)) < after)
    return session.exec(query.order_by(col(MemoryItem.updated_at).desc(), col(MemoryItem.id).desc()).limit(limit)).all()


def _has(word: str) -> ColumnElement[bool]:
    text, subject = col(MemoryItem.text), col(MemoryItem.subject)
    return text.icontains(word, autoescape=True) | subject.icontains(word, autoescape=True)


# Threads ---------------------------------------------------------------------------------------------------------


def threads(session: Session, limit: int, after: tuple[int, str] | None = None) -> Sequence[Thread]:
    """The one spoken in last comes first."""
    last, name = func.max(col(ThreadMessage.created_at)), col(ThreadMessage.thread)
    query = select(name, func.count(), last).group_by(name)
    if after:
        query = query.having((last < after[0]) | ((last == after[0]) & (name < after[1])))
    return [(row[0], row[1], row[2]) for row in session.exec(query.order_by(last.desc(), name.desc()).limit(limit))]


def messages(session: Session, thread: str, limit: int, after: str | None = None) -> Sequence[ThreadMessage]:
    """Oldest first. NotFound when nobody ever spoke in it."""
    query = select(ThreadMessage).where(col(ThreadMessage.thread) == thread)
    rest = query.where(col(ThreadMessage.id) > (after or "")).order_by(col(ThreadMessage.id))
    found = session.exec(rest.limit(limit)).all()
    if not found and session.exec(query.limit(1)).first() is None:
        raise NotFound(f"There is no thread {thread!r}.")
    return found


def all_messages(session: Session) -> Iterator[ThreadMessage]:
    """Thread by thread, oldest first."""
    order = (col(ThreadMessage.thread), col(ThreadMessage.id))
    yield from session.exec(select(ThreadMessage).order_by(*order))


def forget_thread(session: Session, thread: str) -> int:
    """How many messages there were."""
    gone = session.exec(delete(ThreadMessage).where(col(ThreadMessage.thread) == thread))
    return gone.rowcount
