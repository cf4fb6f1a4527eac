"""The words of the journal: what happened in a run, in order. Knows no storage and no engine.

Payloads by type (times are RFC 3339 text, `error` is NodeError.to_json()):

run_created         {inputs, version, target, forked_from?: {run_id, seq}, effect_run_id}
run_started         {attempt}                     first claim only
attempt_lost        {attempt, lost_in_a_row}      written by the sweep
node_started        {visit, input, first?}        `first`: the edge source that won an `any` join
node_completed      {port, output, usage?}        also for a Pause that was answered and a Call
node_retry          {attempt, delay_s, due_at, error}   recorded failure number `attempt`; another try follows
node_failed         {error, attempt, retryable, port?}       final; `port: "error"` when that port is wired
effect_intended     {request}                     committed before an unsafe effect begins
model_called        {request_hash, provider, model, answer, tool_calls?, kept?, usage, ms}
tool_called         {request_hash, tool, args, result, ms}
task_completed      {task, text, data?, took}     a crew's task, whole: not played again; took {usage, turns, model}
diverged            {request_hash, recorded_hash}
approval_requested  {approval_id, type, question, content, schema, data, hash, deadline_at?}
approval_decided    {approval_id, decision: approved|rejected|timeout, data, comment, decided_by}
timer_set           {due_at, for: wait|retry}
timer_fired         {due_at}
run_waiting         {waiting_for: [approval ids]}
cancel_requested    {by}
run_needs_review    {reason, request?}            node_id, key: which step
review_resolved     {action: repeat|use|fail, output?, by}
run_completed       {outputs, usage}
run_failed          {error: {code, node_id, message, hint}}
run_cancelled       {}

`node_id` is the step's path: `draft`, `sub/inner`, `sub[2]/inner`. `key` names the unit of work: `draft#1`,
`sub#1/inner#2`, `sub#1[2]/inner#1` (`sub#1~1/…` when the whole nested flow is tried again), below it `…/model:0` or
`…/retry:1`; null for the run itself.
A payload value over 32 KB is stored as `{"$blob": sha256, "size": n, "preview": text}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

EventType = Literal[
    "run_created", "run_started", "attempt_lost", "node_started", "node_completed", "node_failed", "node_retry",
    "effect_intended", "model_called", "tool_called", "task_completed", "diverged", "approval_requested",
    "approval_decided", "timer_set", "timer_fired", "run_waiting", "cancel_requested", "run_needs_review",
    "review_resolved", "run_completed", "run_failed", "run_cancelled",
]  # fmt: skip
EVENT_TYPES: tuple[str, ...] = get_args(EventType)
TERMINAL: frozenset[str] = frozenset({"run_completed", "run_failed", "run_cancelled"})

RunStatus = Literal["pending", "running", "waiting", "completed", "failed", "cancelled", "needs_review"]
NodeStatus = Literal["idle", "running", "waiting", "completed", "failed", "skipped", "cancelled", "needs_review"]


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event before it has its place in the journal. `at`: when it happened, milliseconds since 1970; 0 is now,
    that is, when it is written."""

    type: EventType
    payload: dict[str, Any]
    node_id: str | None = None
    key: str | None = None
    at: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the journal. `at` is milliseconds since 1970."""

    seq: int
    type: EventType
    node_id: str | None
    key: str | None
    at: int
    payload: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {
            "seq": self.seq, "type": self.type, "node_id": self.node_id, "key": self.key,
            "at": rfc3339(self.at), "payload": self.payload,
        }  # fmt: skip


def rfc3339(ms: int | None) -> str | None:
    """Milliseconds since 1970 as `2026-11-20T10:00:00.000Z`; None stays None."""
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_ms(text: str) -> int:
    """The way back; raises ValueError when `text` is no RFC 3339 time with an offset."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return round(at.timestamp() * 1000)
