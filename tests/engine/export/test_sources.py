"""An exported search asks the collections where they are, over REST, and answers as the platform does."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from engine.services.identity import create_key
from engine.settings import Settings
from engine.store.database import Database
from engine.store.models import DEFAULT_WORKSPACE
from engine.store.session import Workspace
from nexod_app.api.app import create_api
from tests.engine.export.cases import TARGETS, TEMPLATES, Case, as_scripts, on_the_platform, says
from tests.engine.export.test_runs import masked, prepared
from tests.running import free_port
from tests.world.models import ModelServer

SOURCES = TEMPLATES[8]
QUESTION = "How does a workflow wait for a person?"


@contextmanager
def api(folder: Path) -> Iterator[dict[str, str]]:
    """REST over the database in `folder`; what a script needs to ask it."""
    database = f"sqlite:///{folder / 'nexod.db'}"
    key = create_key(Workspace(Database.open(database), DEFAULT_WORKSPACE), "script", ["read"])["key"]
    port = free_port()
    settings = Settings.read({"NEXOD_DATA": str(folder / "data"), "DATABASE_URL": database, "PORT": str(port)})
    server = uvicorn.Server(uvicorn.Config(create_api(settings), port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield {"NEXOD_URL": settings.url, "NEXOD_API_KEY": key}
    server.should_exit = True
    thread.join(5)


@pytest.mark.parametrize("target", TARGETS)
async def test_an_exported_search_finds_what_the_platform_finds(
    target: str, alone: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    cited = says("By the step Approval [1].", asked=QUESTION)
    made_up = [says("See [9].", asked=QUESTION), says("See [8].", asked="Answer anew")]
    with ModelServer() as models:
        case = Case.of(SOURCES, cited, inputs={"question": QUESTION})
        models.script(cited)
        prepared(monkeypatch, case, models)
        wanted = await on_the_platform(case, tmp_path, target)
        assert wanted["sources"] and "[1]" in wanted["answer"]
        with api(tmp_path) as env:
            case.env = env
            (played,) = as_scripts([(case, case.export(target), models)], tmp_path, alone[target])
            assert played.code == 0, played.err
            assert masked(json.loads(played.out)) == masked(wanted)
            models.script(*reversed(made_up))
            (played,) = as_scripts([(case, case.export(target), models)], tmp_path, alone[target])
            assert played.code and "sources that do not exist" in played.err
