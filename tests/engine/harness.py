"""Runs without a web: a real database, the real runner and sweep, in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from engine.backends import load
from engine.events import Event, NewEvent
from engine.runner import Runner
from engine.settings import Settings
from engine.store import ledger, migrate
from engine.store.database import Database
from engine.store.models import DEFAULT_WORKSPACE, WorkflowVersion, new_id
from engine.store.sweep import sweep


class Bench:
    """`start` admits a run, `settle` works until `done` says so; `say` is what a person would do."""

    def __init__(self, folder: Path, lease_s: float = 5.0, target: str = "langgraph") -> None:
        load("langgraph")
        self.db = Database.open(f"sqlite:///{folder / 'nexod.db'}")
        migrate.migrate(self.db)
        self.lease_s, self.target = lease_s, target
        self.settings = Settings.read({"NEXOD_DATA": str(folder / "data"), "NEXOD_LEASE_S": str(max(1, lease_s))})

    def start(self, spec: dict[str, Any], inputs: dict[str, Any] | None = None) -> str:
        run_id, version_id = new_id(), new_id()
        heavy = any(node["kind"] == "crew" for node in spec["nodes"])
        spec = {"nexod": 1, "name": "test", "target": self.target, **spec}
        load("crewai" if heavy else spec["target"])  # seconds that `settle` does not have
        with self.db.begin() as conn:
            conn.execute(
                WorkflowVersion.__table__.insert().values(  # type: ignore[attr-defined]
                    workspace_id=DEFAULT_WORKSPACE, id=version_id, workflow_id=version_id, number=1,
                    hash=version_id, spec=spec, created_at=0,
                )
            )  # fmt: skip
            created = NewEvent("run_created", {"inputs": inputs or {}, "version": 1, "target": spec["target"]})
            ledger.admit(
                conn, workspace_id=DEFAULT_WORKSPACE, workflow_id=version_id, version_id=version_id, version=1,
                run_id=run_id, target=spec["target"], inputs=inputs or {}, events=[created],
                engine="crewai" if heavy else spec["target"],
            )  # fmt: skip
        return run_id

    def say(self, run_id: str, *events: NewEvent) -> None:
        with self.db.begin() as conn:
            ledger.write(conn, ledger.Append(DEFAULT_WORKSPACE, run_id, None, events))

    def events(self, run_id: str) -> list[Event]:
        return ledger.read_events(self.db, run_id)

    def types(self, run_id: str) -> list[str]:
        return [event.type for event in self.events(run_id)]

    def last(self, run_id: str, type_: str = "") -> Event:
        return [event for event in self.events(run_id) if event.type == (type_ or event.type)][-1]

    async def settle(
        self, run_id: str, *ends: str, seconds: float = 20, meanwhile: Callable[[], Any] | None = None
    ) -> Event:
        """The event of a type in `ends` (default: any that ends or parks the run) that comes last."""
        wanted = ends or ("run_completed", "run_failed", "run_cancelled", "run_waiting", "run_needs_review")
        runner = Runner(self.db, f"bench-{new_id()}", self.lease_s, settings=self.settings)
        until = time.monotonic() + seconds
        try:
            while time.monotonic() < until:
                await runner.wake()
                for asked in ledger.cancel_requested(self.db, runner.owner):
                    runner.cancel(asked)
                await asyncio.sleep(0.02)
                event = self.events(run_id)[-1]
                if event.type in wanted:
                    return event
                if meanwhile:
                    meanwhile()
                sweep(self.db)
        finally:
            await runner.close(0)
        raise AssertionError(f"not settled: {self.types(run_id)}")


def chain(*nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A workflow of these nodes, one after the other by port `out`."""
    pairs = pairwise(nodes)
    edges = [{"source": a["id"], "port": "out", "target": b["id"]} for a, b in pairs]
    return {"nodes": list(nodes), "edges": edges, **more}
