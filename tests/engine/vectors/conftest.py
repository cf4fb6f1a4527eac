"""Every store that there is, for one suite of facts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.store.database import Database
from engine.store.migrate import migrate
from engine.store.vectors import Embedded
from engine.vectors import VectorStore

STORES = ["embedded-sqlite", "embedded-postgresql"]


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> VectorStore:
    return request.getfixturevalue(request.param.replace("-", "_"))


@pytest.fixture
def embedded_sqlite(tmp_path: Path) -> Iterator[Embedded]:
    yield from _embedded(f"sqlite:///{tmp_path / 'nexod.db'}")


@pytest.fixture
def embedded_postgresql(request: pytest.FixtureRequest) -> Iterator[Embedded]:
    yield from _embedded(request.getfixturevalue("postgres").new_database())


@pytest.fixture(params=["embedded-sqlite", "embedded-postgresql"])
def embedded(request: pytest.FixtureRequest) -> Embedded:
    return request.getfixturevalue(request.param.replace("-", "_"))


def _embedded(url: str) -> Iterator[Embedded]:
    db = Database.open(url)
    migrate(db)
    yield Embedded(db)
    db.close()
