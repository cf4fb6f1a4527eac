"""What can go wrong with a model, as typed errors; the same words for every provider.

model_unauthorized   the key is missing, wrong or not allowed; never retried
model_rate_limited   too many requests; retried, not before `Retry-After`
model_unavailable    no connection, or the provider is in trouble; retried
model_timeout        nothing came in time; retried
model_bad_answer     the stream was cut, broken, empty or endless; retried, save the endless
model_refused        the provider does not take this request; never retried
model_bad_output     the answer does not fit the output schema, also after one repair
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import NodeError
from engine.retry_after import retry_after
from engine.values import is_object

CHECK_KEY = "Check it under Settings, Models; the run can be retried from this step."
RETRY = "Set more tries under Reliability, or retry the run from this step."


def from_status(status: int, message: str, headers: Mapping[str, str], provider: str, code: str = "") -> NodeError:
    """The error for an answer of `status` (400 and up). `code` is the provider's own word for it."""
    said = f": {_short(message)}" if message else "."
    if status in (401, 403):
        return NodeError(
            f"{provider} refused the key ({status}){said}", code="model_unauthorized", hint=CHECK_KEY, status=status
        )
    if status == 429:
        spent = code == "insufficient_quota"
        return NodeError(
            f"{provider} says the quota is used up (429){said}" if spent else f"{provider} is at its limit (429){said}",
            code="model_rate_limited",
            hint="Add credit at the provider." if spent else RETRY,
            retryable=not spent,
            retry_after=retry_after(headers),
            status=status,
        )
    if status in (408, 409) or status >= 500:
        return NodeError(
            f"{provider} is in trouble ({status}){said}",
            code="model_unavailable",
            hint=RETRY,
            retryable=True,
            retry_after=retry_after(headers),
            status=status,
        )
    hint = "Check the model's name." if status == 404 else "Check the step's settings against the message."
    return NodeError(
        f"{provider} does not take this request ({status}){said}", code="model_refused", hint=hint, status=status
    )


def timed_out(provider: str, waited: str, seconds: float) -> NodeError:
    return NodeError(
        f"{provider} sent nothing for {seconds:g} s while waiting for {waited}.",
        code="model_timeout",
        hint=RETRY,
        retryable=True,
    )


def unreachable(provider: str, reason: object) -> NodeError:
    return NodeError(
        f"{provider} cannot be reached: {_short(str(reason)) or 'no connection'}",
        code="model_unavailable",
        hint="Check the address under Settings, Models, and that it answers.",
        retryable=True,
    )


def bad_answer(provider: str, what: str) -> NodeError:
    return NodeError(
        f"{provider}: {what}",
        code="model_bad_answer",
        hint="Nothing partial was kept. " + RETRY,
        retryable=True,
    )


def refused(provider: str, what: str) -> NodeError:
    return NodeError(f"{provider}: {what}", code="model_refused", hint="Change the prompt and run again.")


def said(body: Any) -> tuple[str, str]:
    """(message, code) of an error body, whatever its shape."""
    error = body.get("error", body) if is_object(body) else body
    if not is_object(error):
        return _short(str(error or "")), ""
    return _short(str(error.get("message") or error.get("detail") or error)), str(
        error.get("code") or error.get("type") or ""
    )


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 300 else text[:299] + "…"
