"""What a node sees while it runs: the latest visits in its own causal past, and the few things it may do."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import uuid_utils

from engine import expressions, failpoint, secrets
from engine.backends import budget
from engine.backends.run import Run
from engine.errors import NodeError, Paused
from engine.events import Event, NewEvent, rfc3339
from engine.node import Question
from engine.plan import Plan
from engine.tokens import Past

TRIES = re.compile(r"~\d+")
"""A nested flow's second try has keys of its own in the journal, but not outside: `sub#1~1/send#1`."""


class Scope(Mapping[str, Any]):
    """Names an expression may use. A step that is not in `past` reads as `{}`."""

    def __init__(self, plan: Plan, values: Mapping[tuple[str, int], Any], past: Past, fixed: Mapping[str, Any]) -> None:
        self.past = past
        self._plan, self._values, self._fixed = plan, values, fixed

    def with_(self, extra: Mapping[str, Any]) -> Scope:
        return Scope(self._plan, self._values, self.past, {**self._fixed, **extra})

    def __getitem__(self, name: str) -> Any:
        if name in self._fixed:
            return self._fixed[name]
        if name not in self._plan.nodes:
            raise KeyError(name)
        visit = self.past.get(name)
        return {} if visit is None else self._values[name, visit]

    def __iter__(self) -> Iterator[str]:
        yield from self._fixed
        yield from self._plan.nodes

    def __len__(self) -> int:
        return len(self._fixed) + len(self._plan.nodes)


class Context:
    """`engine.node.RunContext`, for one visit of one step."""

    def __init__(self, run: Run, scope: Scope, node_id: str, key: str, visit: int) -> None:
        self.run_id, self.workspace_id = run.run_id, run.workspace_id
        self.preferences, self.knowledge = run.preferences, run.knowledge
        self.node_id, self.key, self.visit = node_id, key, visit
        place = TRIES.sub("", key)
        self.idempotency_key = hashlib.sha256(f"{run.effect_run_id}:{place}".encode()).hexdigest()
        self.scope = scope
        self._run = run
        self._tries = 0
        self._turn = 0
        self._branch = 0

    def evaluate(self, expression: str) -> Any:
        return expressions.evaluate(expression, self.scope)

    def render(self, value: Any, names: Mapping[str, Any] | None = None) -> Any:
        return expressions.render_value(value, self.scope.with_(names) if names else self.scope)

    def secret(self, reference: Mapping[str, str]) -> str:
        return secrets.resolve(reference)

    def failures(self) -> Sequence[Event]:
        """The recorded failures of this visit, oldest first."""
        return self._run.journal.failures.get(self.key, ())

    async def emit(self, text: str) -> None:
        if self._run.stopped.is_set():
            return
        await self._run.emit(self.node_id, self.key, text)

    async def ask(self, question: Question, key: str = "") -> dict[str, Any]:
        key, journal = key or self.key, self._run.journal
        asked, shown = journal.questions.get(key), question_hash(question)
        if asked is None or asked.payload["hash"] != shown:
            await journal.append(NewEvent("approval_requested", _asked(question, shown), self.node_id, key))
            failpoint.hit("after_pause")
            raise Paused
        decided = journal.decisions.get(asked.payload["approval_id"])
        if decided is None:
            raise Paused
        return decided.payload

    async def intend(self, request: dict[str, Any]) -> None:
        self._run.effects.add(self.key)
        await self._run.journal.append(NewEvent("effect_intended", {"request": request}, self.node_id, self.key))

    async def once(self, name: str, request: dict[str, Any], fn: Callable[[], Awaitable[Any]]) -> Any:
        key = f"{self.key}/{name}"
        recorded = self._run.journal.calls.get(key)
        if recorded is None:
            began = time.monotonic()
            result = await fn()
            payload = {
                "request_hash": digest(request), "tool": name, "args": request, "result": result,
                "ms": round((time.monotonic() - began) * 1000),
            }  # fmt: skip
            (recorded,) = await self._run.journal.append(NewEvent("tool_called", payload, self.node_id, key))
        return recorded.payload["result"]

    async def model_call(self, request: dict[str, Any], fn: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        wanted = digest(request)
        recorded = self._run.journal.calls.get(self._call_key())
        if recorded is not None and recorded.payload["request_hash"] != wanted:
            payload = {"request_hash": wanted, "recorded_hash": recorded.payload["request_hash"]}
            if (self._call_key(), wanted) not in self._run.journal.diverged:
                await self._run.journal.append(NewEvent("diverged", payload, self.node_id, self._call_key()))
            self._branch += 1
            recorded = self._run.journal.calls.get(self._call_key())
        key = self._call_key()
        self._turn += 1
        if recorded is not None:
            return recorded.payload
        await budget.within_run(self._run, self.key, self.ask)
        began = time.monotonic()
        answer = await fn()
        payload = {"request_hash": wanted, **answer, "ms": round((time.monotonic() - began) * 1000)}
        (event,) = await self._run.journal.append(NewEvent("model_called", payload, self.node_id, key))
        return event.payload

    def _call_key(self) -> str:
        """Each try has calls of its own: a retry asks anew instead of reading what failed."""
        if self._tries != len(self.failures()):
            self._tries, self._turn, self._branch = len(self.failures()), 0, 0
        retry = f"/retry:{self._tries}" if self._tries else ""
        branch = f"~{self._branch}" if self._branch else ""
        return f"{self.key}{retry}/model:{self._turn}{branch}"


def question_hash(question: Question) -> str:
    """What an answer is bound to: everything the person sees."""
    return digest([question.type, question.text, question.content, question.schema, question.data])


def _asked(question: Question, shown: str) -> dict[str, Any]:
    deadline = None if question.deadline_s is None else rfc3339(round((time.time() + question.deadline_s) * 1000))
    return {
        "approval_id": str(uuid_utils.uuid7()), "type": question.type, "question": question.text,
        "content": question.content, "schema": question.schema, "data": question.data, "hash": shown,
        **({"deadline_at": deadline} if deadline else {}),
    }  # fmt: skip


def digest(value: Any) -> str:
    """SHA-256 of the value's canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def output_of(plan: Plan, template: Any, scope: Scope, name: str) -> Any:
    """One declared output; null when its expression fails because a step in it has not run."""
    try:
        return expressions.render_value(template, scope)
    except NodeError as error:
        if any(known in plan.nodes and known not in scope.past for known in names_in(template)):
            return None
        error.message = f"Output {name!r}: {error.message}"
        raise


def names_in(value: Any) -> frozenset[str]:
    """What the templates in a JSON value read."""
    if isinstance(value, str):
        return expressions.compile_template(value).references
    if isinstance(value, dict):
        value = list(cast("dict[str, Any]", value).values())
    parts = cast("list[Any]", value) if isinstance(value, list) else []
    return frozenset(name for part in parts for name in names_in(part))
