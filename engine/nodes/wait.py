"""wait: go on later."""

import time
from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field, model_validator

from engine.advice import advice
from engine.errors import NodeError
from engine.node import Expr, Group, Inputs, NodeConfig, Outcome, Pause, Question, RunContext, Until, node

LONGEST_S = 10 * 365 * 86_400


@node
class Wait(Pause):
    """Goes on later. The run holds no worker meanwhile and survives restarts: the time is kept in the database.

    Fill in **one** of the two fields:

    - **Seconds**: a number, or an expression such as `input.minutes * 60`.
    - **Until**: an expression for a point in time, as RFC 3339 text: `"2026-05-01T09:00:00Z"`, or
      `timestamp(input.start) + duration("2h")`. A time that is past goes on at once.

    The output is `{ "until": "…" }`, the time at which the wait ended or was to end.
    """

    kind, title, group, icon = "wait", "Wait", Group.LOGIC, "wait"
    summary = "{seconds} s"

    class Config(NodeConfig):
        seconds: float | Expr | None = Field(
            None,
            title="Seconds",
            description="How long: a number, or an expression.",
            json_schema_extra={"widget": "expression", "unit": "s"},
        )
        until: Expr | None = Field(
            None,
            title="Until",
            description="An expression for a time, as RFC 3339 text.",
            min_length=1,
            json_schema_extra={"widget": "expression"},
        )

        @model_validator(mode="after")
        def one_of_two(self) -> "Wait.Config":
            if self.seconds is None and self.until is None:
                raise advice("missing_field", "seconds is missing.", "Fill in Seconds, or Until instead.", "seconds")
            if self.seconds is not None and self.until is not None:
                raise advice("bad_value", "seconds and until are both filled in.", "Keep one of them.", "until")
            if isinstance(self.seconds, float | int) and not 0 <= self.seconds <= LONGEST_S:
                fault = "seconds is below 0 or over ten years."
                raise advice("bad_value", fault, "Write a time in between.", "seconds")
            return self

    sample: ClassVar[dict[str, Any]] = {"seconds": 1}

    def ask(self, config: Config, inputs: Inputs, ctx: RunContext) -> Question | Until:
        if config.until is not None:
            return Until(_time(inputs["until"]))
        seconds = inputs["seconds"]
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds <= LONGEST_S:
            hint = "Convert it with double(x)."
            raise NodeError("Seconds is no number up to ten years.", code="bad_value", hint=hint)
        return Until(int(time.time() * 1000 + max(seconds, 0) * 1000))

    def answer(self, config: Config, decision: dict[str, Any]) -> Outcome:
        return Outcome("out", {"until": decision.get("due_at")})


def _time(text: Any) -> int:
    """Milliseconds of an RFC 3339 text with its offset."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError("no offset")
        return int(at.timestamp() * 1000)
    except (TypeError, ValueError, OverflowError):
        shown = str(text)[:60]
        hint = "Write it as 2026-05-01T09:00:00Z, with Z or an offset."
        raise NodeError(f"{shown!r} is no point in time.", code="bad_value", hint=hint) from None
