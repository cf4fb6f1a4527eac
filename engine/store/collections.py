"""Queries over collections, their documents and passages, as people see them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import delete, func
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from engine.errors import NotFound
from engine.store import chores
from engine.store.documents import UPLOAD, UPLOAD_S
from engine.store.models import Chunk, Collection, Document, new_id
from engine.store.revisions import files_of, forget_embeddings
from engine.store.session import Session


def one(session: Session, collection_id: str, lock: bool = False) -> Collection:
    key = (session.workspace_id, collection_id)
    row = session.get(Collection, key, with_for_update=True if lock else None)
    if row is None:
        raise NotFound(f"There is no collection {collection_id!r}.")
    return row


def named(session: Session, name: str) -> Collection | None:
    return session.exec(select(Collection).where(col(Collection.name) == name)).first()


def find(session: Session, name_or_id: str) -> Collection | None:
    """The one of that id, else of that name."""
    if "\0" in name_or_id:  # which PostgreSQL would not even look for
        return None
    return session.get(Collection, (session.workspace_id, name_or_id)) or named(session, name_or_id)


def insert(session: Session, row: Collection, taken: Callable[[], Exception]) -> None:
    """Raises `taken` when somebody else was first with the name."""
    session.add(row)
    try:
        session.flush()
    except IntegrityError:
        raise taken() from None


def page(session: Session, limit: int, after: str | None) -> Sequence[Collection]:
    """Newest first."""
    query = select(Collection)
    if after:
        query = query.where(col(Collection.id) < after)
    return session.exec(query.order_by(col(Collection.id).desc()).limit(limit)).all()


def counts(session: Session, ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Documents and passages of each."""
    query = (
        select(Document.collection_id, func.count(), func.coalesce(func.sum(Document.chunks), 0))
        .where(col(Document.collection_id).in_(ids))
        .group_by(col(Document.collection_id))
    )
    return {id_: (documents, int(chunks)) for id_, documents, chunks in session.exec(query)}


def delete_all(session: Session, row: Collection) -> None:
    """Nothing of it is found from here on; store and files follow."""
    of_it = col(Document.collection_id) == row.id
    # Documents before passages, as everybody takes them.
    held = session.exec(select(Document.lease_until).where(of_it).order_by(col(Document.id)).with_for_update()).all()
    lease = max((until for until in held if until), default=None)
    forget_embeddings(session.connection(), row.workspace_id, "collection_id", row.id)
    chores.forget(
        session.connection(), row.workspace_id, row.id, vectors="", files=f"{row.workspace_id}/{row.id}/", due_at=lease
    )
    session.exec(delete(Chunk).where(col(Chunk.collection_id) == row.id))
    session.exec(delete(Document).where(of_it))
    session.delete(row)


# Documents -----------------------------------------------------------------------------------------------------


def document(session: Session, document_id: str, lock: bool = False) -> Document:
    row = session.get(Document, (session.workspace_id, document_id), with_for_update=True if lock else None)
    if row is None:
        raise NotFound(f"There is no document {document_id!r}.")
    return row


def documents(
    session: Session, collection_id: str, limit: int, after: str | None, status: Sequence[str] = ()
) -> Sequence[Document]:
    """Newest first."""
    query = select(Document).where(col(Document.collection_id) == collection_id)
    if status:
        query = query.where(col(Document.status).in_(status))
    if after:
        query = query.where(col(Document.id) < after)
    return session.exec(query.order_by(col(Document.id).desc()).limit(limit)).all()


def same_content(session: Session, collection_id: str, digest: str) -> Document | None:
    query = select(Document).where(col(Document.collection_id) == collection_id, col(Document.hash) == digest)
    return session.exec(query.order_by(col(Document.id)).limit(1)).first()


def same_source(session: Session, collection_id: str, source: str) -> Document | None:
    query = select(Document).where(col(Document.collection_id) == collection_id, col(Document.source) == source)
    return session.exec(query.order_by(col(Document.id)).limit(1)).first()


def new(session: Session, collection_id: str, **given: Any) -> Document:
    """Its first revision; nobody takes it before its original is in the files."""
    now = session.now
    row = Document(
        workspace_id=session.workspace_id, id=new_id(), collection_id=collection_id, created_at=now, updated_at=now,
        **given,
    )  # fmt: skip
    session.add(row)
    return row


def renew(session: Session, row: Document) -> None:
    """A new revision of it, in the queue from the start: whoever is at the one before is fenced."""
    if row.revision != row.live:
        abandon(session, row)
        row.hash = ""
    row.revision += 1
    row.epoch += 1
    row.status, row.stage, row.progress, row.error = "pending", "", 0, None
    row.owner, row.lease_until, row.lost_in_a_row, row.tries = None, None, 0, 0
    row.updated_at = session.now


def abandon(session: Session, row: Document) -> None:
    """What was stored of the revision that was being made is forgotten, once nobody can be at it any more."""
    lease = row.lease_until if row.owner else None
    files = files_of(row.workspace_id, row.collection_id, row.id, row.revision)
    unused = None if (row.file_key or "").startswith(files) else files
    vectors = f"{row.id}:{row.revision}:"
    chores.forget(
        session.connection(), row.workspace_id, row.collection_id, vectors=vectors, files=unused, due_at=lease
    )


def expect_file(session: Session, row: Document) -> None:
    """The original is about to be put where `file_key` says; what was there before is forgotten."""
    place = f"{files_of(row.workspace_id, row.collection_id, row.id, row.revision)}original"
    if row.file_key and row.file_key != place:
        chores.forget(session.connection(), row.workspace_id, row.collection_id, files=row.file_key)
    row.file_key = place
    row.owner, row.lease_until = UPLOAD, session.now + UPLOAD_S * 1000


def held(session: Session, document_id: str) -> Document:
    """The document, with its collection kept where it is until the transaction ends."""
    one(session, document(session, document_id).collection_id, lock=True)
    return document(session, document_id, lock=True)


def forget(session: Session, row: Document) -> None:
    """It is gone for everybody who asks; store and files follow."""
    forget_embeddings(session.connection(), row.workspace_id, "document_id", row.id)
    files = files_of(row.workspace_id, row.collection_id, row.id)
    lease = row.lease_until if row.owner else None
    chores.forget(
        session.connection(), row.workspace_id, row.collection_id, vectors=f"{row.id}:", files=files, due_at=lease
    )
    session.exec(delete(Chunk).where(col(Chunk.document_id) == row.id))
    session.delete(row)


def passages(session: Session, document_id: str, limit: int, after: int) -> Sequence[Chunk]:
    query = select(Chunk).where(col(Chunk.document_id) == document_id, col(Chunk.n) > after)
    return session.exec(query.order_by(col(Chunk.n)).limit(limit)).all()
