"""Workflows: drafts that change, versions that never do, files that travel."""

from __future__ import annotations

from typing import Any, Literal

from engine.errors import Conflict, Invalid, PreconditionFailed, PreconditionRequired, Problem, TooLarge
from engine.events import rfc3339
from engine.export import TARGETS
from engine.export import code as as_python
from engine.plan import Plan, build, problems
from engine.services import canvas
from engine.services.pages import limit_of, page, time_cursor
from engine.spec import MAX_BYTES, WorkflowSpec, canonical, content_hash, dump, parse, read
from engine.store import workflows as rows
from engine.store.models import Workflow, WorkflowVersion
from engine.store.session import Session, Workspace
from engine.store.values import dumps

Rev = int | Literal["*"] | None
"""What `If-Match` says: a revision, any, or nothing at all."""


def list_(ws: Workspace, limit: int | None = None, after: str | None = None) -> dict[str, Any]:
    most = limit_of(limit)
    with ws.read() as tx:
        found = rows.page(tx, most + 1, time_cursor(after))
        return page(found, most, _json, lambda row: [row.updated_at, row.id])


def get(ws: Workspace, workflow_id: str) -> dict[str, Any]:
    with ws.read() as tx:
        return _json(rows.one(tx, workflow_id))


def create(ws: Workspace, raw: Any) -> dict[str, Any]:
    """A new workflow with its first version. Raises Invalid for a spec with errors."""
    spec, problems = _sound(raw)
    with ws.begin() as tx:
        now = tx.now
        row = Workflow(
            workspace_id=ws.id, name=spec.name, spec=dump(spec), problems=problems, created_at=now, updated_at=now
        )
        tx.add(row)
        rows.mint(tx, row, content_hash(spec), row.spec)
        return _json(row)


def import_(ws: Workspace, data: bytes) -> dict[str, Any]:
    """The same from the bytes of a file: always a new workflow."""
    return create(ws, parse(data))


def find_or_import(ws: Workspace, data: bytes) -> str:
    """The id of the workflow whose newest version is this file; the file is imported if there is none."""
    raw = parse(data)
    spec, _ = _sound(raw)
    with ws.read() as tx:
        found = rows.with_content(tx, content_hash(spec))
    return found or create(ws, raw)["id"]


def replace(ws: Workspace, workflow_id: str, rev: Rev, raw: Any) -> dict[str, Any]:
    expect(ws, workflow_id, rev)
    spec, problems = _sound(raw)
    with ws.begin() as tx:
        row = rows.one(tx, workflow_id, lock=True)
        _expect(row, rev)
        _change(tx, row, dump(spec), problems)
        rows.mint(tx, row, content_hash(spec), row.spec)
        return _json(row)


def expect(ws: Workspace, workflow_id: str, rev: Rev) -> None:
    """Raises PreconditionRequired or PreconditionFailed unless the draft is at `rev`."""
    with ws.read() as tx:
        _expect(rows.one(tx, workflow_id), rev)


def _expect(row: Workflow, rev: Rev) -> None:
    if rev is None:
        raise PreconditionRequired("Say which revision you change.", hint="Send its ETag as If-Match.")
    if rev not in ("*", row.rev):
        raise PreconditionFailed("The workflow has changed since.", hint="Load it again and repeat the change.")


def delete(ws: Workspace, workflow_id: str) -> None:
    """Out of sight; its runs stay readable."""
    with ws.begin() as tx:
        row = rows.one(tx, workflow_id, lock=True)
        if count := rows.unfinished_runs(tx, workflow_id):
            raise Conflict(
                f"{count} {'run' if count == 1 else 'runs'} of this workflow have not ended.",
                code="workflow_in_use",
                hint="Let them end or cancel them first.",
            )
        row.deleted_at = tx.now


def export(ws: Workspace, workflow_id: str) -> bytes:
    """The file. Raises Invalid while the draft has errors."""
    with ws.read() as tx:
        raw = rows.one(tx, workflow_id).spec
    return canonical(_sound(raw)[0])


def code(ws: Workspace, workflow_id: str, target: str | None = None) -> str:
    """The draft as a Python file. Raises Invalid while it has errors, and for what cannot be written."""
    if target not in (None, *TARGETS):
        cure = f"Known are {', '.join(TARGETS)}."
        problem = Problem("bad_value", f"There is no target {target!r}.", cure, field="target")
        raise Invalid.of([problem], problem.message)
    with ws.read() as tx:
        raw = rows.one(tx, workflow_id).spec
    return as_python(_sound(raw)[0], target)


