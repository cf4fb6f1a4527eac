"""When a server wants to be asked again: seconds, a date, or nonsense."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from engine.retry_after import MOST_S, retry_after


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7), ("0.5", 0.5), (" 7 ", 7), ("", None), ("soon", None), ("-3", None), ("7s", None), ("nan", None)],
)
def test_seconds_are_read_and_nonsense_is_nothing(value: str, seconds: float | None):
    assert retry_after({"retry-after": value}) == seconds


def test_milliseconds_are_more_exact():
    assert retry_after({"retry-after-ms": "250", "retry-after": "1"}) == 0.25
    assert retry_after({}) is None


def test_a_date_is_so_many_seconds_from_now():
    said = retry_after({"retry-after": formatdate(time.time() + 100, usegmt=True)})
    assert said is not None and 90 < said <= 100
    assert retry_after({"retry-after": formatdate(time.time() - 100, usegmt=True)}) == 0


@pytest.mark.parametrize("value", ["99999999999", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_nobody_waits_for_centuries(value: str):
    assert retry_after({"retry-after": value}) == MOST_S
    assert retry_after({"retry-after-ms": "inf"}) == MOST_S
