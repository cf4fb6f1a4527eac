"""An agent's turns and tool calls: recorded once, replayed ever after, asked about when a person wants to see them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import pytest

from engine.backends import TARGETS
from engine.errors import NodeError
from engine.events import NewEvent
from engine.node import Effect
from engine.runner import Runner
from engine.tools import ToolContext, registry, tool
from tests.engine.harness import Bench
from tests.world.models import ModelServer

CALLS: list[dict[str, Any]] = []


@tool(title="Look up", icon="tool")
async def look_up(word: str) -> str:
    """Says what a word means.

    Args:
        word: the word to look up
    """
    CALLS.append({"word": word})
    if word == "slow":
        await asyncio.sleep(30)
    if word == "broken":
        raise NodeError("the dictionary is shut", code="shut")
    return f"{word} is a word"


@tool(title="Send it", icon="tool", effect=Effect.UNSAFE)
async def send_it(text: str, ctx: ToolContext) -> dict[str, Any]:
    """Sends a text to somebody.

    Args:
        text: what is sent
    """
    CALLS.append({"text": text, "key": ctx.idempotency_key})
    if text == "slow":
        await asyncio.sleep(30)
    if text == "lost":
        raise NodeError("cut", code="http_connection", sent=True)
    return {"sent": text}


@tool(title="Roll", icon="tool")
async def roll(sides: int = 6) -> int:
    """Rolls a die.

    Args:
        sides: how many it has
    """
    CALLS.append({"sides": sides})
    return sides


@pytest.fixture(params=TARGETS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    CALLS.clear()
    return Bench(tmp_path, target=request.param)


def use(name: str, **arguments: Any) -> str:
    return json.dumps({"tool_calls": [{"name": name, "arguments": arguments}]})


def agent(*answers: str, tools: list[dict[str, Any]] | None = None, **config: Any) -> dict[str, Any]:
    """A workflow of one agent whose demo model says `answers` turn by turn."""
    task = f"Do it. x-demo: {json.dumps(answers)}"
    settled = {"role": "Clerk", "goal": "Done", "task": task, "provider": "demo", "tools": tools or [], **config}
    return {
        "nodes": [{"id": "a", "kind": "agent", "config": settled}],
        "outputs": {"t": "{{ a.text }}", "n": "{{ a.turns }}"},
    }


LOOK = [{"name": "look_up"}]


async def test_an_agent_uses_its_tools_until_it_is_done(bench: Bench) -> None:
    run = bench.start(agent(use("look_up", word="tea"), use("look_up", word="rain"), "Both are words.", tools=LOOK))
    end = await bench.settle(run)
    assert end.payload["outputs"] == {"t": "Both are words.", "n": 3}
    assert CALLS == [{"word": "tea"}, {"word": "rain"}]
    keys = [e.key for e in bench.events(run) if e.type in ("model_called", "tool_called")]
    assert keys == [
        "a#1/task/agent/model:0", "a#1/task/agent/tool:1.0", "a#1/task/agent/model:1", "a#1/task/agent/tool:2.0",
        "a#1/task/agent/model:2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (use("look_up", word=7), "word"),
        (use("nothing"), "no tool"),
        (use("look_up", word="broken"), "the dictionary is shut"),
    ],
)
async def test_what_is_wrong_with_a_call_is_told_to_the_model(bench: Bench, call: str, told: str) -> None:
    run = bench.start(agent(call, "I see.", tools=LOOK))
    assert (await bench.settle(run)).payload["outputs"]["t"] == "I see."
    second = [e for e in bench.events(run) if e.type == "model_called"][1]
    assert second.payload["request_hash"]
    answers = [e.payload for e in bench.events(run) if e.type == "tool_called"]
    if told == "the dictionary is shut":
        assert answers[0]["error"]["message"] == told
    else:
        assert answers == []


async def test_an_endless_tool_loop_gets_a_last_turn_without_tools(bench: Bench) -> None:
    run = bench.start(agent(*[use("look_up", word="tea")] * 6, tools=LOOK, max_turns=4))
    end = await bench.settle(run)
    assert end.type in ("run_completed", "run_failed")
    assert len(CALLS) == 3
    assert len([e for e in bench.events(run) if e.type == "model_called"]) == 4


async def test_a_killed_agent_pays_nothing_twice(bench: Bench) -> None:
    run = bench.start(agent(use("look_up", word="tea"), use("look_up", word="slow"), "Done.", tools=LOOK))
    lost = Runner(bench.db, "lost", 1)
    await lost.wake(run)
    while {"word": "slow"} not in CALLS:  # noqa: ASYNC110 - another task fills it
        await asyncio.sleep(0.01)
    await lost.close(0)
    CALLS.clear()
    task = asyncio.create_task(bench.settle(run, "run_cancelled", "run_completed", seconds=5))
    while {"word": "slow"} not in CALLS:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    bench.say(run, NewEvent("cancel_requested", {"by": "test"}))
    await task
    assert CALLS == [{"word": "slow"}]
    assert len([e for e in bench.events(run) if e.type == "model_called"]) == 2


async def test_a_call_that_asks_first_waits_with_its_literal_arguments(bench: Bench) -> None:
    tools = [{"name": "send_it", "approve": True}]
    run = bench.start(agent(use("send_it", text="Dear all"), "Sent.", tools=tools))
    assert (await bench.settle(run)).type == "run_waiting"
    asked = bench.last(run, "approval_requested")
    assert asked.payload["content"] == {"tool": "send_it", "arguments": {"text": "Dear all"}}
    assert CALLS == []
    answer = {"approval_id": asked.payload["approval_id"], "decision": "approved", "data": {"text": "Dear Mira"}}
    bench.say(run, NewEvent("approval_decided", answer, "a", asked.key))
    assert (await bench.settle(run, "run_completed")).payload["outputs"]["t"] == "Sent."
    assert [call["text"] for call in CALLS] == ["Dear Mira"]


async def test_a_person_may_take_all_arguments_out(bench: Bench) -> None:
    run = bench.start(agent(use("roll", sides=20), "Rolled.", tools=[{"name": "roll", "approve": True}]))
    await bench.settle(run)
    asked = bench.last(run, "approval_requested")
    answer = {"approval_id": asked.payload["approval_id"], "decision": "approved", "data": {}}
    bench.say(run, NewEvent("approval_decided", answer, "a", asked.key))
    assert (await bench.settle(run, "run_completed")).payload["outputs"]["t"] == "Rolled."
    assert CALLS == [{"sides": 6}]


async def test_a_refused_call_is_told_to_the_model(bench: Bench) -> None:
    tools = [{"name": "send_it", "approve": True}]
    run = bench.start(agent(use("send_it", text="x"), "Then not.", tools=tools))
    await bench.settle(run)
    asked = bench.last(run, "approval_requested")
    answer = {"approval_id": asked.payload["approval_id"], "decision": "rejected", "comment": "No."}
    bench.say(run, NewEvent("approval_decided", answer, "a", asked.key))
    assert (await bench.settle(run, "run_completed")).payload["outputs"]["t"] == "Then not."
    assert CALLS == []


async def test_an_unsafe_tool_in_doubt_needs_a_person(bench: Bench) -> None:
    run = bench.start(agent(use("send_it", text="lost"), "Sent.", tools=[{"name": "send_it"}]))
    end = await bench.settle(run)
    assert (end.type, end.payload["reason"]) == ("run_needs_review", "unsafe_effect")
    bench.say(
        run, NewEvent("review_resolved", {"action": "use", "output": "It arrived.", "by": "me"}, end.node_id, end.key)
    )
    assert (await bench.settle(run, "run_completed")).payload["outputs"]["t"] == "Sent."
    assert len(CALLS) == 1


async def test_the_answer_fits_the_schema_after_one_repair(bench: Bench) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    spec = agent(use("look_up", word="tea"), "seven", '{"n": 7}', tools=LOOK, output_schema=schema)
    spec["outputs"] = {"n": "{{ a.data.n }}"}
    assert (await bench.settle(bench.start(spec))).payload["outputs"] == {"n": 7}


async def test_the_repair_of_the_last_turn_is_one_more(bench: Bench) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    spec = agent(use("look_up", word="tea"), "seven", '{"n": 7}', tools=LOOK, output_schema=schema, max_turns=2)
    spec["outputs"] = {"n": "{{ a.data.n }}"}
    assert (await bench.settle(bench.start(spec))).payload["outputs"] == {"n": 7}


# Another release ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def diverged(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run that has sent something and waits for a person; meanwhile the words of a tool have changed."""
    tools = [{"name": "send_it"}, {"name": "look_up", "approve": True}]
    run = bench.start(agent(use("send_it", text="one"), use("look_up", word="tea"), "Done.", tools=tools))
    await bench.settle(run)
    kind = registry()["look_up"]
    other = replace(kind, signature=replace(kind.signature, help="Explains a word."))
    monkeypatch.setitem(cast("dict[str, Any]", registry()), "look_up", other)
    approve(bench, run)
    end = await bench.settle(run)
    assert (end.type, end.payload["reason"], end.key) == ("run_needs_review", "diverged", "a#1")
    return run


