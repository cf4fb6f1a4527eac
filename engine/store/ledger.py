"""The queue and the journal: what workers live by. Plain SQL, since every step of every run passes here.

`admit` puts a run in, `claim` gives it to one attempt, `heartbeat` keeps it there, `append` writes its journal
behind the fence, `release` gives it back. `store/sweep.py` is for what nobody attends to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection

from engine.errors import Fenced, NodeError, NotFound
from engine.events import TERMINAL, Event, NewEvent
from engine.failpoint import hit
from engine.store import projections, settings
from engine.store.database import Database, Statement, is_sqlite, now_ms
from engine.store.values import BLOB_BYTES, RUN_BYTES, Packed, dumps, is_blob, pack

End = Literal["ended", "waiting", "review"]
OUTCOMES = frozenset(
    {"node_completed", "node_failed", "node_retry", "model_called", "tool_called", "approval_requested"}
)
"""Events that show progress: they forgive the leases lost before."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt's right to a run. `spec` is shared between attempts: read it, never change it."""

    run_id: str
    workspace_id: str
    workflow_id: str
    version_id: str
    epoch: int
    next_seq: int
    spec: dict[str, Any]
    inputs: dict[str, Any]
    effect_run_id: str
    target: str
    created_at: int
    lease_until: int
    cancel_requested: bool
    settings: dict[str, Any]
    """What the workspace chose, as of now."""


@dataclass(frozen=True, slots=True)
class Append:
    """`epoch` is the attempt's; None is a person or the sweep, who may write unless the run has ended.
    `end` follows from the events where it is not given. With `expect_seq` nobody else may have written since."""

    workspace_id: str
    run_id: str
    epoch: int | None
    events: Sequence[NewEvent]
    end: End | None = None
    expect_seq: int | None = None


class Moved(Fenced):
    """The run is still this attempt's, but somebody else wrote first: read on, then decide again."""


Written = list[Event] | Fenced | NodeError


# Admission ---------------------------------------------------------------------------------------------------

_INSERT_RUN = Statement(
    "insert into run (workspace_id, id, workflow_id, version_id, version, target, status, inputs, waiting_for,"
    " forked_from_run_id, forked_from_seq, effect_run_id, created_at)"
    " values (:w, :id, :workflow_id, :version_id, :version, :target, 'pending', :inputs, '[]',"
    " :fork_run, :fork_seq, :effect_run_id, :now)"
)
_INSERT_QUEUE = Statement(
    "insert into run_queue (run_id, workspace_id, state, engine, queued_at, epoch, next_seq, lost_in_a_row,"
    " cancel_requested, size) values (:id, :w, 'queued', :engine, :now, 0, :next_seq, 0, 0, :size)"
)


def admit(
    conn: Connection,
    *,
    workspace_id: str,
    workflow_id: str,
    version_id: str,
    version: int,
    run_id: str,
    target: str,
    inputs: dict[str, Any],
    events: Sequence[NewEvent],
    engine: str = "langgraph",
    effect_run_id: str | None = None,
    forked_from: tuple[str, int] | None = None,
) -> list[Event]:
    """A new run, queued, with its first events and its doorbell. Ring it after the commit. `engine` is the heaviest
    one that it needs: a worker that has not loaded it yet leaves the run alone."""
    now = now_ms(conn)
    packed = [pack(event) for event in events]
    fork_run, fork_seq = forked_from or (None, None)
    _INSERT_RUN(
        conn, w=workspace_id, id=run_id, workflow_id=workflow_id, version_id=version_id, version=version,
        target=target, inputs=dumps(inputs), fork_run=fork_run, fork_seq=fork_seq,
        effect_run_id=effect_run_id or run_id, now=now,
    )  # fmt: skip
    size = sum(p.size for p in packed)
    _INSERT_QUEUE(conn, id=run_id, w=workspace_id, engine=engine, now=now, next_seq=len(packed), size=size)
    written = _insert(conn, workspace_id, run_id, 0, packed, now)
    projections.ring_later(conn, workspace_id, run_id, now)
    return written


# Claiming ----------------------------------------------------------------------------------------------------

