"""The database as one workspace sees it: whatever is asked through here is filtered by that workspace."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

import sqlalchemy as sa
import sqlmodel
from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, with_loader_criteria
from sqlmodel import col

from engine.errors import NotFound
from engine.store.database import Database, now_ms
from engine.store.models import ApiKey, SessionRow, SignInToken, WorkspaceRow

M = TypeVar("M", bound=sqlmodel.SQLModel)


class Session(sqlmodel.Session):
    """An ORM session that sees, changes and adds rows of one workspace only."""

    def __init__(self, workspace_id: str, conn: sa.Connection) -> None:
        super().__init__(conn, expire_on_commit=False)
        self.workspace_id = workspace_id

    def find(self, model: type[M], id_: str | tuple[str | int, ...]) -> M:
        """The row of that id (the rest of its key, if it has several parts); NotFound otherwise."""
        rest = id_ if isinstance(id_, tuple) else (id_,)
        row = self.get(model, (self.workspace_id, *rest))
        if row is None:
            raise NotFound(f"There is no {model.__name__.lower()} {id_!r}.")
        return row

    @property
    def now(self) -> int:
        return now_ms(self.connection())


class Workspace:
    """What every service gets as its first argument."""

    def __init__(self, db: Database, id: str) -> None:
        self.db = db
        self.id = id

    @contextmanager
    def begin(self) -> Generator[Session]:
        """A write transaction; `session.connection()` is for the ledger."""
        with self.db.begin() as conn, Session(self.id, conn) as session:
            yield session
            session.flush()

    @contextmanager
    def read(self) -> Generator[Session]:
        with self.db.read() as conn, Session(self.id, conn) as session:
            yield session


def home_of(db: Database, model: type[ApiKey | SessionRow | SignInToken], digest: str) -> str | None:
    """Whose secret this is: the one question that comes before there is a workspace."""
    with db.read() as conn:
        return conn.execute(sa.select(model.workspace_id).where(model.hash == digest)).scalar()  # type: ignore[arg-type]


def _tables() -> list[type[Any]]:
    mappers = sqlmodel.SQLModel._sa_registry.mappers  # pyright: ignore[reportPrivateUsage]
    return sorted((mapper.class_ for mapper in mappers), key=lambda model: model.__name__)


@lru_cache(maxsize=256)
def _mine(workspace_id: str) -> tuple[Any, ...]:
    """One rule per table: it is applied wherever the table appears, in joins and subqueries too."""
    return tuple(
        with_loader_criteria(
            model, col(model.id if model is WorkspaceRow else model.workspace_id) == workspace_id, include_aliases=True
        )
        for model in _tables()
    )


@event.listens_for(Session, "do_orm_execute")
def _filter(state: ORMExecuteState) -> None:
    if not state.is_orm_statement:
        raise TypeError("a workspace's session runs ORM statements only; the ledger takes its connection")
    state.statement = state.statement.options(*_mine(state.session.workspace_id))  # type: ignore[attr-defined]


@event.listens_for(Session, "before_flush")
def _own(session: Session, *_: Any) -> None:
    for row in (*session.new, *session.dirty, *session.deleted):
        if row.workspace_id != session.workspace_id:
            raise NotFound("The row belongs to another workspace.")
