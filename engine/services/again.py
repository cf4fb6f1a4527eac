"""A run taken up again: retried, forked, or helped out of a review."""

from __future__ import annotations

from typing import Any

from engine.errors import Conflict, Fenced, Invalid, NodeError, Problem, TooLarge
from engine.events import Event, NewEvent
from engine.failpoint import hit
from engine.node import Agent, Call, Step, registry
from engine.secrets import redact
from engine.services import history
from engine.services.doorbell import ring
from engine.services.start import admit
from engine.store import ledger
from engine.store import runs as rows
from engine.store.models import Run, new_id
from engine.store.session import Workspace
from engine.values import is_object


def retry(ws: Workspace, run_id: str) -> dict[str, Any]:
    """A new run that has all successes of a failed or cancelled one, and its idempotency keys."""
    with ws.db.read() as conn:
        row = rows.one(conn, ws.id, run_id)
        if row.status not in ("failed", "cancelled"):
            raise Conflict(f"The run is {row.status}; only a failed or cancelled one is retried.")
        past = ledger.events(conn, ws.id, run_id)
    return _again(ws, row, past[-1].seq, history.copied(past), row.effect_run_id)


def fork(ws: Workspace, run_id: str, seq: Any, outputs: Any = None) -> dict[str, Any]:
    """A new run that has the outcomes up to and including `seq`; the output at the cut may be another."""
    with ws.db.read() as conn:
        row = rows.one(conn, ws.id, run_id)
        past = ledger.events(conn, ws.id, run_id)
        spec = rows.spec_of(conn, ws.id, row.version_id)
    if not isinstance(seq, int) or isinstance(seq, bool) or not 0 <= seq <= past[-1].seq:
        fault = f"seq is a whole number from 0 to {past[-1].seq}."
        raise Invalid.of([Problem("bad_value", fault, "Take it from an event of the run.", field="seq")], fault)
    outputs = redact(_replacement(spec, past[seq], outputs))
    copied = history.copied(past, seq, next(iter(outputs.values()), None), replace=bool(outputs))
    return _again(ws, row, seq, copied, None)


def _replacement(spec: dict[str, Any], cut: Event, outputs: Any) -> dict[str, Any]:
    """`outputs` if it is empty or names just the step whose completion is the cut."""
    if outputs is None or outputs == {}:
        return {}
    if not is_object(outputs) or set(outputs) != {cut.node_id} or cut.type != "node_completed":
        fault = "outputs names just the step whose node_completed is seq."
        raise Invalid.of([Problem("bad_value", fault, "Leave it out, or cut at that event.", field="outputs")], fault)
    kind = _kind_at(spec, cut.node_id or "")
    if not isinstance(registry().get(kind), Step | Agent | Call):
        fault = f"The output of {cut.node_id!r} cannot be replaced: it is no Step, Agent or Call."
        raise Invalid.of([Problem("bad_value", fault, field=f"outputs.{cut.node_id}", node_id=cut.node_id)], fault)
    return outputs


def _kind_at(spec: dict[str, Any], path: str) -> str:
    """The kind of the step at `sub[2]/inner`."""
    nodes: list[dict[str, Any]] = spec["nodes"]
    kind = ""
    for part in path.split("/"):
        node = next((node for node in nodes if node["id"] == part.split("[")[0]), None)
        if node is None:
            return ""
        kind = node["kind"]
        nodes = node["config"]["flow"]["nodes"] if "flow" in node["config"] else []
    return kind


def _again(ws: Workspace, row: Run, seq: int, copied: list[NewEvent], effect_run_id: str | None) -> dict[str, Any]:
    new_run = new_id()
    origin = {"run_id": row.id, "seq": seq}
    created = NewEvent(
        "run_created",
        {
            "inputs": row.inputs, "version": row.version, "target": row.target, "forked_from": origin,
            "effect_run_id": effect_run_id or new_run,
        },
    )  # fmt: skip
    with ws.db.begin() as conn:
        admit(
            conn, workspace_id=ws.id, workflow_id=row.workflow_id, version_id=row.version_id, version=row.version,
            run_id=new_run, target=row.target, inputs=row.inputs, events=[created, *copied],
            effect_run_id=effect_run_id, forked_from=(row.id, seq), engine=ledger.engine_of(conn, row.id),
        )  # fmt: skip
    ring(ws.db, new_run)
    return {"run_id": new_run, "forked_from": origin}


# Review --------------------------------------------------------------------------------------------------------


def resolve(ws: Workspace, run_id: str, body: Any, by: str = "") -> dict[str, Any]:
    """A person says how a step in doubt ended: do it again, use this output, or fail."""
    with ws.db.begin() as conn:
        ledger.hold(conn, ws.id, run_id)
        state, _, _ = rows.place(conn, ws.id, run_id)
        if state != "review":
            raise Conflict("The run does not wait for a review.")
        review = _review_of(_open_reviews(ledger.events(conn, ws.id, run_id)), _resolution(body))
        said = {"action": body["action"], "by": by, **({"output": body["output"]} if "output" in body else {})}
        events = [NewEvent("review_resolved", redact(said), review.node_id, review.key)]
        if review.key is None and body["action"] == "fail":
            error = {"code": "failed_by_person", "node_id": None, "message": "A person ended the run.", "hint": ""}
            events.append(NewEvent("run_failed", {"error": error}))
        _write(ledger.write(conn, ledger.Append(ws.id, run_id, None, events)))
    hit("after_answer")
    ring(ws.db, run_id)
    return {"run_id": run_id, "status": "failed" if len(events) > 1 else "pending"}


def _write(written: ledger.Written) -> None:
    if isinstance(written, Fenced):
        raise Conflict("The run has ended.")
    if isinstance(written, NodeError):
        raise TooLarge(written.message, hint=written.hint)


def _resolution(body: Any) -> dict[str, Any]:
    """The body, if it is well-formed."""
    body = body if is_object(body) else {}
    problems = [
        Problem("unknown_field", f"{name!r} is no field of a resolution.", field=name)
        for name in body
        if name not in ("node_id", "key", "action", "output")
    ]
    if body.get("action") not in ("repeat", "use", "fail"):
        problems.append(Problem("bad_value", "action is repeat, use or fail.", field="action"))
    if body.get("action") == "use" and "output" not in body:
        problems.append(Problem("missing_field", "output is what the step is taken to have made.", field="output"))
    if body.get("action") == "use" and body.get("node_id") is None:
        problems.append(
            Problem("bad_value", "A whole run has no output to use.", "Repeat it or fail it.", field="action")
        )
    if problems:
        raise Invalid.of(problems, "The resolution is not complete.")
    return body


def _open_reviews(past: list[Event]) -> list[Event]:
    waiting: dict[str | None, Event] = {}
    for event in past:
        if event.type == "run_needs_review":
            waiting[event.key] = event
        elif event.type == "review_resolved":
            waiting.pop(event.key, None)
    return list(waiting.values())


def _review_of(reviews: list[Event], body: dict[str, Any]) -> Event:
    for review in reviews:
        if review.node_id == body.get("node_id") and body.get("key") in (None, review.key):
            return review
    waiting = ", ".join(repr(review.node_id) for review in reviews)
    fault = f"node_id is what waits for a review: {waiting}."
    raise Invalid.of([Problem("bad_value", fault, field="node_id")], fault)
