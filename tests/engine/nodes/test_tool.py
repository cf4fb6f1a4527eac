"""The tool step, in the real engine: calls, asks first, and what is said at once when it cannot work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.errors import NodeError
from engine.events import NewEvent
from engine.node import Effect
from engine.plan import problems
from engine.tools import ToolContext, tool
from tests.engine.flows import made, workflow
from tests.engine.harness import Bench
from tests.engine.nodes.played import play

SENT: list[tuple[str, str]] = []


@tool(title="Post a letter", icon="tool", effect=Effect.UNSAFE, cap=2000)
async def post_letter(to: str, ctx: ToolContext, copies: int = 1) -> dict[str, Any]:
    """Posts a letter.

    to: who gets it.
    """
    SENT.append((to, ctx.idempotency_key))
    if to == "nobody":
        raise RuntimeError("secret internals")
    if to == "lost":
        raise NodeError("cut", code="http_connection", sent=True, retryable=True)
    return {"to": to * (1000 if to == "long" else 1), "copies": copies}


@pytest.fixture(autouse=True)
def nothing_sent() -> None:
    SENT.clear()


def letter(**args: Any) -> dict[str, Any]:
    return {"tool": "post_letter", "args": args}


def test_it_calls_the_tool_and_goes_on_with_its_answer():
    assert play("tool", letter(to="{{ input.who }}", copies="{{ input.n }}"), {"who": "Mira", "n": 2}).output == {
        "to": "Mira",
        "copies": 2,
    }


def test_what_is_no_object_is_a_value():
    assert play("tool", {"tool": "calculate", "args": {"expression": "{{ input.n }} * 2"}}, {"n": 21}).output == {
        "value": 42
    }


@pytest.mark.parametrize(
    ("inputs", "code", "field"),
    [({"who": 7}, "bad_arguments", "to"), ({"who": "long"}, "tool_output_too_large", None)],
)
def test_what_does_not_fit_is_an_error_of_the_step(inputs: dict[str, Any], code: str, field: str | None):
    failure = play("tool", letter(to="{{ input.who }}"), inputs).failure
    assert failure is not None
    assert (failure.code, failure.extra.get("field")) == (code, field)


def test_a_tool_that_breaks_is_in_doubt_when_it_may_have_sent():
    assert play("tool", letter(to="nobody")).review == "unsafe_effect"


def test_a_connection_lost_after_sending_is_never_repeated():
    played = play("tool", letter(to="lost"), retry={"attempts": 3, "delay_s": 0})
    assert played.review == "unsafe_effect"
    assert len(SENT) == 1
    played.again()
    assert len(SENT) == 1


@pytest.mark.parametrize(
    ("config", "code", "field"),
    [
        ({"tool": "rocket"}, "bad_value", "config.tool"),
        (letter(), "bad_value", "config.args.to"),
        (letter(to=7), "bad_value", "config.args.to"),
        (letter(to="Mira", copies="two"), "bad_value", "config.args.copies"),
        (letter(to="{{ input.x }}", copies="two"), "bad_value", "config.args.copies"),
        (letter(to="Mira", colour="red"), "bad_value", "config.args.colour"),
        ({**letter(to="Mira"), "config": {"speed": 1}}, "unknown_field", "config.config.speed"),
        ({"tool": "api_call", "args": {"url": "https://a.example/"}}, "missing_field", "config.config.hosts"),
    ],
)
def test_mistakes_are_told_when_it_is_saved(config: dict[str, Any], code: str, field: str):
    (problem,) = problems(workflow(made("it", "tool", **config)))
    assert (problem.code, problem.node_id, problem.field) == (code, "it", field)
    assert problem.hint


def test_an_expression_may_become_anything():
    assert problems(workflow(made("it", "tool", **letter(to="{{ input.x }}", copies="{{ input.n }}")))) == []


def test_saving_opens_nothing(monkeypatch: pytest.MonkeyPatch):
    def opened(*_: Any) -> None:
        raise AssertionError("something was opened")

    monkeypatch.setenv("NEXOD_DB_SHOP", "postgresql://u:p@db.example/shop")
    monkeypatch.setattr("socket.socket.connect", opened)
    monkeypatch.setattr("subprocess.Popen.__init__", opened)
    uses = {
        "mcp": ({"tool": "x"}, {"url": "https://mcp.example/mcp", "tools": ["x"]}),
        "database_query": ({"sql": "select 1"}, {"connection": "SHOP"}),
        "api_call": ({"url": "https://api.example/"}, {"hosts": ["api.example"]}),
        "browse": ({"url": "https://a.example/"}, {}),
        "search": ({"query": "tea"}, {}),
    }
    nodes = [made(name, "tool", tool=name, args=args, config=config) for name, (args, config) in uses.items()]
    assert problems(workflow(*nodes)) == []


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def asking(who: str = "Mira") -> dict[str, Any]:
    return {
        "nodes": [{"id": "post", "kind": "tool", "config": {**letter(to=who), "approve": True}}],
        "outputs": {"to": "{{ post.to }}"},
    }


async def decided(bench: Bench, run: str, **answer: Any) -> Any:
    asked = bench.last(run, "approval_requested")
    bench.say(
        run, NewEvent("approval_decided", {"approval_id": asked.payload["approval_id"], **answer}, "post", "post#1")
    )
    return await bench.settle(run, "run_completed", "run_failed")


async def test_asked_first_it_waits_with_the_literal_arguments(bench: Bench):
    run = bench.start(asking())
    assert (await bench.settle(run)).type == "run_waiting"
    asked = bench.last(run, "approval_requested").payload
    assert asked["type"] == "tool"
    assert asked["content"] == {"tool": "post_letter", "arguments": {"to": "Mira"}}
    assert asked["data"] == {"to": "Mira"}
    assert "to" in asked["schema"]["properties"]
    assert SENT == []
    assert (await decided(bench, run, decision="approved", data={"to": "Mira"})).payload["outputs"] == {"to": "Mira"}
    assert [who for who, _ in SENT] == ["Mira"]


async def test_edited_arguments_are_the_ones_that_count(bench: Bench):
    run = bench.start(asking())
    await bench.settle(run)
    end = await decided(bench, run, decision="approved", data={"to": "Jonas"})
    assert end.payload["outputs"] == {"to": "Jonas"}
    assert [who for who, _ in SENT] == ["Jonas"]


async def test_a_rejection_fails_the_step(bench: Bench):
    run = bench.start(asking())
    await bench.settle(run)
    end = await decided(bench, run, decision="rejected", comment="Not now.")
    assert end.payload["error"]["code"] == "rejected"
    assert "Not now." in end.payload["error"]["message"]
    assert SENT == []
