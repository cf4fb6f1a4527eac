"""Every store that there is, for one suite of facts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.settings import Settings
from engine.store.database import Database
from engine.store.migrate import migrate
from engine.store.pgvector import PgVector
from engine.store.vectors import Embedded
from engine.vectors import VectorStore
from engine.vectors.pinecone import Patience, Pinecone
from tests.world.pinecone import Service

REAL = os.environ.get("NEXOD_TEST_PINECONE_API_KEY", "")
STORES = ["embedded-sqlite", "embedded-postgresql", "pgvector", "pinecone", *(["pinecone-real"] if REAL else [])]


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


@pytest.fixture
def pgvector(request: pytest.FixtureRequest) -> Iterator[PgVector]:
    db = Database.open(request.getfixturevalue("pgvector_server").new_database())
    yield PgVector(db)
    db.close()


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as service:
        yield service


@pytest.fixture
def pinecone(service: Service) -> Pinecone:
    return Pinecone(Settings(pinecone_api_key=service.key, pinecone_host=service.origin))


@pytest.fixture
def pinecone_real() -> Pinecone:
    return Pinecone(Settings(pinecone_api_key=REAL, pinecone_index="nexod-test"), Patience(visible_s=120))


def _embedded(url: str) -> Iterator[Embedded]:
    db = Database.open(url)
    migrate(db)
    yield Embedded(db)
    db.close()
