"""What the drawing proves to have run has run, in whatever order tokens move."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import NodeError
from engine.plan import build
from engine.plan.certain import Certain
from engine.plan.layout import Plan
from engine.tokens import Tokens
from tests.engine.flows import edges, made, plan_of, random_raw, route, spec_of, step, workflow


def play(plan: Plan, seed: int):
    """(node, its causal past) of every visit, in one random order and with random ports."""
    r = random.Random(seed)
    tokens = Tokens(plan, {})
    tokens.start()
    visits = 0
    while ready := [n for n in plan.nodes if tokens.ready(n)] or list(tokens.busy):
        node = r.choice(ready)
        if node not in tokens.busy:
            taken = tokens.take(node)
            assert taken is not None
            yield node, taken.past
            visits += 1
            if visits > 60 or r.random() < 0.4:
                continue
        tokens.complete(node, r.choice(plan.nodes[node].ports) if plan.nodes[node].ports else "out")
        if visits > 60:
            return


@given(st.integers(0, 10**9))
def test_no_token_order_contradicts_it(seed: int):
    plan, _ = build(spec_of(random_raw(seed)))
    if plan is None:
        return
    certain = Certain(plan)
    claims = {r: {x for x in plan.nodes if x != r and certain.has_run(x, r)} for r in plan.nodes}
    for order in range(6):
        try:
            for node, past in play(plan, order):
                missing = claims[node] - past.keys()
                assert not missing, f"{node} ran without {missing}"
        except NodeError as e:
            assert e.code == "too_many_visits"


JOIN = [step("a"), step("b"), step("c"), step("j")]


@pytest.mark.parametrize(
    ("nodes", "drawn", "reader", "sure", "unsure"),
    [
        (JOIN, ["a b", "a c", "b j", "c j"], "j", "abc", ""),
        ([*JOIN, step("z")], ["a b", "a c", "b j", "c j", "j z"], "z", "abcj", ""),
        ([*JOIN[:3], step("j", join="any")], ["a b", "a c", "b j", "c j"], "j", "a", "bc"),
        ([route("a", "x"), *JOIN[1:]], ["a.x b", "a.else c", "b j", "c j"], "j", "a", "bc"),
        (JOIN, ["a b", "a.error c", "b j", "c j"], "j", "a", "bc"),
        ([step("a"), route("b", "x"), step("c"), step("j")], ["a b", "a c", "b.x j", "c j"], "j", "ac", "b"),
        ([step("a"), route("b", "x"), step("c"), step("j")],
         ["a b", "a c", "b.x j", "b.else j", "c j"], "j", "abc", ""),
        ([step("a"), step("b"), step("j")], ["a j", "b j"], "j", "ab", ""),
        ([step("a"), step("b"), step("c"), step("d"), step("k"), step("j"), step("e")],
         ["a b", "a c", "b d", "b e", "d k", "e k", "k j", "c j"], "j", "abcdek", ""),
        ([step("s"), step("h"), route("r", "again"), step("z")],
         ["s h", "h r", "r.again h", "r.else z"], "z", "shr", ""),
        ([step("s"), step("h"), route("r", "again")], ["s h", "h r", "r.again h"], "h", "s", "r"),
        ([step("a"), made("b", "approval", question="?"), step("c"), step("j")],
         ["a b", "a c", "b.approved j", "b.rejected j", "c j"], "j", "abc", ""),
    ],
)  # fmt: skip
def test_what_people_draw_is_judged_as_they_expect(nodes, drawn, reader, sure, unsure):
    certain = Certain(plan_of(workflow(*nodes, edges=edges(*drawn))))
    assert [x for x in sure if not certain.has_run(x, reader)] == []
    assert [x for x in unsure if certain.has_run(x, reader)] == []
