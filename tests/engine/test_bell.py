from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.bell import Bell
from engine.settings import Settings
from engine.store.database import Database
from engine.store.migrate import migrate
from tests.running import ROOT

COMMIT = "update workspace set created_at = created_at + 1"


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Every test of the bell holds on all three."""
    settings = Settings.read({"NEXOD_DATA": str(tmp_path)})
    if request.param != "sqlite":
        settings = replace(settings, database_url=request.getfixturevalue("postgres").new_database())
    if request.param == "redis":
        settings = replace(settings, redis_url=request.getfixturevalue("redis_server").url)
    return settings


@pytest.fixture
def db(settings: Settings) -> Iterator[Database]:
    db = Database.open(settings.database_url)
    migrate(db)
    yield db
    db.close()


@pytest.fixture
def bell(settings: Settings, db: Database) -> Iterator[Bell]:
    bell = Bell.open(settings, db)
    yield bell
    bell.close()


def commit(db: Database) -> None:
    with db.begin() as conn:
        conn.exec_driver_sql(COMMIT)


async def heard(bell: Bell) -> None:
    """Until the bell is certainly listening: its first words may be spoken before its thread is there."""
    while await bell.wait(0.3):
        pass


async def test_a_commit_rings(bell: Bell, db: Database):
    await heard(bell)
    waiting = asyncio.create_task(bell.wait(10))
    await asyncio.sleep(0.05)
    await asyncio.to_thread(commit, db)
    assert await waiting


async def test_everybody_who_waits_is_woken(bell: Bell, db: Database):
    await heard(bell)
    waiting = [asyncio.create_task(bell.wait(10, pace_s=pace)) for pace in (0.003, 0.05, 0.003)]
    await asyncio.sleep(0.05)
    await asyncio.to_thread(commit, db)
    assert await asyncio.gather(*waiting) == [True, True, True]


async def test_a_commit_of_another_process_rings(bell: Bell, settings: Settings):
    await heard(bell)
    code = (
        "from engine.settings import Settings; from engine.bell import Bell\n"
        "from engine.store.database import Database\n"
        f"s = Settings(database_url={settings.database_url!r}, redis_url={settings.redis_url!r})\n"
        "db = Database.open(s.database_url); bell = Bell.open(s, db)\n"
        f"with db.begin() as conn: conn.exec_driver_sql({COMMIT!r})"
    )
    waiting = asyncio.create_task(bell.wait(20))
    await asyncio.sleep(0.05)
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code], cwd=ROOT, check=True)
    assert await waiting


async def test_what_comes_between_reading_and_waiting_is_not_missed(bell: Bell, db: Database):
    await heard(bell)
    mark = bell.mark()
    await asyncio.to_thread(commit, db)
    assert await bell.wait(10, since=mark)


async def test_a_wait_has_an_end(bell: Bell):
    await heard(bell)
    assert not await bell.wait(0.05)


async def test_a_ring_inside_the_process_needs_no_commit(bell: Bell):
    await heard(bell)
    waiting = asyncio.create_task(bell.wait(10))
    await asyncio.sleep(0.02)
    bell.ring()
    assert await waiting


async def test_nobody_looks_while_nobody_waits(tmp_path: Path):
    settings = Settings.read({"NEXOD_DATA": str(tmp_path)})
    db = Database.open(settings.database_url)
    migrate(db)
    bell = Bell.open(settings, db)
    looks = []
    look = bell._version
    bell._version = lambda: looks.append(1) or look()
    await bell.wait(0.05)
    await asyncio.sleep(0.05)
    looks.clear()
    await asyncio.sleep(0.1)
    assert looks == []
    db.close()
