"""The kind condition, in the real engine."""

from __future__ import annotations

import pytest

from tests.engine.nodes.played import play


def cases(**when: str) -> dict[str, object]:
    return {"cases": [{"port": port, "when": text} for port, text in when.items()]}


@pytest.mark.parametrize(("n", "port"), [(9, "large"), (5, "medium"), (1, "else")])
def test_the_first_true_case_wins(n: int, port: str):
    config = cases(large="input.n > 7", medium="input.n > 3", never="input.n > 3")
    assert play("condition", config, {"n": n}).output == {"port": port}


def test_later_cases_are_not_asked():
    assert play("condition", cases(a="true", b="input.nothing"), {}).output == {"port": "a"}


@pytest.mark.parametrize("when", ["1", "'true'", "null", "input.nothing", "input.n + 0.5 > 1.0"])
def test_a_case_that_is_neither_true_nor_false_fails_it(when: str):
    failure = play("condition", cases(a=when), {"n": 1}).failure
    assert failure is not None
    assert failure.code == "bad_expression"
    assert failure.hint
