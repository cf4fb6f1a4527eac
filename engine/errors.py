"""What can go wrong, as types. Everything else in `engine` may raise these and nothing vaguer.

NexodError                      base: code, message, hint, details
├── MalformedJson         400   the body is no JSON
├── Unauthorized          401   no key or session, or a wrong one
├── Forbidden             403   the key lacks the scope
├── NotFound              404   no such thing here
├── Conflict              409   somebody else was first; the code may be more specific
├── Gone                  410   expired, cancelled
├── PreconditionFailed    412   stale If-Match
├── TooLarge              413   over a limit of size
├── UnsupportedMedia      415   wrong content type
├── Invalid               422   understood and refused; `details` lists the problems
├── PreconditionRequired  428   If-Match is missing
├── RateLimited           429   too many attempts
├── Unavailable           503   the database does not answer
└── NodeError                   a step's own failure: goes to its `error` port or fails the run

Signals are no errors and derive from BaseException, so that no `except Exception` swallows them:
Fenced (this attempt no longer owns its run), Cancelled (a person stopped the run),
Paused (an agent's next move needs a person first).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a workflow, its place and its cure; the same in REST, editor and CLI."""

    code: str
    message: str
    hint: str = ""
    node_id: str | None = None
    field: str | None = None
    severity: Severity = "error"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class NexodError(Exception):
    """Base. `code` is stable and public, `message` names the fault, `hint` the cure."""

    status = 500
    code = "internal"

    def __init__(
        self, message: str, *, code: str | None = None, hint: str = "", details: Sequence[dict[str, Any]] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.hint = hint
        self.details = list(details)


class MalformedJson(NexodError):
    status, code = 400, "malformed_json"


class Unauthorized(NexodError):
    status, code = 401, "unauthorized"


class Forbidden(NexodError):
    status, code = 403, "forbidden"


class NotFound(NexodError):
    status, code = 404, "not_found"


class Conflict(NexodError):
    """`extra` is merged into the error body, such as the winning approval."""

    status, code = 409, "conflict"

    def __init__(self, message: str, *, extra: dict[str, Any] | None = None, **more: Any) -> None:
        super().__init__(message, **more)
        self.extra = extra or {}


class Gone(NexodError):
    status, code = 410, "gone"


class PreconditionFailed(NexodError):
    status, code = 412, "precondition_failed"


class TooLarge(NexodError):
    status, code = 413, "too_large"


class UnsupportedMedia(NexodError):
    status, code = 415, "unsupported_media_type"


class Invalid(NexodError):
    status, code = 422, "invalid"

    @classmethod
    def of(cls, problems: Sequence[Problem], message: str = "The workflow has errors.") -> Invalid:
        return cls(message, details=[p.to_json() for p in problems])


class PreconditionRequired(NexodError):
    status, code = 428, "precondition_required"


class RateLimited(NexodError):
    status, code = 429, "rate_limited"


class Unavailable(NexodError):
    status, code = 503, "unavailable"


class NodeError(NexodError):
    """A step failed. `retryable` lets its retry policy try again, not before `retry_after` seconds;
    `sent` says that a request may have left the machine (an unsafe step then needs a person)."""

    status, code = 500, "failed"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str = "",
        retryable: bool = False,
        retry_after: float | None = None,
        sent: bool = False,
        **extra: Any,
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.retryable = retryable
        self.retry_after = retry_after
        self.sent = sent
        self.extra = extra

    def to_json(self) -> dict[str, Any]:
        """The value that the step's `error` port delivers and that the journal keeps."""
        return {"code": self.code, "message": self.message, **({"hint": self.hint} if self.hint else {}), **self.extra}


class Fenced(BaseException):
    """Another attempt owns the run now: write nothing, stop."""


class Cancelled(BaseException):
    """A person stopped the run."""


class Paused(BaseException):
    """An agent's next move needs a person first: its step keeps the token."""
