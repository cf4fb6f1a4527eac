"""Questions to people: the inbox, and the one place where an answer is taken."""

from __future__ import annotations

from typing import Any

from engine import schema
from engine.errors import Conflict, Fenced, Forbidden, Gone, Invalid, NodeError, Problem, TooLarge
from engine.events import NewEvent, rfc3339
from engine.failpoint import hit
from engine.knowledge import patterns
from engine.secrets import redact
from engine.services.doorbell import ring
from engine.services.identity import Actor
from engine.services.pages import id_cursor, limit_of, page
from engine.store import approvals as rows
from engine.store import ledger
from engine.store.models import Approval
from engine.store.session import Workspace
from engine.values import is_object

STATUSES = ("pending", "approved", "rejected", "expired", "cancelled")
DECISIONS = {"approve": "approved", "reject": "rejected"}
FIELDS = ("decision", "data", "comment", "hash")
MAX_COMMENT = 10_000


def list_(
    ws: Workspace,
    status: str | None = None,
    limit: int | None = None,
    after: str | None = None,
    run_id: str | None = None,
) -> dict[str, Any]:
    """`status` is one, several with commas, or None for all."""
    most, wanted = limit_of(limit), [part for part in (status or "").split(",") if part]
    if any(part not in STATUSES for part in wanted):
        fault = f"status is one of {', '.join(STATUSES)}."
        raise Invalid.of([Problem("bad_value", fault, field="status")], fault)
    with ws.read() as tx:
        found = rows.page(tx, most + 1, id_cursor(after), wanted, run_id)
        return page(found, most, to_json, lambda row: row.id)


def pending(ws: Workspace) -> int:
    with ws.read() as tx:
        return rows.pending(tx)


def get(ws: Workspace, approval_id: str) -> dict[str, Any]:
    with ws.read() as tx:
        return to_json(rows.one(tx, approval_id))


def decide(ws: Workspace, approval_id: str, body: Any, by: Actor) -> dict[str, Any]:
    """Take the answer: decision, event and doorbell in one transaction, exactly once whoever else clicks."""
    run_id = answerable(ws, approval_id, by)
    with ws.begin() as tx:
        ledger.hold(tx.connection(), ws.id, run_id)
        row = rows.one(tx, approval_id)
        _open(row, tx.now)
        answer, prefill = _answer(row, body), row.data
        event = NewEvent(
            "approval_decided", redact({**answer, "approval_id": row.id, "decided_by": by.name}), row.node_id, row.key
        )
        written = ledger.write(tx.connection(), ledger.Append(ws.id, row.run_id, None, [event]))
        if isinstance(written, Fenced):
            raise Gone("The run has ended; nobody needs the answer any more.")
        if isinstance(written, NodeError):
            raise TooLarge(written.message, hint=written.hint)
        tx.expire_all()
        row = rows.one(tx, approval_id)
        patterns.learn(tx, row, prefill, answer["decision"], row.data, answer["comment"])
        decided = to_json(row)
    hit("after_answer")
    ring(ws.db, decided["run_id"])
    return decided


def answerable(ws: Workspace, approval_id: str, by: Actor) -> str:
    """The run that asks. Raises NotFound, then Forbidden, whatever the answer is."""
    with ws.read() as tx:
        run_id = rows.one(tx, approval_id).run_id
    if not by.may("approve"):
        raise Forbidden("Answering needs the scope approve.", hint="Use a key that has it, or sign in.")
    return run_id


def _open(row: Approval, now: int) -> None:
    """Raises Conflict with the winner's answer, or Gone."""
    if row.status in ("approved", "rejected"):
        who, what = row.decided_by or "Somebody", row.status
        raise Conflict(f"{who} {what} this already.", extra={"approval": to_json(row)})
    if row.status != "pending":
        raise Gone(f"The question is {row.status}; it can no longer be answered.")
    if row.deadline_at is not None and row.deadline_at <= now:
        raise Gone("The time to answer is over.")


def _answer(row: Approval, body: Any) -> dict[str, Any]:
    """The payload of the decision. Raises Invalid for a bad body, Conflict for another hash."""
    body = body if is_object(body) else {}
    problems = [
        Problem("unknown_field", f"{name!r} is no field of an answer.", field=name)
        for name in body
        if name not in FIELDS
    ]
    decision, comment = body.get("decision"), body.get("comment")
    if not isinstance(decision, str) or decision not in DECISIONS:
        problems.append(Problem("bad_value", "decision is approve or reject.", field="decision"))
    if not isinstance(body.get("hash"), str):
        problems.append(
            Problem("missing_field", "hash says which content was read.", "Take it from the approval.", field="hash")
        )
    elif body["hash"] != row.hash:
        raise Conflict(
            "The content is not the one you read.", hint="Read it again.",
            extra={"approval": to_json(row)},
        )  # fmt: skip
    if comment is not None and (not isinstance(comment, str) or len(comment) > MAX_COMMENT):
        problems.append(Problem("bad_value", f"comment is text of at most {MAX_COMMENT} characters.", field="comment"))
    if problems:
        raise Invalid.of(problems, "The answer is not complete.")
    assert isinstance(decision, str)
    data = row.data if body.get("data") is None else body["data"]
    if decision == "approve":
        _fits(row, data)
    return {"decision": DECISIONS[decision], "data": data, "comment": comment or ""}


def _fits(row: Approval, data: Any) -> None:
    faults = schema.errors(row.schema_, data) if row.schema_ else []
    if faults:
        raise Invalid.of(
            [Problem("bad_value", fault["message"], field=f"data.{fault['field']}".rstrip(".")) for fault in faults],
            "The answer does not fit the form.",
        )


def to_json(row: Approval) -> dict[str, Any]:
    return {
        "id": row.id, "type": row.type, "run_id": row.run_id, "workflow_id": row.workflow_id, "node_id": row.node_id,
        "status": row.status, "question": row.question, "content": row.content, "schema": row.schema_,
        "data": row.data, "hash": row.hash, "created_at": rfc3339(row.created_at),
        "deadline_at": rfc3339(row.deadline_at), "decision": row.decision, "comment": row.comment,
        "decided_by": row.decided_by, "decided_at": rfc3339(row.decided_at),
    }  # fmt: skip