def approve(bench: Bench, run: str) -> None:
    asked = bench.last(run, "approval_requested")
    answer = {"approval_id": asked.payload["approval_id"], "decision": "approved", "data": asked.payload["data"]}
    bench.say(run, NewEvent("approval_decided", answer, "a", asked.key))


@pytest.mark.parametrize(
    ("said", "end", "told"),
    [
        ({"action": "use", "output": {"text": "Mine.", "turns": 0}}, "run_completed", {"t": "Mine.", "n": 0}),
        ({"action": "fail"}, "run_failed", None),
    ],
)
async def test_a_person_ends_what_has_sent_something_and_now_asks_otherwise(
    bench: Bench, diverged: str, said: dict[str, Any], end: str, told: Any
) -> None:
    bench.say(diverged, NewEvent("review_resolved", {**said, "by": "me"}, "a", "a#1"))
    assert (await bench.settle(diverged, end)).payload.get("outputs") == told
    assert len(CALLS) == 1


async def test_a_person_lets_go_on_what_has_sent_something_and_now_asks_otherwise(bench: Bench, diverged: str) -> None:
    bench.say(diverged, NewEvent("review_resolved", {"action": "repeat", "by": "me"}, "a", "a#1"))
    assert (await bench.settle(diverged)).type == "run_waiting"
    approve(bench, diverged)
    assert (await bench.settle(diverged, "run_completed")).payload["outputs"] == {"t": "Done.", "n": 3}
    assert [call.get("text", call.get("word")) for call in CALLS] == ["one", "one", "tea"]
    assert bench.types(diverged).count("diverged") == 1


