"""What a retry or a fork takes over from the run it comes from. Pure: events in, events out.

Copied are settled outcomes: finished steps, failures that went to a wired `error` port, answered questions, timers
that fired, finished tasks of crews, and the model and tool calls of a step that was still at work. What failed, waited
or was open is done anew, and a refused budget is asked for once more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from engine.events import Event, NewEvent

_TRY = re.compile(r"/retry:\d+(?=/)")
_CALLS = ("model_called", "tool_called")


def copied(
    events: Sequence[Event], upto: int | None = None, output: Any = None, replace: bool = False
) -> list[NewEvent]:
    """The events of the new run after its `run_created`, in their old order.

    `upto` cuts behind that seq (None: take everything); with `replace`, `output` stands in for the one at the cut.
    """
    past = [event for event in events if upto is None or event.seq <= upto]
    settled = {event.key for event in past if is_outcome(event)}
    keep = _settled_pairs(past, settled)
    broken = {event.key for event in past if event.type in ("node_failed", "node_retry", "node_completed")}
    taken: list[NewEvent] = []
    for event in past:
        if event.key in settled:
            wanted = event.type == "node_started" or is_outcome(event)
        elif event.type == "task_completed":
            wanted = _unit(event.key) not in settled
        elif event.type in _CALLS:
            wanted = _unit(event.key) not in broken
        else:
            wanted = event.seq in keep
        if wanted:
            payload = {**event.payload, "output": output} if replace and event.seq == upto else event.payload
            taken.append(NewEvent(event.type, payload, event.node_id, _first_try(event.key)))
    return taken


def is_outcome(event: Event) -> bool:
    """Whether the step is done with: it completed, or its failure went out by a wired port."""
    return event.type == "node_completed" or (event.type == "node_failed" and event.payload.get("port") is not None)


def _settled_pairs(past: Sequence[Event], settled: set[str | None]) -> set[int]:
    """The seqs of questions that were answered and timers that fired before their step could take note."""
    asked: dict[str, Event] = {}
    timers: dict[str | None, Event] = {}
    keep: set[int] = set()
    for event in past:
        if event.key in settled:
            continue
        if event.type == "approval_requested":
            asked[event.payload["approval_id"]] = event
        elif event.type == "approval_decided" and event.payload["approval_id"] in asked:
            question = asked[event.payload["approval_id"]]
            if question.payload.get("type") != "budget" or event.payload["decision"] == "approved":
                keep |= {question.seq, event.seq}
        elif event.type == "timer_set" and event.payload.get("for") == "wait":
            timers[event.key] = event
        elif event.type == "timer_fired" and event.key in timers:
            keep |= {timers[event.key].seq, event.seq}
    return keep


def _first_try(key: str | None) -> str | None:
    """What belongs to a later try of a step, the first one of the new run takes over."""
    return _TRY.sub("", key) if key else None


def _unit(key: str | None) -> str | None:
    """The step of a call: `sub#1/draft#2` for `sub#1/draft#2/model:0`."""
    parts = (key or "").split("/")
    while parts and "#" not in parts[-1]:
        parts.pop()
    return "/".join(parts) or None
