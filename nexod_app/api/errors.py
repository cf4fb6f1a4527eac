"""Where errors become HTTP, and nowhere else: one body for ours, FastAPI's own and the unexpected."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from engine.errors import Conflict, NexodError, RateLimited, Unavailable

log = logging.getLogger("nexod.api")

CODES = {
    400: "malformed_json", 401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "method_not_allowed",
    409: "conflict", 410: "gone", 412: "precondition_failed", 413: "too_large", 415: "unsupported_media_type",
    422: "invalid", 428: "precondition_required", 429: "rate_limited", 503: "unavailable",
}  # fmt: skip


def register(api: FastAPI) -> None:
    """Teach `api` the one error body."""
    api.add_exception_handler(NexodError, _ours)
    api.add_exception_handler(HTTPException, _http)
    api.add_exception_handler(RequestValidationError, _parameters)


def body(code: str, message: str, request_id: str, details: list[Any], **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "request_id": request_id, "details": details, **more}}


def unexpected(request_id: str) -> JSONResponse:
    """The answer to a bug of ours: no stack trace, only the id under which the log has it."""
    text = "Something went wrong on our side. The log has the details under this request id."
    return JSONResponse(body("internal", text, request_id, []), 500)


def respond(error: NexodError, request_id: str) -> JSONResponse:
    more: dict[str, Any] = {"hint": error.hint} if error.hint else {}
    if isinstance(error, Conflict):
        more |= error.extra
    return JSONResponse(
        body(error.code, error.message, request_id, error.details, **more), error.status, headers=_headers(error)
    )


def _headers(error: NexodError) -> dict[str, str]:
    if error.status == 401:
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, Unavailable):
        return {"Retry-After": "2"}
    if isinstance(error, RateLimited):
        return {"Retry-After": "60"}
    return {}


def request_id(request: Request) -> str:
    return request.scope.get("nexod.request_id", "")


def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, NexodError)
    if error.status >= 500:
        log.warning("%s %s: %s", request.method, request.url.path, error.message)
    return respond(error, request_id(request))


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = CODES.get(error.status_code, "error")
    return JSONResponse(
        body(code, str(error.detail), request_id(request), []), error.status_code, headers=error.headers
    )


def _parameters(request: Request, error: Exception) -> JSONResponse:
    """Query parameters and headers that FastAPI itself refuses."""
    assert isinstance(error, RequestValidationError)
    details = [
        {
            "code": "bad_value", "severity": "error", "node_id": None, "hint": "",
            "field": ".".join(str(part) for part in fault["loc"][1:]), "message": str(fault["msg"]),
        }
        for fault in error.errors()
    ]  # fmt: skip
    return JSONResponse(body("invalid", "A parameter is not valid.", request_id(request), details), 422)
