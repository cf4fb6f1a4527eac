"""A migrated database of either kind, for fixtures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.store.database import Database
from engine.store.migrate import migrate

KINDS = ("sqlite", "postgresql")


@contextmanager
def migrated(request: pytest.FixtureRequest, folder: Path) -> Iterator[Database]:
    """`request.param` is one of KINDS; an SQLite file goes into `folder`."""
    if request.param == "sqlite":
        url = f"sqlite:///{folder / 'nexod.db'}"
    else:
        url = request.getfixturevalue("postgres").new_database()
    database = Database.open(url)
    migrate(database)
    try:
        yield database
    finally:
        database.close()
