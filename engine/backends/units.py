"""One unit of work by its shape: done once in the life of a run, replayed ever after.

Each function answers the Outcome, or None when the step keeps its token (it waits for a person or the clock), and
raises NodeError for a final failure.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from engine import conversation, failpoint
from engine.backends.context import Context
from engine.backends.desk import Desk
from engine.backends.run import Run
from engine.errors import NexodError, NodeError, Paused
from engine.events import NewEvent, rfc3339, to_ms
from engine.node import Agent, Brief, Effect, Outcome, Pause, Route, Step, Until
from engine.plan import PlannedNode

log = logging.getLogger(__name__)
SHORT_S = 5.0
"""A backoff up to this long is slept through; a longer one frees the slot."""
GRACE_S = 5.0
"""How long after its deadline a step may still hold the worker's lease."""


async def ask(run: Run, node: PlannedNode, inputs: dict[str, Any], ctx: Context) -> Outcome | None:
    """A Pause: ask once, then wait for the recorded answer. A changed question is asked anew."""
    kind = node.type
    assert isinstance(kind, Pause)
    if ctx.key in run.journal.timers:
        return _clock(run, node, kind, ctx)
    wanted = kind.ask(node.config, inputs, ctx)
    if isinstance(wanted, Until):
        payload = {"due_at": rfc3339(wanted.at_ms), "for": "wait"}
        await run.journal.append(NewEvent("timer_set", payload, ctx.node_id, ctx.key))
        return None
    try:
        return kind.answer(node.config, await ctx.ask(wanted))
    except Paused:
        return None


def _clock(run: Run, node: PlannedNode, kind: Pause, ctx: Context) -> Outcome | None:
    if ctx.key not in run.journal.fired:
        return None
    return kind.answer(node.config, run.journal.timers[ctx.key].payload)


async def work(run: Run, node: PlannedNode, inputs: dict[str, Any], ctx: Context) -> Outcome | None:
    """A Step or Route, tried as often as its retry policy allows."""
    kind = node.type
    if run.journal.in_doubt(ctx.key):
        run.reviews[ctx.key] = (ctx.node_id, "unsafe_effect")
        return None
    if (settled := _settled(run, ctx)) is not None:
        return settled
    while True:
        if not await may_try(run, ctx):
            return None
        try:
            if isinstance(kind, Route):
                return Outcome(port := kind.choose(node.config, inputs, ctx), {"port": port})
            assert isinstance(kind, Step)
            failpoint.hit("in_node")
            value = await bounded(run, ctx, node.timeout_s, lambda: kind.run(node.config, inputs, ctx))
            failpoint.hit("after_effect")
            return Outcome("out", value)
        except Paused:
            return None
        except NodeError as error:
            if _in_doubt(run, node, error, ctx):
                run.reviews[ctx.key] = (ctx.node_id, "unsafe_effect")
                return None
            if not await retry(run, node, error, ctx):
                raise
        finally:
            run.effects.discard(ctx.key)


def _settled(run: Run, ctx: Context) -> Outcome | None:
    """What a person said that the step made; None when nobody did, or when it is to be done again."""
    resolved = run.journal.resolved.get(ctx.key)
    if resolved is not None and resolved.payload["action"] == "use":
        return Outcome("out", resolved.payload.get("output"))
    if resolved is not None and resolved.payload["action"] == "fail":
        raise NodeError("A person decided that this step failed.", code="failed_by_person")
    return None


async def perform(run: Run, node: PlannedNode, inputs: dict[str, Any], ctx: Context) -> Outcome | None:
    """An Agent, worked by the backend's own means; None while a person has to answer one of its moves."""
    kind = node.type
    assert isinstance(kind, Agent)
    if (settled := _settled(run, ctx)) is not None:
        return settled
    brief = kind.brief(node.config, inputs, ctx)
    while await may_try(run, ctx):
        try:
            result = await bounded(run, ctx, node.timeout_s, partial(_briefed, run, brief, ctx))
            return Outcome("out", kind.output(node.config, result))
        except Paused:
            return None
        except NodeError as error:
            if not await retry(run, node, error, ctx):
                raise
    return None


async def _briefed(run: Run, brief: Brief, ctx: Context) -> dict[str, Any]:
    """The work itself, between what is remembered before it and what is kept of it."""
    told = await conversation.briefed(ctx, brief)
    result = await run.backend.work(told, Desk(run, ctx, told))
    await conversation.tell(ctx, brief.thread, brief.tasks[0].description, result["text"])
    return result


async def bounded(run: Run, ctx: Context, seconds: float, fn: Callable[[], Awaitable[Any]]) -> Any:
    """`fn()`, stopped at the deadline; anything but a NodeError becomes one."""
    run.deadlines[ctx.key] = time.monotonic() + seconds + GRACE_S
    try:
        async with asyncio.timeout(seconds):
            return await fn()
    except TimeoutError:
        raise NodeError(
            f"It took longer than {seconds:g} s.", code="timeout", retryable=True, sent=ctx.key in run.effects,
            hint="Raise its timeout under Reliability, or make the step smaller.",
        ) from None  # fmt: skip
    except NodeError:
        raise
    except NexodError as error:
        raise NodeError(error.message, code=error.code, hint=error.hint) from error
    except Exception as error:
        log.exception("step %s of run %s raised", ctx.key, run.run_id)
        raise NodeError(f"The step broke: {type(error).__name__}.", code="internal_error") from error
    finally:
        run.deadlines.pop(ctx.key, None)


def _in_doubt(run: Run, node: PlannedNode, error: NodeError, ctx: Context) -> bool:
    """Whether an unsafe effect was sent and nobody knows how it ended. An HTTP status is an ending."""
    if node.type.effect(node.config) is not Effect.UNSAFE or ctx.key not in run.effects:
        return False
    return error.sent and error.code != "http_status"


async def retry(run: Run, node: PlannedNode, error: NodeError, ctx: Context) -> bool:
    """Record the failure and whether another try follows; a long backoff becomes a timer."""
    failures = len(run.journal.failures.get(ctx.key, ())) + 1
    policy = node.retry
    unsafe = node.type.effect(node.config) is Effect.UNSAFE
    if failures >= policy.attempts or not error.retryable or (unsafe and error.sent):
        return False
    delay = min(policy.max_delay_s, policy.delay_s * policy.factor ** (failures - 1)) * random.uniform(0.75, 1.25)
    delay = max(delay, error.retry_after or 0)
    due = rfc3339(round((time.time() + delay) * 1000))
    payload = {"attempt": failures, "delay_s": round(delay, 3), "due_at": due, "error": error.to_json()}
    events = [NewEvent("node_retry", payload, ctx.node_id, ctx.key)]
    if delay > SHORT_S:
        key = f"{ctx.key}/retry:{failures}"
        events.append(NewEvent("timer_set", {"due_at": due, "for": "retry"}, ctx.node_id, key))
    await run.journal.append(*events)
    return True


async def may_try(run: Run, ctx: Context) -> bool:
    """Sleep through a short backoff; False while a long one still runs."""
    failures = run.journal.failures.get(ctx.key)
    if not failures:
        return True
    timer = f"{ctx.key}/retry:{len(failures)}"
    if timer in run.journal.timers:
        return timer in run.journal.fired
    await asyncio.sleep(max(0.0, to_ms(failures[-1].payload["due_at"]) / 1000 - time.time()))
    return True
