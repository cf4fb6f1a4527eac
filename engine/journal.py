"""What one attempt knows of its run, and its only way to say more.

Built from the events so far; `append` goes through the fence and returns what was really recorded, so that a value
used now and the value replayed later are the same. Knows no storage: the writer is handed in.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from engine.events import Event, NewEvent
from engine.secrets import known_values, redact

Append = Callable[[list[NewEvent]], Awaitable[list[Event]]]
RIDE_S = 0.05
"""How long an event may wait for the next commit to ride with."""
RIDERS = 200


class Journal:
    def __init__(self, events: Iterable[Event], append: Append) -> None:
        self._append = append
        self._known = known_values()
        self._riders: list[NewEvent] = []
        self._flush: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[list[Event]] | None = None
        self._fault: BaseException | None = None
        self.next_seq = 0
        self.stale = False
        """Somebody else (a person, the sweep) wrote after this attempt read."""
        self.started: set[str] = set()
        self.winners: dict[str, str] = {}
        self.outcomes: dict[str, Event] = {}
        self.failures: dict[str, list[Event]] = {}
        self.calls: dict[str, Event] = {}
        self.questions: dict[str, Event] = {}
        self.decisions: dict[str, Event] = {}
        self.timers: dict[str, Event] = {}
        self.fired: set[str] = set()
        self.intents: dict[str, int] = {}
        self.paths: dict[str, str] = {}
        """Key of a begun unsafe effect → its step's path."""
        self.resolved: dict[str, Event] = {}
        self.diverged: set[tuple[str, str]] = set()
        """(key, hash of the other request): an attempt before went that way already."""
        self.cancel_requested = False
        self.started_at = 0
        self.usage: dict[str, float] = {"input_tokens": 0, "output_tokens": 0, "cost": 0.0}
        for event in events:
            self._read(event)

    async def append(self, *events: NewEvent) -> list[Event]:
        """Commit `events`, behind those that wait to ride along. Raises Fenced."""
        if self._fault:
            raise self._fault
        clean = [self._redacted(event) for event in events]
        riders, self._riders = self._riders, []
        if self._flush:
            self._flush.cancel()
            self._flush = None
        if not riders and not clean:
            return []
        written = await self._append([*riders, *clean])
        for event in written:
            self._read(event)
        return written[len(riders) :]

    def ride(self, event: NewEvent) -> NewEvent:
        """Commit `event` with the next append, at most 50 ms from now; answers it as it will be recorded."""
        event = self._redacted(event)
        self._riders.append(event)
        if len(self._riders) >= RIDERS:
            self._send_riders()
        elif self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(RIDE_S, self._send_riders)
        return event

    async def close(self) -> None:
        """Stop the timer; what still waits to ride is dropped."""
        if self._flush:
            self._flush.cancel()
        if self._flushing:
            await asyncio.gather(self._flushing, return_exceptions=True)

    def in_doubt(self, key: str) -> bool:
        """Whether an unsafe effect of this unit was begun, has no outcome, and nobody has said what to do."""
        if key not in self.intents or key in self.outcomes or key in self.calls:
            return False
        resolved = self.resolved.get(key)
        return resolved is None or resolved.seq < self.intents[key]

    def _redacted(self, event: NewEvent) -> NewEvent:
        """As it will be written; stamped here, because it may have to wait for its commit."""
        payload = redact(event.payload, self._known)
        return NewEvent(event.type, payload, event.node_id, event.key, time.time_ns() // 1_000_000)

    def _send_riders(self) -> None:
        if self._flush:
            self._flush.cancel()
        self._flush = None
        self._flushing = asyncio.ensure_future(self.append())
        self._flushing.add_done_callback(self._flushed)

    def _flushed(self, task: asyncio.Task[list[Event]]) -> None:
        if not task.cancelled():
            self._fault = self._fault or task.exception()

    def _read(self, event: Event) -> None:
        if event.seq > self.next_seq:
            self.stale = True
        self.next_seq = max(self.next_seq, event.seq + 1)
        key, payload = event.key or "", event.payload
        match event.type:
            case "run_started":
                self.started_at = self.started_at or event.at
            case "node_started":
                self.started.add(key)
                if "first" in payload:
                    self.winners[key] = payload["first"]
            case "node_completed" | "node_failed":
                self.outcomes[key] = event
            case "node_retry":
                self.failures.setdefault(key, []).append(event)
                self.intents.pop(key, None)  # an unsafe step tries again only when nothing was sent
            case "model_called" | "tool_called" | "task_completed":
                self.calls[key] = event
                self._count(payload.get("usage") or {})
            case "diverged":
                self.diverged.add((key, payload["request_hash"]))
            case _:
                self._read_pause(event, key)

    def _read_pause(self, event: Event, key: str) -> None:
        match event.type:
            case "approval_requested":
                self.questions[key] = event
            case "approval_decided":
                self.decisions[event.payload["approval_id"]] = event
            case "timer_set":
                self.timers[key] = event
            case "timer_fired":
                self.fired.add(key)
            case "effect_intended":
                self.intents[key] = event.seq
                self.paths[key] = event.node_id or key
            case "review_resolved":
                self.resolved[key] = event
            case "cancel_requested":
                self.cancel_requested = True
            case _:
                pass

    def _count(self, usage: dict[str, Any]) -> None:
        for name in self.usage:
            self.usage[name] += usage.get(name) or 0
