"""What a workspace used, summed by the database itself."""

from __future__ import annotations

import time

from engine.events import NewEvent
from engine.store import ledger, runs
from engine.store.database import Database
from engine.store.models import DEFAULT_WORKSPACE, new_id


def test_usage_is_summed_over_the_runs_of_a_time(db: Database) -> None:
    for cost in (0.5, 0.25):
        run_id, created = new_id(), NewEvent("run_created", {"inputs": {}, "version": 1, "target": "langgraph"})
        used = {"input_tokens": 10, "output_tokens": 3, "cost": cost}
        with db.begin() as conn:
            ledger.admit(
                conn, workspace_id=DEFAULT_WORKSPACE, workflow_id="w", version_id="v", version=1, run_id=run_id,
                target="langgraph", inputs={}, events=[created],
            )  # fmt: skip
            ended = NewEvent("run_completed", {"outputs": {}, "usage": used})
            ledger.write(conn, ledger.Append(DEFAULT_WORKSPACE, run_id, None, [ended]))
    now = round(time.time() * 1000)
    with db.read() as conn:
        found = runs.spent(conn, DEFAULT_WORKSPACE, now - 3_600_000)
        assert found == {"runs": 2, "input_tokens": 20, "output_tokens": 6, "cost": 0.75}
        assert runs.spent(conn, DEFAULT_WORKSPACE, now + 3_600_000)["runs"] == 0
        assert runs.spent(conn, "another", 0)["cost"] == 0
