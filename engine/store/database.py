"""One database, SQLite or PostgreSQL: connections, write transactions, its clock. Knows no table."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from engine.errors import Unavailable

CHANNEL = "nexod"
_NAME = re.compile(r"(?<!:):([a-z_]+)")


class Statement:
    """SQL with `:names`, translated once per driver. Half the cost of `text()` on the path of every step."""

    def __init__(self, sql: str) -> None:
        self.names = _NAME.findall(sql)
        self.sqlite = _NAME.sub("?", sql)
        self.postgres = _NAME.sub("%s", sql.replace("%", "%%"))

    def __call__(self, conn: Connection, **values: Any) -> sa.CursorResult[Any]:
        sql = self.sqlite if is_sqlite(conn) else self.postgres
        return conn.exec_driver_sql(sql, tuple(values[name] for name in self.names))


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
        # SQLite has one writer; its own waiting sleeps for milliseconds, a lock among our threads does not.
        self._writer = threading.RLock() if self.sqlite else nullcontext()

    @classmethod
    def open(cls, url: str) -> Database:
        if url.startswith("sqlite"):
            return cls(_sqlite(url))
        return cls(sa.create_engine(url, pool_size=10, max_overflow=20, pool_pre_ping=True))

    @contextmanager
    def begin(self) -> Generator[Connection]:
        with _unavailable(), self._writer, self.engine.begin() as conn:
            yield conn
            if self.notifies:
                conn.exec_driver_sql(f"notify {CHANNEL}")
        for call in self.after_commit:
            call()

    @contextmanager
    def read(self) -> Generator[Connection]:
        with _unavailable(), self._reads.connect() as conn:
            yield conn

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
    except sa.exc.OperationalError as fault:
        raise Unavailable("The database does not answer.", hint=str(fault.orig)) from fault


def _sqlite(url: str) -> Engine:
    # isolation_level None: the driver begins nothing by itself, `_begin` says which kind of transaction it is.
    engine = sa.create_engine(
        url, connect_args={"isolation_level": None, "timeout": 30}, pool_size=16, max_overflow=48, pool_timeout=30
    )
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _: Any) -> None:
    for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(conn: Connection) -> None:
    read = conn.get_execution_options().get("nexod_read")
    conn.exec_driver_sql("BEGIN" if read else "BEGIN IMMEDIATE")
