"""Questions to other people's databases: read-only in the database itself, one statement, so many rows, so long.

PostgreSQL: a read-only transaction with a server-side cursor, which takes a single query and nothing else.
SQLite: the file opened read-only, an authorizer that lets reading through, a clock that interrupts.
"""

from __future__ import annotations

import base64
import math
import re
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from itertools import islice
from typing import Any
from urllib.parse import quote

import psycopg
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from engine.errors import NodeError
from engine.values import is_list, is_object

CONNECT_S = 10
MAX_VALUE = 1_000_000
"""Bytes of one value that SQLite may make."""
MAX_ANSWER = 4_000_000
"""Characters and bytes of all rows. Far over what a step hands on, and nothing that a worker dies of."""
BATCH = 50
"""Rows that PostgreSQL sends at a time."""
STEPS = 1000
TOKEN = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|::|(?<![\w:]):(?P<name>[A-Za-z_]\w*)|%""", re.DOTALL
)
DENIED = ("not authorized", "authorization denied", "prohibited", "read-only", "readonly")
READS = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})


def query(url: str, sql: str, parameters: Mapping[str, Any], max_rows: int, timeout_s: float) -> dict[str, Any]:
    """{columns, rows, more}: `more` says that there were further rows. Blocks. Raises NodeError."""
    try:
        parts = make_url(url)
        kind = parts.get_backend_name()
    except (SQLAlchemyError, ValueError):
        kind, parts = "", None
    if parts is not None and kind == "sqlite" and parts.database:
        columns, rows = _sqlite(parts.database, sql, parameters, max_rows + 1, timeout_s)
    elif parts is not None and kind in ("postgresql", "postgres"):
        columns, rows = _postgresql(parts, sql, parameters, max_rows + 1, timeout_s)
    else:  # it may hold a password, so it is not repeated
        hint = "The operator writes sqlite:///path or postgresql://user:password@host/name."
        raise NodeError("The address of the connection cannot be used.", code="bad_connection", hint=hint)
    shown = [{name: _plain(value) for name, value in zip(columns, row, strict=True)} for row in rows[:max_rows]]
    return {"columns": columns, "rows": shown, "more": len(rows) > max_rows}


Answer = tuple[list[str], Sequence[Sequence[Any]]]


def _sqlite(path: str, sql: str, parameters: Mapping[str, Any], rows: int, timeout_s: float) -> Answer:
    try:
        raw = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=timeout_s)
    except sqlite3.Error:
        raise _unreachable() from None
    end = time.monotonic() + timeout_s
    try:
        _guard(raw, end)
        cursor = raw.execute(sql, dict(parameters))
        if cursor.description is None:
            raise _no_rows()
        return [column[0] for column in cursor.description], _held(islice(cursor, rows), end)
    except (sqlite3.Error, sqlite3.Warning, OverflowError, ValueError, TimeoutError) as fault:
        raise _refused(fault, timeout_s) from None
    finally:
        raw.close()


def _guard(raw: sqlite3.Connection, end: float) -> None:
    def may(action: int, *_: Any) -> int:
        return sqlite3.SQLITE_OK if action in READS else sqlite3.SQLITE_DENY

    raw.execute("pragma query_only = on")
    raw.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE)
    raw.set_authorizer(may)
    raw.set_progress_handler(lambda: time.monotonic() > end, STEPS)


def _postgresql(url: URL, sql: str, parameters: Mapping[str, Any], rows: int, timeout_s: float) -> Answer:
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    limits = f"-c default_transaction_read_only=on -c statement_timeout={round(timeout_s * 1000)}"
    try:
        conn = psycopg.connect(address, connect_timeout=CONNECT_S, options=limits, application_name="nexod")
    except psycopg.Error:
        raise _unreachable() from None
    end = time.monotonic() + timeout_s
    try:
        conn.read_only = True
        with conn.cursor(name="nexod") as cursor:
            cursor.itersize = BATCH
            cursor.execute(_bound(sql, parameters).encode(), dict(parameters))
            if cursor.description is None:
                raise _no_rows()
            return [column.name for column in cursor.description], _held(islice(cursor, rows), end)
    except (psycopg.Error, TimeoutError) as fault:
        raise _refused(fault, timeout_s) from None
    finally:
        conn.close()


def _bound(sql: str, parameters: Mapping[str, Any]) -> str:
    """`:name` as the driver writes it; texts, comments and casts stay what they are."""

    def write(found: re.Match[str]) -> str:
        name = found["name"]
        return f"%({name})s" if name and name in parameters else found[0].replace("%", "%%")

    return TOKEN.sub(write, sql)


def _held(rows: Iterable[Sequence[Any]], end: float) -> list[Sequence[Any]]:
    """All of them, unless they become too much or too late."""
    found: list[Sequence[Any]] = []
    size = 0
    for row in rows:
        size += sum(len(value) if isinstance(value, str | bytes) else len(str(value)) for value in row)
        if size > MAX_ANSWER:
            said = f"The rows hold more than {MAX_ANSWER:,} characters."
            raise NodeError(said, code="tool_output_too_large", hint="Ask for fewer rows or columns.")
        if time.monotonic() > end:
            raise TimeoutError
        found.append(row)
    return found


def _unreachable() -> NodeError:
    return NodeError("The database cannot be reached.", code="database_unreachable", retryable=True)


def _no_rows() -> NodeError:
    return NodeError("The statement answers no rows.", code="bad_query", hint="Ask with a SELECT.")


def _refused(fault: BaseException, timeout_s: float) -> NodeError:
    """What the database said, in one line."""
    said = _first_line(fault)
    if isinstance(fault, TimeoutError) or "statement timeout" in said or said == "interrupted":
        hint = "Ask for less, or with an index."
        return NodeError(f"The query took longer than {timeout_s:g} s.", code="timeout", hint=hint)
    if any(word in said for word in DENIED):
        return NodeError("Only reading is allowed.", code="read_only", hint="Ask with a SELECT.")
    return NodeError(f"The database says: {said}.", code="bad_query")


def _first_line(fault: BaseException) -> str:
    lines = str(fault).splitlines()
    return lines[0].strip().rstrip(".")[:300] if lines else type(fault).__name__


def _plain(value: Any) -> Any:
    """A value as JSON: numbers exact where they fit, times as ISO 8601, bytes as base64."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float | Decimal):
        return _number(value)
    if isinstance(value, datetime | date | clock):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if is_object(value):
        return {str(k): _plain(v) for k, v in value.items()}
    if is_list(value):
        return [_plain(v) for v in value]
    return str(value)


def _number(value: float | Decimal) -> int | float | str:
    if isinstance(value, Decimal):
        with suppress(ValueError, OverflowError):
            if value == value.to_integral_value():
                return int(value)
        return float(value) if Decimal(repr(float(value))) == value else str(value)
    return value if math.isfinite(value) else str(value)
