"""A migrated database of each kind for the tests of a file, and a library in a workspace of each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.store.database import Database
from engine.store.models import new_id
from tests.databases import KINDS, migrated
from tests.engine.knowledge.library import Library


@pytest.fixture(scope="module", params=KINDS)
def db(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Every test of knowledge holds on both databases."""
    with migrated(request, tmp_path_factory.mktemp("data")) as database:
        yield database


@pytest.fixture
def library(db: Database) -> Library:
    return Library(db, new_id())
