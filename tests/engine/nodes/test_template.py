"""The kind template, in the real engine."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.nodes.played import play


def test_text_becomes_text():
    assert play("template", {"text": "{{ input.n }} is {{ input.none }}{{ input.list }}"}, INPUTS).output == {
        "text": "3 is [1,2]"
    }


@pytest.mark.parametrize(
    ("json", "value"),
    [
        (None, None),
        ("{{ input.list }}", [1, 2]),
        ({"a": ["{{ input.n }}", "n={{ input.n }}"], "b": None}, {"a": [3, "n=3"], "b": None}),
        (5, 5),
        ("{{ input.n == 3 }}", True),
    ],
)
def test_json_becomes_the_value(json: Any, value: Any):
    assert play("template", {"json": json}, INPUTS).output == value


def test_a_missing_value_fails_it():
    failure = play("template", {"text": "{{ input.nothing }}"}, INPUTS).failure
    assert failure is not None
    assert failure.code == "bad_expression"


INPUTS = {"n": 3, "none": None, "list": [1, 2]}