_QUEUED = Statement("select 1 from run_queue where state = 'queued' limit 1")
_CLAIM = (
    "update run_queue set state = 'running', owner = :owner, epoch = epoch + 1, lease_until = :until"
    " where run_id = (select run_id from run_queue where state = 'queued' {one}"
    " and engine in ('langgraph', :engine) order by queued_at limit 1 {lock})"
    " returning run_id, workspace_id, epoch, next_seq, cancel_requested"
)
_CLAIMS = {
    (one, lite): Statement(
        _CLAIM.format(one="and run_id = :run_id" if one else "", lock="" if lite else "for update skip locked")
    )
    for one in (True, False)
    for lite in (True, False)
}
_RUN = Statement(
    "select workflow_id, version_id, target, inputs, effect_run_id, created_at, status from run"
    " where workspace_id = :w and id = :id"
)
_RUNNING = Statement("update run set status = 'running' where workspace_id = :w and id = :id")
_SPEC = Statement("select spec from workflow_version where workspace_id = :w and id = :id")


_ENGINE = Statement("select engine from run_queue where run_id = :run_id")


def engine_of(conn: Connection, run_id: str) -> str:
    """The engine that a run was admitted for."""
    return _ENGINE(conn, run_id=run_id).scalar_one()


_WANTED = Statement("select 1 from run_queue where state = 'queued' and engine = :engine limit 1")


def wanted(db: Database, engine: str) -> bool:
    """Whether a queued run needs `engine`."""
    with db.read() as conn:
        return _WANTED(conn, engine=engine).scalar() is not None


def claim(db: Database, owner: str, lease_s: float, run_id: str | None = None, engine: str = "crewai") -> Claim | None:
    """That run, or the one that waits longest; None if there is none. `engine` is what this worker has loaded
    besides langgraph."""
    if not has_queued(db):
        return None
    with db.begin() as conn:
        now = now_ms(conn)
        until = now + round(lease_s * 1000)
        statement = _CLAIMS[run_id is not None, is_sqlite(conn)]
        row = statement(conn, owner=owner, until=until, run_id=run_id, engine=engine).first()
        claimed = _claimed(conn, row, now, until) if row else None
    if claimed:
        hit("after_claim")
    return claimed


def has_queued(db: Database) -> bool:
    """Whether any run waits for a worker: a read, so that idle workers take no turn at writing."""
    with db.read() as conn:
        return _QUEUED(conn).scalar() is not None


def _claimed(conn: Connection, row: Any, now: int, until: int) -> Claim:
    run_id, w, epoch, next_seq, cancel = row
    run = _RUN(conn, w=w, id=run_id).one()
    if epoch == 1:
        write(conn, Append(w, run_id, epoch, [NewEvent("run_started", {"attempt": epoch})]))
        next_seq += 1
    elif run.status != "running":
        _RUNNING(conn, w=w, id=run_id)
    projections.doorbell_answered(conn, w, run_id)
    return Claim(
        run_id, w, run.workflow_id, run.version_id, epoch, next_seq, _spec(conn, w, run.version_id),
        json.loads(run.inputs), run.effect_run_id, run.target, run.created_at, until, bool(cancel),
        settings.read(conn, w),
    )  # fmt: skip


def _spec(conn: Connection, workspace_id: str, version_id: str) -> dict[str, Any]:
    found = _SPECS.get((workspace_id, version_id))
    if found is None:
        found = json.loads(_SPEC(conn, w=workspace_id, id=version_id).scalar_one())
        while len(_SPECS) >= 64:
            _SPECS.pop(next(iter(_SPECS)), None)
        _SPECS[workspace_id, version_id] = found
    return found


_SPECS: dict[tuple[str, str], dict[str, Any]] = {}
"""Versions never change, so the last few are kept parsed."""


_BEAT = Statement(
    "update run_queue set lease_until = :until"
    " where run_id = :run_id and epoch = :epoch and owner = :owner and state = 'running' returning run_id"
)


def heartbeat(db: Database, owner: str, lease_s: float, runs: Iterable[tuple[str, int]]) -> set[str]:
    """Renew the leases of `runs` (id, epoch); answers those still ours."""
    with db.begin() as conn:
        until = now_ms(conn) + round(lease_s * 1000)
        beats = [
            _BEAT(conn, until=until, run_id=run_id, epoch=epoch, owner=owner).first() for run_id, epoch in sorted(runs)
        ]
        return {row[0] for row in beats if row}


