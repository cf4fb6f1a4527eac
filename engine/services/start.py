"""The start of a run: a version that may run, inputs that fit it, one transaction, and a ring for a worker."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from engine.errors import Invalid, NodeError, NotFound, Problem, TooLarge
from engine.events import NewEvent
from engine.failpoint import hit
from engine.secrets import redact
from engine.services.doorbell import ring
from engine.services.inputs import accept
from engine.services.recent import Recent
from engine.services.workflows import checked
from engine.spec import content_hash, dump
from engine.store import ledger
from engine.store import runs as rows
from engine.store import workflows as workflow_rows
from engine.store.models import new_id
from engine.store.session import Workspace


@dataclass(frozen=True, slots=True)
class Ready:
    """A draft that may run: the version that it is, and what it asks for."""

    rev: int
    version_id: str
    version: int
    target: str
    engine: str
    inputs: dict[str, Any] | None
    faults: tuple[dict[str, Any], ...]
    """Why it may not run after all, though it could be saved."""


_ready: Recent[tuple[str, str], Ready] = Recent(500)


def start(ws: Workspace, workflow_id: str, inputs: Any, idempotency_key: str | None = None) -> dict[str, Any]:
    """Admit a run of the draft as it stands, once per idempotency key; then ring for a worker."""
    body = _fingerprint(workflow_id, inputs) if idempotency_key else ""
    while True:
        found = _remembered(ws, idempotency_key) if idempotency_key else None
        if found and found[0] == body:
            return found[1]
        ready = _prepare(ws, workflow_id)
        if found:
            raise Invalid("This Idempotency-Key was used with another body.", hint="Use a new key for a new request.")
        if ready.faults:
            raise Invalid("The workflow cannot run.", details=ready.faults)
        given = redact(accept(ready.inputs, inputs))
        answer = {"run_id": new_id(), "status": "pending"}
        if _admit(ws, workflow_id, ready, given, answer, idempotency_key, body):
            hit("after_admit")
            ring(ws.db, answer["run_id"])
            return answer


def _admit(
    ws: Workspace, workflow_id: str, ready: Ready, inputs: dict[str, Any], answer: dict[str, Any],
    key: str | None, body: str,
) -> bool:  # fmt: skip
    """False if the draft changed or the key was used in between: look again."""
    run_id = answer["run_id"]
    created = NewEvent(
        "run_created",
        {"inputs": inputs, "version": ready.version, "target": ready.target, "effect_run_id": run_id},
    )
    with ws.db.begin() as conn:
        head = workflow_rows.head(conn, ws.id, workflow_id, hold=True)
        if head is None or head[0] != ready.rev:
            return False
        if key and not rows.remember(conn, ws.id, "runs", key, body, 202, answer, ws.db.now_ms(conn)):
            return False
        admit(
            conn, workspace_id=ws.id, workflow_id=workflow_id, version_id=ready.version_id, version=ready.version,
            run_id=run_id, target=ready.target, inputs=inputs, events=[created], engine=ready.engine,
        )  # fmt: skip
    return True


def admit(conn: Any, **run: Any) -> None:
    """`ledger.admit`, its refusal said to whoever asked: there is no step yet that could fail."""
    try:
        ledger.admit(conn, **run)
    except NodeError as fault:
        raise TooLarge(fault.message, hint=fault.hint) from fault


def _remembered(ws: Workspace, key: str) -> tuple[str, dict[str, Any]] | None:
    """The body that came with this key, and what was answered."""
    if len(key) > 255:
        raise Invalid("An Idempotency-Key has at most 255 characters.")
    with ws.db.read() as conn:
        return rows.remembered(conn, ws.id, "runs", key)


def _fingerprint(workflow_id: str, inputs: Any) -> str:
    return sha256(json.dumps([workflow_id, inputs], sort_keys=True).encode()).hexdigest()


def _prepare(ws: Workspace, workflow_id: str) -> Ready:
    """The version that the draft is now, minted if need be; checked once per revision."""
    with ws.db.read() as conn:
        head = workflow_rows.head(conn, ws.id, workflow_id)
    if head is None:
        raise NotFound(f"There is no workflow {workflow_id!r}.")
    known = _ready.get((ws.id, workflow_id))
    if known is None or known.rev != head[0]:
        known = _ready.put((ws.id, workflow_id), _check(ws, workflow_id))
    return known


def _check(ws: Workspace, workflow_id: str) -> Ready:
    with ws.read() as tx:
        seen = workflow_rows.one(tx, workflow_id)
    spec, plan, problems = checked(seen.spec)
    if spec is None or plan is None:
        raise Invalid("The workflow has errors.", hint="Correct what is listed.", details=problems)
    faults = _faults(bool(plan.nodes), problems)
    with ws.begin() as tx:
        row = workflow_rows.one(tx, workflow_id, lock=True)
        version = workflow_rows.mint(tx, row, content_hash(spec), dump(spec)) if row.rev == seen.rev else None
        return Ready(
            seen.rev,
            version.id if version else "",
            version.number if version else 0,
            spec.target,
            plan.engine,
            spec.inputs,
            faults,
        )


def _faults(has_steps: bool, problems: list[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    found = [{**problem, "severity": "error"} for problem in problems if problem["code"] == "missing_key"]
    if not has_steps:
        found.append(Problem("missing_field", "The workflow has no steps.", "Add one.", field="nodes").to_json())
    return tuple(found)
