"""The API in this process over HTTP, on a database of its own; and a worker, for tests that need runs to move."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from engine.runner import Runner
from engine.services import identity
from engine.settings import Settings
from engine.store.migrate import migrate
from engine.store.models import DEFAULT_WORKSPACE
from engine.store.session import Workspace
from engine.store.sweep import sweep
from nexod_app.api.app import create_api
from nexod_app.site import Site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(Settings.read({"NEXOD_DATA": str(tmp_path / "data")}))
    migrate(site.db)
    yield site
    await site.close()


@pytest.fixture
def ws(site: Site) -> Workspace:
    return Workspace(site.db, DEFAULT_WORKSPACE)


def client(site: Site, key: str | None = None) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_api(site.settings, site), client=("10.0.0.1", 5000))
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000/api/v1", headers=headers)


@pytest.fixture
async def api(site: Site, ws: Workspace) -> AsyncIterator[httpx.AsyncClient]:
    """A caller whose key may do everything."""
    async with client(site, identity.create_key(ws, "test")["key"]) as http:
        yield http


@pytest.fixture
async def anybody(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with client(site) as http:
        yield http


@asynccontextmanager
async def worker(site: Site) -> AsyncIterator[Runner]:
    """The real runner in this loop, looking for work every few milliseconds."""
    runner = Runner(site.db, "test", lease_s=15, settings=site.settings)

    async def look() -> None:
        while True:
            await runner.wake()
            await asyncio.to_thread(sweep, site.db)
            await asyncio.sleep(0.01)

    task = asyncio.create_task(look())
    try:
        yield runner
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await runner.close(1)


@pytest.fixture
async def working(site: Site) -> AsyncIterator[Runner]:
    async with worker(site) as runner:
        yield runner
