"""A migrated database of each kind, and a world of one workflow in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.store.database import Database
from engine.store.migrate import migrate
from tests.engine.store.world import World


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Every test of the store holds on both databases."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'nexod.db'}"
    else:
        url = request.getfixturevalue("postgres").new_database()
    database = Database.open(url)
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def world(db: Database) -> World:
    return World(db)
