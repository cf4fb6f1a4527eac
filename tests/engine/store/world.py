"""One workspace with one workflow, and the few verbs that the ledger's tests speak in."""

from __future__ import annotations

from typing import Any

from engine.events import Event, NewEvent, rfc3339
from engine.store import ledger
from engine.store.database import Database
from engine.store.ledger import Append, Claim
from engine.store.models import DEFAULT_WORKSPACE, Workflow, WorkflowVersion, new_id
from engine.store.session import Workspace

OWNER = "worker-1"
LEASE_S = 15
SPEC = {"nexod": 1, "name": "Two", "nodes": [], "edges": []}


class World:
    def __init__(self, db: Database, workspace_id: str = DEFAULT_WORKSPACE) -> None:
        self.db = db
        self.ws = Workspace(db, workspace_id)
        self.id = workspace_id
        self.workflow_id, self.version_id = new_id(), new_id()
        with self.ws.begin() as session:
            now = session.now
            session.add(
                Workflow(
                    workspace_id=self.id, id=self.workflow_id, name="Two", spec=SPEC, problems=[],
                    created_at=now, updated_at=now,
                )
            )  # fmt: skip
            session.add(
                WorkflowVersion(
                    workspace_id=self.id, id=self.version_id, workflow_id=self.workflow_id, number=1,
                    hash=self.version_id, spec=SPEC, created_at=now,
                )
            )  # fmt: skip

    def admit(self, inputs: dict[str, Any] | None = None) -> str:
        run_id = new_id()
        with self.db.begin() as conn:
            ledger.admit(
                conn, workspace_id=self.id, workflow_id=self.workflow_id, version_id=self.version_id, version=1,
                run_id=run_id, target="langgraph", inputs=inputs or {},
                events=[NewEvent("run_created", {"inputs": inputs or {}})],
            )  # fmt: skip
        return run_id

    def claimed(self, owner: str = OWNER, lease_s: float = LEASE_S) -> Claim:
        self.admit()
        claim = ledger.claim(self.db, owner, lease_s)
        assert claim
        return claim

    def say(self, claim: Claim, *events: NewEvent, expect: int | None = None) -> Any:
        item = Append(claim.workspace_id, claim.run_id, claim.epoch, events, expect_seq=expect)
        return ledger.append(self.db, [item])[0]

    def outside(self, run_id: str, *events: NewEvent) -> Any:
        return ledger.append(self.db, [Append(self.id, run_id, None, events)])[0]

    def journal(self, run_id: str) -> list[Event]:
        return ledger.read_events(self.db, run_id)

    def types(self, run_id: str) -> list[str]:
        return [event.type for event in self.journal(run_id)]

    def row(self, sql: str, **values: Any) -> dict[str, Any]:
        rows = self.rows(sql, **values)
        assert len(rows) == 1, rows
        return rows[0]

    def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        from engine.store.database import Statement

        with self.db.read() as conn:
            return [row._asdict() for row in Statement(sql)(conn, **values)]

    def change(self, sql: str, **values: Any) -> None:
        from engine.store.database import Statement

        with self.db.begin() as conn:
            Statement(sql)(conn, **values)

    def queue(self, run_id: str) -> dict[str, Any]:
        return self.row("select * from run_queue where run_id = :id", id=run_id)

    def run(self, run_id: str) -> dict[str, Any]:
        return self.row("select * from run where id = :id", id=run_id)

    def expire(self, run_id: str) -> None:
        self.change("update run_queue set lease_until = 1 where run_id = :id", id=run_id)


def completed(node: str, output: Any = None, visit: int = 1) -> NewEvent:
    return NewEvent("node_completed", {"port": "out", "output": output}, node, f"{node}#{visit}")


def question(approval_id: str, node: str = "review", deadline: int | None = None) -> NewEvent:
    asked = {
        "approval_id": approval_id, "type": "approval", "question": "Publish?", "content": {"text": "ä\u2028"},
        "schema": None, "data": {"to": "all"}, "hash": "h1",
    }  # fmt: skip
    if deadline is not None:
        asked["deadline_at"] = rfc3339(deadline)
    return NewEvent("approval_requested", asked, node, f"{node}#1")


def decision(approval_id: str, what: str = "approved", data: Any = None) -> NewEvent:
    said = {"approval_id": approval_id, "decision": what, "data": data, "comment": "fine", "decided_by": "Ada"}
    return NewEvent("approval_decided", said, "review", "review#1")


def waiting(*approvals: str) -> NewEvent:
    return NewEvent("run_waiting", {"waiting_for": list(approvals)})
