"""Brings a database to the schema of this release. Alembic is imported only when there is something to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engine.store.database import Database, is_sqlite

HEAD = "0005"
"""The newest revision in `alembic/versions`; a test compares the two."""
ROOT = Path(__file__).parents[2]
_LOCK = 0x6E65786F  # any constant of ours: two processes that start together migrate one after the other


def revision(conn: sa.Connection) -> str | None:
    """The revision that the database has; None for an empty one."""
    if not sa.inspect(conn).has_table("alembic_version"):
        return None
    return conn.exec_driver_sql("select version_num from alembic_version").scalar()


def migrate(db: Database) -> bool:
    """True if the schema was changed. Safe when several processes start at once."""
    with db.read() as conn:
        if revision(conn) == HEAD:
            return False
    # SQLite: BEGIN IMMEDIATE is the lock, and its schema changes are transactional too.
    with db.begin() as conn:
        if not is_sqlite(conn):
            conn.exec_driver_sql(f"select pg_advisory_xact_lock({_LOCK})")
        if revision(conn) == HEAD:
            return False
        _upgrade(conn)
    return True


def compared(name: str | None, kind: str, _: Any) -> bool:
    """What Alembic holds against the models: all but the full text index, which each database makes in its own way and
    which no model describes (FTS5 even brings tables of its own)."""
    return not (kind == "table" and name and name.startswith("chunk_search"))


def _upgrade(conn: sa.Connection) -> None:
    from alembic.config import Config

    from alembic import command

    config = Config(ROOT / "alembic.ini")
    config.set_main_option("script_location", str(ROOT / "alembic"))
    config.attributes["connection"] = conn
    command.upgrade(config, "head")
