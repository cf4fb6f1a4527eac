"""Questions to outside databases: answered as JSON, read-only on both of them, within their caps."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest

from engine import tools
from engine.errors import NodeError
from tests.servers import Postgres

CONTEXT = tools.ToolContext("run", "workspace", "key", lambda reference: "")
TABLE = (
    "create table tea (id int, name text, price numeric)",
    "insert into tea values (1, 'green', 2.5), (2, 'black', 3)",
)


@pytest.fixture
def sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "tea & co.db"
    with sqlite3.connect(path) as raw:
        for statement in TABLE:
            raw.execute(statement)
    raw.close()
    monkeypatch.setenv("NEXOD_DB_SHOP", f"sqlite:///{path}")
    return path


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> str:
    url = postgres.new_database()
    with psycopg.connect(url.replace("+psycopg", "")) as raw:
        for statement in (*TABLE, "create sequence s"):
            raw.execute(statement.encode())
    return url


@pytest.fixture
def postgresql(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXOD_DB_SHOP", database)


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest) -> str:
    request.getfixturevalue(request.param)
    return request.param


async def ask(sql: str, parameters: dict[str, Any] | None = None, **config: Any) -> Any:
    settings = tools.configured("database_query", {"connection": "SHOP", **config})
    args = {"sql": sql, "parameters": parameters}
    return await tools.registry()["database_query"].call(args, settings, CONTEXT)


async def refused(sql: str, parameters: dict[str, Any] | None = None, **config: Any) -> NodeError:
    with pytest.raises(NodeError) as raised:
        await ask(sql, parameters, **config)
    return raised.value


async def test_a_question_is_answered_as_json(shop: str):
    said = await ask("select id, name, price from tea where name = :name or ': %s' = '' order by id", {"name": "green"})
    assert said == {
        "columns": ["id", "name", "price"], "rows": [{"id": 1, "name": "green", "price": 2.5}], "more": False,
    }  # fmt: skip


async def test_a_value_is_never_part_of_the_statement(shop: str):
    assert (await ask("select name from tea where name = :n", {"n": "' or 1=1 --"}))["rows"] == []


async def test_rows_are_capped(shop: str):
    said = await ask("select id from tea order by id", max_rows=1)
    assert (said["rows"], said["more"]) == ([{"id": 1}], True)


@pytest.mark.parametrize(
    "sql",
    [
        "delete from tea", "update tea set price = 0", "insert into tea values (3, 'x', 1) returning id",
        "drop table tea", "create table more (a int)", "create temp table t (a int)", "select 1; drop table tea",
        "select 1; commit; drop table tea", "commit; drop table tea", "begin", "vacuum into 'copy.db'",
        "with gone as (delete from tea returning id) select id from gone", "pragma query_only = off",
        "attach database 'other.db' as other", "set transaction read write", "select nextval('s')",
        "select set_config('transaction_read_only', 'off', true)", "copy (select 1) to program 'touch x'",
        "do $$ begin end $$", "select load_extension('x')", "", " ", "selec", "explain analyze delete from tea",
    ],
)  # fmt: skip
async def test_nothing_but_a_question_goes_through(shop: str, sql: str):
    if shop == "sqlite" and sql.startswith("explain"):
        sql = "explain"
    assert (await refused(sql)).code in ("read_only", "bad_query", "bad_arguments")
    assert len((await ask("select id from tea"))["rows"]) == 2


async def test_a_question_that_takes_too_long_is_stopped(shop: str):
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"
    error = await refused(endless, timeout_s=0.3)
    assert error.code == "timeout"


ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000) select {} t from n"
LARGE = {"sqlite": "hex(zeroblob(50000))", "postgresql": "repeat('x', 100000)"}


async def test_rows_that_are_too_large_stop_before_the_memory_does(shop: str):
    error = await refused(ENDLESS.format(LARGE[shop]), max_rows=5000)
    assert error.code == "tool_output_too_large"
    assert error.hint


async def test_the_time_is_for_all_rows_together(postgresql: None):
    """Each batch of rows takes less than what all of them may."""
    slow = "select i, pg_sleep(0.01) from generate_series(1, 5000) i"
    assert (await refused(slow, max_rows=5000, timeout_s=0.8)).code == "timeout"


async def test_postgresql_values_become_json(postgresql: None):
    (row,) = (
        await ask(
            "select 1.50::numeric a, '{\"b\": 1}'::jsonb j, '\\x00ff'::bytea y, array[1, 2] l, :n::int n", {"n": 7}
        )
    )["rows"]
    assert row == {"a": 1.5, "j": {"b": 1}, "y": "AP8=", "l": [1, 2], "n": 7}


@pytest.mark.parametrize(
    ("url", "code"),
    [
        (None, "unknown_connection"), ("mysql://u:hunter2@h/x", "bad_connection"), ("sqlite://", "bad_connection"),
        ("sqlite:////nowhere/x.db", "database_unreachable"),
        ("postgresql://u:hunter2@127.0.0.1:1/x", "database_unreachable"),
    ],
)  # fmt: skip
async def test_a_connection_that_cannot_be_used_keeps_its_password(
    monkeypatch: pytest.MonkeyPatch, url: str | None, code: str
):
    monkeypatch.delenv("NEXOD_DB_SHOP", raising=False)
    if url:
        monkeypatch.setenv("NEXOD_DB_SHOP", url)
    error = await refused("select 1")
    assert error.code == code
    assert "hunter2" not in error.message + error.hint
