"""The kind wait, in the real engine."""

from __future__ import annotations

import time
from typing import Any

import pytest

from engine.events import to_ms
from engine.node import Outcome, registry
from tests.engine.nodes.played import play

KIND = registry()["wait"]


def due(config: dict[str, Any], inputs: dict[str, Any] | None = None) -> int:
    (timer,) = play("wait", config, inputs).of("timer_set")
    assert timer["for"] == "wait"
    return to_ms(timer["due_at"])


@pytest.mark.parametrize(
    ("seconds", "expected"), [(30, 30), (0.5, 0.5), ("input.n * 60", 120), ("input.half", 0.5), ("-5", 0)]
)
def test_seconds_count_from_now(seconds: Any, expected: float):
    before = time.time()
    at = due({"seconds": seconds}, {"n": 2, "half": 0.5})
    assert (before + expected) * 1000 - 1 <= at <= (time.time() + expected) * 1000


@pytest.mark.parametrize(
    "until",
    [
        "'2030-05-01T09:00:00Z'",
        "'2030-05-01T11:00:00+02:00'",
        "timestamp('2030-05-01T08:30:00Z') + duration('30m')",
        "input.at",
    ],
)
def test_until_is_a_point_in_time(until: str):
    assert due({"until": until}, {"at": "2030-05-01T09:00:00Z"}) == 1903856400000


@pytest.mark.parametrize(
    "config",
    [
        {"until": "'tomorrow'"}, {"until": "'2030-05-01T09:00:00'"}, {"until": "5"}, {"seconds": "'5'"},
        {"seconds": "true"}, {"seconds": "1e300"}, {"until": "input.nothing"},
    ],
)  # fmt: skip
def test_what_is_no_time_fails_it(config: dict[str, Any]):
    failure = play("wait", config).failure
    assert failure is not None
    assert failure.code in ("bad_value", "bad_expression")


def test_its_output_is_the_time_it_waited_for():
    config = KIND.Config.model_validate({"seconds": 1})
    assert KIND.answer(config, {"due_at": "2030-05-01T09:00:00Z"}) == Outcome(  # type: ignore[attr-defined]
        "out", {"until": "2030-05-01T09:00:00Z"}
    )
