"""pgvector where it may be made, where it may not, and where it is not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from engine.errors import NodeError
from engine.store import pgvector as module
from engine.store.database import Database
from engine.store.migrate import migrate
from engine.store.pgvector import PgVector, available
from engine.vectors import Item, Space
from tests.engine.vectors.world import DIMENSION, items, space, vectors
from tests.servers import Postgres


@pytest.fixture
def url(pgvector_server: Postgres) -> str:
    return pgvector_server.new_database()


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    database = Database.open(url)
    yield database
    database.close()


def as_role(db: Database, name: str, *, may_create: bool) -> Database:
    """The same database as an ordinary user of it."""
    name = f"{name}_{uuid4().hex}"
    with db.begin() as conn:
        conn.exec_driver_sql(f"create role {name} login")
        conn.exec_driver_sql(f"grant create on schema public to {name}")
        if may_create:
            conn.exec_driver_sql(f"grant create on database {db.engine.url.database} to {name}")
    return Database.open(db.engine.url.set(username=name).render_as_string())


def test_it_is_available_where_the_extension_can_be_made(db: Database):
    assert available(db)
    PgVector(db).prepare(space())
    assert available(db)


def test_who_owns_a_database_needs_no_superuser_where_the_host_trusts_the_extension(
    db: Database, pgvector_server: Postgres, request: pytest.FixtureRequest
):
    control = pgvector_server.bin.parent / "share/postgresql/extension/vector.control"
    before = control.read_text()
    request.addfinalizer(lambda: control.write_text(before))
    plain = as_role(db, "owner", may_create=True)
    assert not available(plain)
    control.write_text(f"{before}trusted = true\n")
    assert available(plain)
    here = space()
    PgVector(plain).upsert(here, items(3))
    assert PgVector(plain).count(here) == 3
    plain.close()


def test_who_may_not_make_the_extension_is_told_what_to_say(db: Database):
    plain = as_role(db, "guest", may_create=False)
    assert not available(plain)
    with pytest.raises(NodeError) as caught:
        PgVector(plain).prepare(space())
    assert caught.value.code == "store_unavailable"
    assert "create extension vector" in caught.value.hint
    with db.begin() as conn:
        conn.exec_driver_sql("create extension vector")
    assert available(plain)
    PgVector(plain).upsert(space(), items(1))
    plain.close()


def test_a_server_without_it_is_told_at_once(postgres: Postgres):
    """Debian's server has no such extension; once it has, this needs another one."""
    db = Database.open(postgres.new_database())
    with db.read() as conn:
        there = conn.execute(sa.text("select count(*) from pg_available_extensions where name = 'vector'")).scalar()
    assert available(db) == bool(there)
    if not there:
        with pytest.raises(NodeError) as caught:
            PgVector(db).query(space(), vectors(1)[0], 1)
        assert (caught.value.code, caught.value.retryable) == ("store_unavailable", False)
    db.close()


def test_sqlite_has_none(tmp_path: Path):
    db = Database.open(f"sqlite:///{tmp_path / 'nexod.db'}")
    assert not available(db)
    with pytest.raises(NodeError) as caught:
        PgVector(db).count(space())
    assert caught.value.code == "store_unavailable"
    db.close()


def test_processes_that_begin_at_once_make_one_table(url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_lock", nullcontext())  # each thread is a process
    databases = [Database.open(url) for _ in range(6)]
    here, faults = space(), []

    def begin(n: int, db: Database) -> None:
        try:
            PgVector(db).upsert(here, [Item(str(n), vectors(6)[n])])
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=begin, args=one) for one in enumerate(databases)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert PgVector(databases[0]).count(here) == 6
    for db in databases:
        db.close()


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_it_lives_beside_our_own_tables(db: Database, first: str):
    """In PostgreSQL a table is a type too, and the extension brings types."""
    if first == "theirs":
        with db.begin() as conn:
            conn.exec_driver_sql("create extension vector")
    migrate(db)
    here = space()
    PgVector(db).upsert(here, items(2))
    assert migrate(db) is False
    assert PgVector(db).count(here) == 2


def test_vectors_of_another_embedding_are_an_error_and_no_nonsense(db: Database):
    here, store = space(), PgVector(db)
    store.upsert(here, items(3))
    there = Space(here.workspace_id, here.collection_id, DIMENSION * 2)
    with pytest.raises(NodeError) as caught:
        store.query(there, vectors(1, DIMENSION * 2)[0], 1)
    assert caught.value.code == "dimension_mismatch"


def test_writers_of_the_same_ids_do_not_lock_each_other_out(db: Database):
    here, store, faults = space(), PgVector(db), []
    all_ = items(40)

    def write(order: int) -> None:
        try:
            for _ in range(15):
                store.upsert(here, all_[::order])
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=write, args=(order,)) for order in (1, -1, 1, -1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert store.count(here) == 40


def test_a_character_that_jsonb_has_not_is_left_out(db: Database):
    here, store = space(), PgVector(db)
    store.upsert(here, [Item("a", vectors(1)[0], {"title": "a\0b"})])
    assert store.query(here, vectors(1)[0], 1, {"title": "a\0b"})[0].metadata == {"title": "ab"}
    assert store.query(here, vectors(1)[0], 1, {"title\0": {"$exists": True}})


def test_a_text_about_that_character_is_kept(db: Database):
    here, store = space(), PgVector(db)
    given = {"title": r"\u0000 ends a string", "path": "C:\\u0000\\\0"}
    store.upsert(here, [Item("a", vectors(1)[0], given)])
    assert store.query(here, vectors(1)[0], 1)[0].metadata == {**given, "path": "C:\\u0000\\"}