# A second try -------------------------------------------------------------------------------------------------------


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    import_module("openai.resources.chat")  # seconds that a step's time limit does not have
    with ModelServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        yield server


def calls(name: str, **arguments: Any) -> dict[str, Any]:
    return {"tool_calls": [{"name": name, "arguments": arguments}]}


def tried(tool: str, retry: int = 2, timeout_s: float = 60, approve: bool = False, **config: Any) -> dict[str, Any]:
    spec = agent(tools=[{"name": tool, "approve": approve}], provider="openai", model="world", **config)
    spec["nodes"][0] |= {"retry": {"attempts": retry, "delay_s": 0}, "timeout_s": timeout_s}
    return spec


FLAKY = {"fault": "unavailable", "retry_after": 0}


async def test_a_second_try_goes_on_at_the_call_that_failed(bench: Bench, models: ModelServer) -> None:
    models.play(calls("send_it", text="one"), calls("send_it", text="two"), FLAKY, FLAKY, {"text": "Both are sent."})
    run = bench.start(tried("send_it", retry=3))
    end = await bench.settle(run)
    assert end.payload["outputs"] == {"t": "Both are sent.", "n": 3}
    assert [call["text"] for call in CALLS] == ["one", "two"]
    assert len(models.requests) == 5
    assert [e.key for e in bench.events(run) if e.type == "model_called"] == [
        "a#1/task/agent/model:0", "a#1/task/agent/model:1", "a#1/retry:2/task/agent/model:2"
    ]  # fmt: skip
    assert bench.types(run).count("node_retry") == 2


async def test_a_second_try_after_a_bad_answer_asks_for_another_and_repeats_no_tool(
    bench: Bench, models: ModelServer
) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    said = [{"text": text} for text in ("seven", "7!", "eight", '{"n": 8}')]
    models.play(calls("send_it", text="one"), *said)
    run = bench.start(tried("send_it", output_schema=schema) | {"outputs": {"n": "{{ a.data.n }}"}})
    assert (await bench.settle(run)).payload["outputs"] == {"n": 8}
    assert len(CALLS) == 1
    assert len(models.requests) == 5


@pytest.mark.parametrize(("decision", "sent"), [("approved", ["Dear Mira"]), ("rejected", [])])
async def test_a_second_try_asks_nobody_again_about_a_call(
    bench: Bench, models: ModelServer, decision: str, sent: list[str]
) -> None:
    models.play(calls("send_it", text="one"), FLAKY, {"text": "Done."})
    run = bench.start(tried("send_it", approve=True))
    await bench.settle(run)
    asked = bench.last(run, "approval_requested")
    answer = {"approval_id": asked.payload["approval_id"], "decision": decision, "data": {"text": "Dear Mira"}}
    bench.say(run, NewEvent("approval_decided", answer, "a", asked.key))
    assert (await bench.settle(run)).type == "run_completed"
    assert bench.types(run).count("approval_requested") == 1
    assert [call["text"] for call in CALLS] == sent


async def test_an_unsafe_tool_cut_off_by_the_time_limit_is_not_tried_again(bench: Bench, models: ModelServer) -> None:
    models.play(calls("send_it", text="slow"), {"text": "Sent."})
    run = bench.start(tried("send_it", timeout_s=2))
    end = await bench.settle(run)
    assert (end.type, end.payload["reason"]) == ("run_needs_review", "unsafe_effect")
    assert len(CALLS) == 1


async def test_a_token_limit_ends_the_step(bench: Bench) -> None:
    run = bench.start(agent(use("look_up", word="tea"), "Done.", tools=LOOK, max_tokens_total=1))
    assert (await bench.settle(run)).payload["error"]["code"] == "token_limit"
