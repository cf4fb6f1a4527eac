from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

from alembic import command
from engine.store import passages
from engine.store.database import Database
from engine.store.migrate import HEAD, ROOT, compared, migrate
from engine.store.models import DEFAULT_WORKSPACE


def test_migrations_make_exactly_the_tables_of_the_models(db: Database):
    with db.begin() as conn:
        opts = {"compare_type": True, "compare_server_default": True, "include_name": compared}
        context = MigrationContext.configure(conn, opts=opts)
        assert compare_metadata(context, SQLModel.metadata) == []


def test_head_is_the_newest_revision():
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("script_location", str(ROOT / "alembic"))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_every_table_carries_its_workspace_and_unique_rules_lead_with_it():
    for table in SQLModel.metadata.tables.values():
        if table.name == "workspace":
            continue
        assert "workspace_id" in table.columns, table.name
        if table.name != "run_queue":
            assert next(iter(table.primary_key.columns)).name == "workspace_id", table.name
        for index in table.indexes:
            assert not index.unique, index.name
        for rule in table.constraints:
            if rule.__visit_name__ == "unique_constraint":
                assert next(iter(rule.columns)).name == "workspace_id", rule.name


def test_the_default_workspace_is_there(db: Database):
    with db.read() as conn:
        assert conn.exec_driver_sql("select id from workspace").scalars().all() == [DEFAULT_WORKSPACE]


def test_a_current_database_is_left_alone_and_alembic_is_not_loaded(db: Database):
    url = db.engine.url.render_as_string(hide_password=False)
    code = (
        "import sys\nfrom engine.store.database import Database\nfrom engine.store.migrate import migrate\n"
        f"print(migrate(Database.open({url!r})), 'alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_processes_that_migrate_at_once_do_it_once(kind: str, tmp_path: Path, request: pytest.FixtureRequest):
    url = f"sqlite:///{tmp_path / 'new.db'}"
    if kind == "postgresql":
        url = request.getfixturevalue("postgres").new_database()
    code = (
        "from engine.store.database import Database\nfrom engine.store.migrate import migrate\n"
        f"print(migrate(Database.open({url!r})))"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    assert sorted(process.communicate()[0].strip() for process in started) == ["False", "False", "False", "True"]


def test_threads_of_one_process_migrate_once(tmp_path: Path):
    database = Database.open(f"sqlite:///{tmp_path / 'new.db'}")
    done: list[bool] = []
    threads = [threading.Thread(target=lambda: done.append(migrate(database))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False, False, False, True]


def test_full_text_takes_in_the_passages_that_were_there_before(db: Database):
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("script_location", str(ROOT / "alembic"))
    with db.begin() as conn:
        config.attributes["connection"] = conn
        command.downgrade(config, "0004")
        conn.exec_driver_sql(
            "insert into chunk (workspace_id, id, collection_id, document_id, n, text, metadata)"
            " values ('w', 'd:1:0', 'c', 'd', 0, 'Roses are red', '{}')"
        )
    assert migrate(db)
    place = passages.Place("w", "c", "docs", "embedded", "c", "hashing", 512)
    assert [id_ for id_, _ in passages.by_words(db, place, ["roses"], 10)] == ["d:1:0"]