_RELEASE = Statement(
    "update run_queue set state = 'queued', owner = null, lease_until = null"
    " where run_id = :run_id and epoch = :epoch and state = 'running' returning workspace_id"
)


def release(db: Database, run_id: str, epoch: int) -> bool:
    """Give a run back unfinished, to be claimed by the next who is free: a worker that shuts down."""
    with db.begin() as conn:
        row = _RELEASE(conn, run_id=run_id, epoch=epoch).first()
        if row:
            projections.ring_later(conn, row[0], run_id, now_ms(conn))
        return row is not None


_NEWS = Statement("select run_id, next_seq, cancel_requested from run_queue where state = 'running' and owner = :owner")


def news(db: Database, owner: str) -> dict[str, tuple[int, bool]]:
    """This owner's running runs: the next seq (others may have written), and whether somebody asked to cancel."""
    with db.read() as conn:
        return {run_id: (next_seq, bool(cancel)) for run_id, next_seq, cancel in _NEWS(conn, owner=owner)}


def cancel_requested(db: Database, owner: str) -> set[str]:
    return {run_id for run_id, (_, cancel) in news(db, owner).items() if cancel}


_STATE = "select state from run_queue where run_id = :run_id and workspace_id = :w"
_STATE_LOCKED = {True: Statement(_STATE), False: Statement(_STATE + " for update")}


def hold(conn: Connection, workspace_id: str, run_id: str) -> str | None:
    """The state of a run, which nobody else changes before this transaction ends. To be taken before any other row
    of the run: two who take them in different orders would wait for each other."""
    return _STATE_LOCKED[is_sqlite(conn)](conn, run_id=run_id, w=workspace_id).scalar()


def cancel(conn: Connection, workspace_id: str, run_id: str, by: str) -> str | None:
    """Ask for the end of a run, and end it here unless an attempt holds it. Answers the state it was in;
    None and `ended` change nothing."""
    state = hold(conn, workspace_id, run_id)
    if state not in (None, "ended"):
        asked = NewEvent("cancel_requested", {"by": by})
        write(conn, Append(workspace_id, run_id, None, [asked, *([] if state == "running" else [CANCELLED])]))
    return state


CANCELLED = NewEvent("run_cancelled", {})


# The journal -------------------------------------------------------------------------------------------------

_TAKE = (
    "update run_queue set next_seq = next_seq + :n, size = size + :size{forgive}"
    " where run_id = :run_id and workspace_id = :w and size + :size <= :cap{fence}{expect} returning next_seq"
)
_TAKES = {
    (attempt, expect, forgive): Statement(
        _TAKE.format(
            forgive=", lost_in_a_row = 0" if forgive else "",
            fence=" and epoch = :epoch and state = 'running'" if attempt else " and state <> 'ended'",
            expect=" and next_seq = :expect" if expect else "",
        )
    )
    for attempt in (True, False)
    for expect in (True, False)
    for forgive in (True, False)
}
_EVENT = Statement(
    "insert into run_event (workspace_id, run_id, seq, type, node_id, key, payload, at)"
    " values (:w, :run_id, :seq, :type, :node_id, :key, :payload, :at)"
)
_BLOB = Statement(
    "insert into blob (workspace_id, hash, data, created_at) values (:w, :hash, :data, :at)"
    " on conflict (workspace_id, hash) do nothing"
)
_QUEUE_ROW = Statement(
    "select epoch, state, next_seq, size from run_queue where run_id = :run_id and workspace_id = :w"
)


def append(db: Database, batch: Sequence[Append]) -> list[Written]:
    """Many runs' events in one commit. Each item answers for itself: its events, Fenced, or a NodeError of size."""
    # In one order, as every transaction of many runs does it: so no two wait for each other.
    order = sorted(range(len(batch)), key=lambda at: batch[at].run_id)
    with db.begin() as conn:
        written = {at: write(conn, batch[at]) for at in order}
    return [written[at] for at in range(len(batch))]


