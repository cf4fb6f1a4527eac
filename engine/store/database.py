"""One database, SQLite or PostgreSQL: connections, write transactions, its clock. Knows no table."""

from __future__ import annotations

import re
import sqlite3
import sys
import threading
import time
from collections import namedtuple
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError

from engine.errors import Unavailable
from engine.settings import BadSetting

CHANNEL = "nexod"
BUSY_S = 30
_NAME = re.compile(r"(?<!:):([a-z_]+)")


class Statement:
    """SQL with `:names`, handed to the driver as it is: this is the path of every step, and it costs a third so."""

    def __init__(self, sql: str) -> None:
        self.names = _NAME.findall(sql)
        self.sqlite = _NAME.sub("?", sql)
        self.postgres = _NAME.sub("%s", sql.replace("%", "%%"))
        self._row: Callable[[Any], Any] | None = None

    def __call__(self, conn: Connection, **values: Any) -> Rows:
        sql = self.sqlite if conn.dialect.name == "sqlite" else self.postgres
        driver: Any = conn.connection.driver_connection
        cursor = driver.execute(sql, tuple([values[name] for name in self.names]))
        if cursor.description is None:
            return Rows((), cursor.rowcount)
        if self._row is None:
            self._row = _row_of([column[0] for column in cursor.description])
        return Rows([self._row(row) for row in cursor.fetchall()], cursor.rowcount)


def _row_of(columns: list[str]) -> Callable[[Any], Any]:
    return namedtuple("Row", columns, rename=True)._make  # pyright: ignore[reportUntypedNamedTuple]


class Rows:
    """What a statement answered: named tuples."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, rows: Sequence[Any], rowcount: int) -> None:
        self._rows = rows
        self.rowcount = rowcount

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def all(self) -> Sequence[Any]:
        return self._rows

    def first(self) -> Any:
        return self._rows[0] if self._rows else None

    def one(self) -> Any:
        (row,) = self._rows
        return row

    def scalar(self) -> Any:
        return self._rows[0][0] if self._rows else None

    def scalar_one(self) -> Any:
        return self.one()[0]


def is_sqlite(conn: Connection) -> bool:
    return conn.dialect.name == "sqlite"


class Database:
    """`begin()` is a write transaction, `read()` a consistent view. Open it after a fork, never before."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.sqlite = engine.dialect.name == "sqlite"
        self.after_commit: list[Callable[[], None]] = []
        """Called after each write transaction."""
        self.notifies = not self.sqlite
        """Whether a commit tells PostgreSQL's listeners."""
        self._reads = engine.execution_options(nexod_read=True)
        # SQLite has one writer: our threads take turns at one connection, since SQLite's own waiting sleeps for
        # milliseconds.
        self._turn = threading.Lock()
        self._writer: Connection | None = None

    @classmethod
    def open(cls, url: str) -> Database:
        try:
            if url.startswith("sqlite"):
                return cls(_sqlite(url))
            return cls(sa.create_engine(url, pool_size=10, max_overflow=20, pool_pre_ping=True))
        except (ArgumentError, ValueError, TypeError):
            # The text may hold a password, so it is not repeated here.
            raise BadSetting("DATABASE_URL", "no database can be found by it", "Check its parts.") from None

    @contextmanager
    def begin(self) -> Generator[Connection]:
        with _unavailable(), self._writing() as conn, conn.begin():
            yield conn
            if self.notifies:
                conn.exec_driver_sql(f"notify {CHANNEL}")
        for call in self.after_commit:
            call()

    @contextmanager
    def read(self) -> Generator[Connection]:
        with _unavailable(), self._reads.connect() as conn, conn.begin():
            yield conn

    @contextmanager
    def _writing(self) -> Generator[Connection]:
        if not self.sqlite:
            with self.engine.connect() as conn:
                yield conn
            return
        if not self._turn.acquire(timeout=BUSY_S):
            raise Unavailable("The database is busy.")
        try:
            if self._writer is None or self._writer.invalidated:
                self._writer = self.engine.connect()
            yield self._writer
        finally:
            self._turn.release()

    def version(self) -> Callable[[], int]:
        """SQLite only: a function whose answer changes when anybody commits; it costs microseconds. One thread's."""
        connection = sqlite3.connect(self.engine.url.database or "", check_same_thread=False)
        return lambda: connection.execute("pragma data_version").fetchone()[0]

    def notices(self, timeout_s: float) -> Generator[bool]:
        """PostgreSQL only: True for each commit of anybody, False when nothing came for a while. Never ends."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.exec_driver_sql(f"listen {CHANNEL}")
            connection: Any = conn.connection.driver_connection
            while True:
                came = False
                for _ in connection.notifies(timeout=timeout_s, stop_after=1):
                    came = True
                yield came

    def now_ms(self, conn: Connection) -> int:
        return now_ms(conn)

    def close(self) -> None:
        with self._turn:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
        self.engine.dispose()


def now_ms(conn: Connection) -> int:
    """The database's clock. SQLite's is this machine's: asking it would only cost time."""
    if is_sqlite(conn):
        return time.time_ns() // 1_000_000
    return conn.exec_driver_sql("select (extract(epoch from clock_timestamp()) * 1000)::bigint").scalar_one()


@contextmanager
def _unavailable() -> Generator[None]:
    try:
        yield
    except DatabaseError as fault:
        # A file that is no database, or broken, is said in no more than the general word; the rest is a fault of ours.
        if not isinstance(fault, OperationalError) and type(fault) is not DatabaseError:
            raise
        raise Unavailable("The database does not answer.", hint=str(fault.orig)) from fault
    except _lost() as fault:
        raise Unavailable("The database does not answer.", hint=str(fault)) from fault


def _lost() -> tuple[type[Exception], ...]:
    """What a driver says, when it was asked without SQLAlchemy between. psycopg is loaded only where it is used."""
    psycopg = sys.modules.get("psycopg")
    return (sqlite3.OperationalError, *((psycopg.OperationalError,) if psycopg else ()))


def _sqlite(url: str) -> Engine:
    # isolation_level None: the driver begins nothing by itself, `_begin` says which kind of transaction it is.
    engine = sa.create_engine(
        url, connect_args={"isolation_level": None, "timeout": BUSY_S}, pool_size=16, max_overflow=48, pool_timeout=30
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _: Any) -> None:
    for pragma in (f"busy_timeout={BUSY_S * 1000}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(conn: Connection) -> None:
    read = conn.get_execution_options().get("nexod_read")
    driver: Any = conn.connection.driver_connection
    driver.execute("BEGIN" if read else "BEGIN IMMEDIATE")
