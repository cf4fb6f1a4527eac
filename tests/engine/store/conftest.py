"""A migrated database of each kind, and a world of one workflow in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.store.database import Database
from tests.databases import KINDS, migrated
from tests.engine.store.world import World


@pytest.fixture(params=KINDS)
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Every test of the store holds on both databases."""
    with migrated(request, tmp_path) as database:
        yield database


@pytest.fixture
def world(db: Database) -> World:
    return World(db)
