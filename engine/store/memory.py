"""Queries over memory: the messages of threads, facts, and patterns learned from decisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, or_, tuple_
from sqlmodel import col, select

from engine.errors import NotFound
from engine.store.database import Statement, is_sqlite
from engine.store.models import Approval, MemoryItem, ThreadMessage, new_id
from engine.store.session import Session
from engine.store.values import dumps

MEMORY = "memory"
"""The space of the embedded store that facts and patterns are found in. A vector's id is `<item>:<updated_at>`, which
tells one that is no longer true."""
SUMMARY = "summary"
"""The role of a message that stands for all older ones; its key is `summary:<id of the last of them>`."""
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
    # SQLite knows upper and lower case of ASCII only.
    forms = [word] if word.isascii() else dict.fromkeys((word, word.lower(), word.upper(), word.capitalize()))
    sides = (col(MemoryItem.text), col(MemoryItem.subject))
    return or_(*(side.icontains(form, autoescape=True) for form in forms for side in sides))


_ADD = Statement(
    "insert into memory_item (workspace_id, id, kind, text, subject, details, confidence, seen, key, run_id,"
    " created_at, updated_at)"
    " values (:w, :id, :kind, :text, :subject, :details, :confidence, 1, :key, :run, :now, :now)"
    " on conflict (workspace_id, key) do nothing"
)


def add(
    session: Session, kind: str, text: str, subject: str, key: str, run_id: str = "", details: Any = None,
    confidence: float = 1.0,
) -> MemoryItem:  # fmt: skip
    """The same key adds it once; the item as it was added is answered."""
    _ADD(
        session.connection(), w=session.workspace_id, id=new_id(), kind=kind, text=text, subject=subject, key=key,
        run=run_id or None, details=None if details is None else dumps(details), confidence=confidence,
        now=session.now,
    )  # fmt: skip
    return session.exec(select(MemoryItem).where(col(MemoryItem.key) == key)).one()


def same(session: Session, text: str, subject: str) -> MemoryItem | None:
    """The fact that says just this already."""
    query = select(MemoryItem).where(col(MemoryItem.kind) == "fact", col(MemoryItem.subject) == subject)
    return session.exec(query.where(col(MemoryItem.text) == text).order_by(col(MemoryItem.id)).limit(1)).first()


def candidates(
    session: Session, kind: str, subject: str, words: Sequence[str], ids: Sequence[str], limit: int
) -> Sequence[MemoryItem]:
    """For a recall: those of `ids`, then the newest that have one of the words; without either, the newest. A subject
    like `customer/anna` is also found as `customer`."""
    query = select(MemoryItem)
    if kind:
        query = query.where(col(MemoryItem.kind) == kind)
    if subject:
        mine = col(MemoryItem.subject)
        query = query.where((mine == subject) | mine.startswith(f"{subject}/", autoescape=True))
    wanted = or_(col(MemoryItem.id).in_(ids), *(_has(word) for word in words))
    query = query.where(wanted) if ids or words else query
    order = (col(MemoryItem.id).in_(ids).desc(), col(MemoryItem.updated_at).desc(), col(MemoryItem.id).desc())
    return session.exec(query.order_by(*order).limit(limit)).all()


def patterns_of(session: Session, subject: str) -> Sequence[MemoryItem]:
    query = select(MemoryItem).where(col(MemoryItem.kind) == "pattern", col(MemoryItem.subject) == subject)
    return session.exec(query).all()


def decisions_at(session: Session, workflow_id: str, node_id: str, types: Sequence[str]) -> int:
    """How often people decided at this step."""
    at = (col(Approval.workflow_id) == workflow_id, col(Approval.node_id) == node_id, col(Approval.type).in_(types))
    decided = col(Approval.status).in_(("approved", "rejected"))
    return session.exec(select(func.count()).select_from(Approval).where(decided, *at)).one()


_UNINDEXED = Statement(
    "select m.id, m.kind, m.text, m.subject, m.updated_at from memory_item m where m.workspace_id = :w and not exists"
    " (select 1 from vector_item v where v.workspace_id = m.workspace_id and v.collection_id = :space"
    " and v.id = m.id || ':' || m.updated_at and length(v.data) > 0) order by m.id limit :n"
)
_UNTRUE = Statement(
    "select v.id from vector_item v where v.workspace_id = :w and v.collection_id = :space and length(v.data) > 0"
    " and not exists (select 1 from memory_item m where m.workspace_id = v.workspace_id"
    " and m.id = substr(v.id, 1, 36) and m.id || ':' || m.updated_at = v.id) order by v.id limit :n"
)


def unindexed(conn: Connection, workspace_id: str, limit: int) -> Sequence[Any]:
    """(id, kind, text, subject, updated_at) of what has no vector yet."""
    return _UNINDEXED(conn, w=workspace_id, space=MEMORY, n=limit).all()


def untrue(conn: Connection, workspace_id: str, limit: int) -> list[str]:
    """Ids of vectors whose item was changed or deleted."""
    return [row.id for row in _UNTRUE(conn, w=workspace_id, space=MEMORY, n=limit)]


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


def message(session: Session, message_id: str) -> ThreadMessage:
    row = session.get(ThreadMessage, (session.workspace_id, message_id))
    if row is None:
        raise NotFound(f"There is no message {message_id!r}.")
    return row


def all_messages(session: Session) -> Iterator[ThreadMessage]:
    """Thread by thread, oldest first."""
    order = (col(ThreadMessage.thread), col(ThreadMessage.id))
    yield from session.exec(select(ThreadMessage).order_by(*order))


def forget_thread(session: Session, thread: str) -> int:
    """How many messages there were."""
    gone = session.exec(delete(ThreadMessage).where(col(ThreadMessage.thread) == thread))
    return gone.rowcount


_SAY = Statement(
    "insert into thread_message (workspace_id, id, thread, key, role, text, run_id, created_at)"
    " values (:w, :id, :thread, :key, :role, :text, :run, :now)"
    " on conflict (workspace_id, thread, key) do nothing"
)


_HOLD = Statement("select pg_advisory_xact_lock(hashtext(:w), hashtext(:thread))")
_LAST = Statement("select max(id) from thread_message where workspace_id = :w and thread = :thread")


def hold(session: Session, thread: str) -> None:
    """Until the transaction ends, nobody else speaks in the thread. SQLite has one writer anyway."""
    conn = session.connection()
    if not is_sqlite(conn):
        _HOLD(conn, w=session.workspace_id, thread=thread)


def say(session: Session, thread: str, role: str, text: str, key: str, run_id: str) -> None:
    """The same key says it once. Ids are the order, also of what two machines say in one millisecond."""
    conn, w = session.connection(), session.workspace_id
    last, id_ = _LAST(conn, w=w, thread=thread).scalar() or "", new_id()
    while id_ <= last and id_[:13] == last[:13]:
        id_ = new_id()
    _SAY(conn, w=w, id=id_, thread=thread, key=key, role=role, text=text, run=run_id or None, now=session.now)


def heard(session: Session, thread: str, limit: int, run_id: str, before: int | None) -> list[ThreadMessage]:
    """What a run may know of a thread: the latest summary, then at most `limit` messages that it does not cover,
    oldest first. `before`: only what was said by then, and what the run itself said."""
    query = select(ThreadMessage).where(col(ThreadMessage.thread) == thread)
    if before is not None:
        query = query.where((col(ThreadMessage.created_at) <= before) | (col(ThreadMessage.run_id) == run_id))
    summed_up = col(ThreadMessage.role) == SUMMARY
    summaries = session.exec(query.where(summed_up)).all()
    last = max(summaries, key=lambda row: row.key, default=None)
    rest = query.where(~summed_up, col(ThreadMessage.id) > (covers(last.key) if last else ""))
    newest = session.exec(rest.order_by(col(ThreadMessage.id).desc()).limit(limit)).all()
    return [*([last] if last else []), *reversed(newest)]


def covers(key: str) -> str:
    """The id of the last message that a summary with this key stands for."""
    return key.removeprefix(f"{SUMMARY}:")
