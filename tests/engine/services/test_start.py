"""A start and a delete in the same instant."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.errors import NotFound
from engine.services import runs, workflows
from engine.store.database import Database
from engine.store.migrate import migrate
from engine.store.models import DEFAULT_WORKSPACE
from engine.store.session import Workspace
from tests.engine.flows import step
from tests.servers import Postgres


def test_no_run_starts_under_a_workflow_that_is_being_deleted(postgres: Postgres):
    db = Database.open(postgres.new_database())
    migrate(db)
    ws = Workspace(db, DEFAULT_WORKSPACE)
    made = workflows.create(ws, {"nexod": 1, "name": "A", "nodes": [step("a")], "edges": []})["id"]
    runs.start(ws, made, {})  # what a start looks up beforehand is known by now
    with ThreadPoolExecutor(1) as pool:
        with db.begin() as conn:
            conn.exec_driver_sql("update workflow set deleted_at = 1")
            started = pool.submit(runs.start, ws, made, {})
            with pytest.raises(TimeoutError):
                started.result(timeout=0.5)
        with pytest.raises(NotFound):
            started.result(timeout=20)
    assert len(runs.list_(ws)["items"]) == 1
    db.close()