def write(conn: Connection, item: Append) -> Written:
    """Events behind the fence, inside the caller's transaction."""
    try:
        packed = [pack(event) for event in item.events]
    except NodeError as fault:
        return fault
    size = sum(p.size for p in packed)
    # Small events always fit, so that a run which is full can still say so and end.
    cap = RUN_BYTES if size > BLOB_BYTES else RUN_BYTES * 2
    attempt, expect = item.epoch is not None, item.expect_seq is not None
    forgive = attempt and any(event.type in OUTCOMES for event in item.events)
    row = _TAKES[attempt, expect, forgive](
        conn, n=len(packed), size=size, run_id=item.run_id, w=item.workspace_id, cap=cap,
        epoch=item.epoch, expect=item.expect_seq,
    ).first()  # fmt: skip
    if row is None:
        return _refusal(conn, item, size, cap)
    now = now_ms(conn)
    written = _insert(conn, item.workspace_id, item.run_id, row[0] - len(packed), packed, now)
    for event in written:
        projections.apply(conn, item.workspace_id, item.run_id, event)
    _end(conn, item)
    return written


def _refusal(conn: Connection, item: Append, size: int, cap: int) -> Fenced | NodeError:
    row = _QUEUE_ROW(conn, run_id=item.run_id, w=item.workspace_id).first()
    if row is None:
        raise NotFound(f"There is no run {item.run_id!r}.")
    ours = row.state == "running" and row.epoch == item.epoch if item.epoch is not None else row.state != "ended"
    if not ours:
        return Fenced(f"run {item.run_id} is {row.state} in attempt {row.epoch}")
    if row.size + size > cap:
        return NodeError(
            f"The run has recorded {row.size:,} bytes; {RUN_BYTES:,} is the most.",
            code="run_too_large",
            hint="Let steps return less, or split the workflow.",
        )
    return Moved(f"run {item.run_id} is at {row.next_seq}, not at {item.expect_seq}")


def _insert(conn: Connection, w: str, run_id: str, seq: int, packed: Sequence[Packed], now: int) -> list[Event]:
    written: list[Event] = []
    for place, p in enumerate(packed, seq):
        e = p.event
        at = min(e.at or now, now)
        for digest, data in p.blobs.items():
            _BLOB(conn, w=w, hash=digest, data=data, at=now)
        _EVENT(conn, w=w, run_id=run_id, seq=place, type=e.type, node_id=e.node_id, key=e.key, payload=p.text, at=at)
        written.append(Event(place, e.type, e.node_id, e.key, at, json.loads(p.whole)))
    return written


_PARK = Statement(
    "update run_queue set state = :state, owner = null, lease_until = null where run_id = :run_id and state <> 'ended'"
)


def _end(conn: Connection, item: Append) -> None:
    types = {event.type for event in item.events}
    end = item.end or ("waiting" if "run_waiting" in types else "review" if "run_needs_review" in types else None)
    if end in ("waiting", "review") and not types & TERMINAL:
        _PARK(conn, state=end, run_id=item.run_id)


# Reading -----------------------------------------------------------------------------------------------------

_EVENTS = Statement(
    "select seq, type, node_id, key, at, payload from run_event"
    " where workspace_id = :w and run_id = :run_id and seq > :after order by seq limit :limit"
)
_BLOB_DATA = Statement("select data from blob where workspace_id = :w and hash = :hash")
_HOME = Statement("select workspace_id from run_queue where run_id = :run_id")
ALL = 2**31 - 1


def read_events(db: Database, run_id: str, after: int = -1) -> list[Event]:
    """The journal behind `after`, large values included."""
    with db.read() as conn:
        w = _HOME(conn, run_id=run_id).scalar()
        return [] if w is None else [_whole(conn, w, event) for event in events(conn, w, run_id, after)]


def events(conn: Connection, workspace_id: str, run_id: str, after: int = -1, limit: int = ALL) -> list[Event]:
    """The journal as it is shown: large values by hash and preview."""
    rows = _EVENTS(conn, w=workspace_id, run_id=run_id, after=after, limit=limit)
    return [Event(seq, type_, node_id, key, at, json.loads(text)) for seq, type_, node_id, key, at, text in rows]


def blob(conn: Connection, workspace_id: str, digest: str) -> Any:
    """The value behind a hash."""
    return json.loads(_BLOB_DATA(conn, w=workspace_id, hash=digest).scalar_one())


def _whole(conn: Connection, w: str, event: Event) -> Event:
    if any(is_blob(value) for value in event.payload.values()):
        full = {k: blob(conn, w, v["$blob"]) if is_blob(v) else v for k, v in event.payload.items()}
        return Event(event.seq, event.type, event.node_id, event.key, event.at, full)
    return event
