"""What the vendors' packages have in common: loaded off the loop, and their errors told as ours."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

from engine.errors import NodeError
from engine.llm import faults
from engine.llm.patience import Patience

CUT = "the stream was cut before the answer was complete."


async def load(name: str, *parts: str) -> Any:
    """The package, loaded in a thread: that takes a second or two, and the loop renews leases meanwhile."""

    def load() -> Any:
        for part in parts:  # else the first call loads it, in the loop
            import_module(part)
        return import_module(name)

    return await asyncio.to_thread(load)


def typed(sdk: Any, error: Exception, patience: Patience) -> NodeError | None:
    """The package's error as ours. One of ours may be wrapped: the egress client raises through the package."""
    import httpx

    causes = list(_causes(error))
    told: Any = error
    if ours := next((cause for cause in causes if isinstance(cause, NodeError)), None):
        return ours
    if isinstance(error, sdk.APIStatusError):
        message, code = faults.said(told.body if told.body is not None else told.message)
        return faults.from_status(told.status_code, message, told.response.headers, patience.name, code)
    if isinstance(error, sdk.APITimeoutError) or any(isinstance(cause, httpx.TimeoutException) for cause in causes):
        return faults.timed_out(patience.name, "a connection", patience.connect_s)
    if isinstance(error, sdk.APIConnectionError):
        return faults.unreachable(patience.name, error.__cause__ or error)
    if isinstance(error, sdk.APIError):
        said = faults.said(told.body or told.message)[0]
        return faults.bad_answer(patience.name, f"the stream ended with an error: {said}")
    if isinstance(error, httpx.HTTPError):
        return faults.bad_answer(patience.name, CUT)
    if isinstance(error, (ValueError, TypeError, AttributeError, KeyError)):  # what is no protocol trips the parser
        return faults.bad_answer(patience.name, "the stream holds broken JSON.")
    return None


def _causes(error: BaseException | None) -> Any:
    while error:
        yield error
        error = error.__cause__
