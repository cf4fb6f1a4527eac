"""The kind fail, in the real engine."""

from __future__ import annotations

from tests.engine.nodes.played import play


def test_it_fails_with_its_message_and_code():
    failure = play("fail", {"message": "No {{ input.what }}.", "code": "no_tea"}, {"what": "tea"}).failure
    assert failure is not None
    assert (failure.code, failure.message) == ("no_tea", "No tea.")


def test_its_code_is_failed_unless_given():
    failure = play("fail", {"message": "No."}).failure
    assert failure is not None
    assert failure.code == "failed"
