"""Every store that there is, for one suite of facts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import pytest

from engine.settings import Settings
from engine.store.database import Database
from engine.store.migrate import migrate
from engine.store.pgvector import PgVector
from engine.store.vectors import Embedded
from engine.vectors import Item, Space, VectorStore
from engine.vectors.pinecone import Patience, Pinecone
from tests.servers import Postgres
from tests.world.pinecone import Service

REAL = os.environ.get("NEXOD_TEST_PINECONE_API_KEY", "")
STORES = ["embedded-sqlite", "embedded-postgresql", "pgvector", "pinecone", *(["pinecone-real"] if REAL else [])]


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> VectorStore:
    return request.getfixturevalue(request.param.replace("-", "_"))


@pytest.fixture(scope="session")
def sqlite_db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One database for all: every test has a space of its own."""
    yield from _migrated(f"sqlite:///{tmp_path_factory.mktemp('vectors') / 'nexod.db'}")


@pytest.fixture(scope="session")
def postgresql_db(postgres: Postgres) -> Iterator[Database]:
    yield from _migrated(postgres.new_database())


@pytest.fixture(scope="session")
def pgvector_db(pgvector_server: Postgres) -> Iterator[Database]:
    yield from _migrated(pgvector_server.new_database())


@pytest.fixture
def embedded_sqlite(sqlite_db: Database) -> Embedded:
    return Embedded(sqlite_db)


@pytest.fixture
def embedded_postgresql(postgresql_db: Database) -> Embedded:
    return Embedded(postgresql_db)


@pytest.fixture(params=["embedded-sqlite", "embedded-postgresql"])
def embedded(request: pytest.FixtureRequest) -> Embedded:
    return request.getfixturevalue(request.param.replace("-", "_"))


@pytest.fixture
def pgvector(pgvector_db: Database) -> PgVector:
    return PgVector(pgvector_db)


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as service:
        yield service


@pytest.fixture
def pinecone(service: Service) -> Pinecone:
    return Pinecone(Settings(pinecone_api_key=service.key, pinecone_host=service.origin))


class Tidy(Pinecone):
    """Leaves nothing behind at the real service."""

    used: set[Space]

    def upsert(self, space: Space, items: Sequence[Item], *, wait: bool = True) -> None:
        self.used.add(space)
        super().upsert(space, items, wait=wait)


@pytest.fixture
def pinecone_real() -> Iterator[Pinecone]:
    store = Tidy(Settings(pinecone_api_key=REAL, pinecone_index="nexod-test"), Patience(visible_s=120))
    store.used = set()
    yield store
    for space in store.used:
        store.drop(space)


def _migrated(url: str) -> Iterator[Database]:
    db = Database.open(url)
    migrate(db)
    yield db
    db.close()