# The canvas --------------------------------------------------------------------------------------------------


def apply_ops(ws: Workspace, workflow_id: str, client: Any, seq: Any, rev: Any, ops: Any) -> dict[str, Any]:
    """One batch of the canvas, applied once however often it is sent. The draft may have errors afterwards."""
    with ws.read() as tx:
        row = rows.one(tx, workflow_id)
        _well_formed(client, seq, rev)
        if (answer := rows.answered(tx, workflow_id, client, seq)) is not None:
            return answer
    _same_rev(row, rev)
    draft = canvas.apply(row.spec, ops)
    if len(dumps(draft)) > MAX_BYTES:
        raise TooLarge("The workflow would be over 5 MB.", hint="Move large texts out of it, or split it.")
    found = checked(draft)[2]
    with ws.begin() as tx:
        row = rows.one(tx, workflow_id, lock=True)
        if (answer := rows.answered(tx, workflow_id, client, seq)) is not None:
            return answer
        _same_rev(row, rev)
        _change(tx, row, draft, found)
        answer = {"rev": row.rev, "problems": found}
        rows.keep_ops(tx, workflow_id, client, seq, ops, answer)
        return answer


def _well_formed(client: Any, seq: Any, rev: Any) -> None:
    problems: list[Problem] = []
    if not isinstance(client, str) or not 0 < len(client) <= 100 or not client.isprintable():
        problems.append(Problem("bad_value", "client is a name of at most 100 characters.", field="client"))
    for field, value in (("seq", seq), ("rev", rev)):
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
            problems.append(Problem("bad_value", f"{field} is a whole number from 0.", field=field))
    if problems:
        raise Invalid.of(problems, "The operations cannot be applied.")


def _same_rev(row: Workflow, rev: int) -> None:
    if row.rev != rev:
        raise Conflict(
            "The workflow has changed since.", hint="Load it again and repeat the change.", extra={"rev": row.rev}
        )


def _change(tx: Session, row: Workflow, spec: dict[str, Any], problems: list[dict[str, Any]]) -> None:
    name = spec.get("name")
    row.name = name if isinstance(name, str) and name else "Untitled"
    row.spec, row.problems, row.rev, row.updated_at = spec, problems, row.rev + 1, tx.now


# Versions ----------------------------------------------------------------------------------------------------


def save_version(ws: Workspace, workflow_id: str) -> dict[str, Any]:
    """The draft as it stands, kept. Raises Invalid while it has errors."""
    with ws.read() as tx:
        seen = rows.one(tx, workflow_id)
    spec, _ = _sound(seen.spec)
    with ws.begin() as tx:
        row = rows.one(tx, workflow_id, lock=True)
        if row.rev != seen.rev:
            raise Conflict("The workflow has changed since.", hint="Try again.", extra={"rev": row.rev})
        return _version_json(rows.mint(tx, row, content_hash(spec), dump(spec)))


def versions(ws: Workspace, workflow_id: str) -> list[dict[str, Any]]:
    with ws.read() as tx:
        rows.one(tx, workflow_id)
        return [_version_json(row) for row in rows.versions(tx, workflow_id)]


# What all of them share --------------------------------------------------------------------------------------


def checked(raw: Any) -> tuple[WorkflowSpec | None, Plan | None, list[dict[str, Any]]]:
    """The spec, its plan, and everything that is wrong with it; the plan is None if something is an error."""
    spec = read(raw)[0]
    plan, found = build(spec) if spec else (None, problems(raw))
    return spec, plan, [problem.to_json() for problem in found]


def _sound(raw: Any) -> tuple[WorkflowSpec, list[dict[str, Any]]]:
    """The spec and its warnings. Raises Invalid when something is an error."""
    spec, plan, problems = checked(raw)
    if spec is None or plan is None:
        raise Invalid("The workflow has errors.", hint="Correct what is listed and send it again.", details=problems)
    return spec, problems


def _json(row: Workflow) -> dict[str, Any]:
    return {
        "id": row.id, "name": row.name, "rev": row.rev, "version": row.version or None, "spec": row.spec,
        "problems": row.problems, "created_at": rfc3339(row.created_at), "updated_at": rfc3339(row.updated_at),
    }  # fmt: skip


def _version_json(row: WorkflowVersion) -> dict[str, Any]:
    return {"id": row.id, "version": row.number, "hash": row.hash, "created_at": rfc3339(row.created_at)}
