"""Crews by CrewAI on either target: whatever costs goes over the desk once, whenever the worker is lost."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.backends import TARGETS, load
from engine.events import NewEvent
from engine.services import again
from engine.store.models import DEFAULT_WORKSPACE
from engine.store.session import Workspace
from tests.engine.backends.crews import CREW, TURNS, Play, drawing, plan_of, script
from tests.engine.harness import Bench
from tests.world.models import ModelServer

WRITTEN = "Facts 2; 4; 6."


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with ModelServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        server.script(*script())
        yield server


@pytest.mark.parametrize("target", TARGETS)
async def test_a_crew_works_inside_a_durable_graph_and_a_person_approves(
    target: str, tmp_path: Path, models: ModelServer
) -> None:
    bench = Bench(tmp_path)
    run = bench.start(drawing(target), {"topic": "tea"})
    assert (await bench.settle(run)).type == "run_waiting"
    asked = bench.last(run, "approval_requested")
    text = json.loads(asked.payload["content"])["text"]
    assert "Write it up." in text
    assert "Facts 2; 4; 6." in text
    assert "Figures 100." in text
    costly = ("model_called", "tool_called", "task_completed")
    assert [e.key for e in bench.events(run) if e.type in costly] == [
        "crew#1/facts/researcher/model:0", "crew#1/facts/researcher/tool:1.0", "crew#1/facts/researcher/tool:1.1",
        "crew#1/facts/researcher/model:1", "crew#1/facts/researcher/tool:2.0", "crew#1/facts/researcher/model:2",
        "crew#1/facts", "crew#1/figures/analyst/model:0", "crew#1/figures/analyst/tool:1.0",
        "crew#1/figures/analyst/model:1", "crew#1/figures", "crew#1/text/writer/model:0", "crew#1/text",
    ]  # fmt: skip
    answer = {"approval_id": asked.payload["approval_id"], "decision": "approved"}
    bench.say(run, NewEvent("approval_decided", answer, "review", asked.key))
    outputs = (await bench.settle(run, "run_completed")).payload["outputs"]
    assert [task["id"] for task in outputs["tasks"]] == ["facts", "figures", "text"]
    assert outputs["tasks"][2]["data"] == {"text": text}
    assert len(models.requests) == TURNS


async def test_both_targets_ask_the_same(models: ModelServer) -> None:
    ends = [await whole(drawing(target), target) for target in TARGETS]
    assert ends[0].outputs == ends[1].outputs
    assert all(times == 2 for times in models.counts().values())


@pytest.mark.parametrize("target", TARGETS)
async def test_after_a_crash_at_any_append_only_what_was_in_flight_is_asked_again(
    target: str, models: ModelServer
) -> None:
    plan = plan_of(drawing(target))
    want = await whole(drawing(target), target)
    for at in range(1, len(want.tape.events), 1 if target == "langgraph" else 4):
        models.requests.clear()
        play = Play(plan, target)
        play.tape.crash_at = at
        if await play.attempt() == "waiting":
            assert at > len(want.tape.events) - 3  # the last append was before
            break
        asked, paid = len(models.requests), len(play.recorded("model_called"))
        assert asked - paid <= 1
        play.tape.crash_at = None
        assert await play.attempt() == "waiting"
        assert len(models.requests) == asked + TURNS - paid
        assert play.outputs == want.outputs
        assert play.recorded("diverged") == []


async def test_eight_crews_at_once_do_not_cross(models: ModelServer) -> None:
    names = [f"topic{n}" for n in range(8)]
    rules = [
        {**rule, "when": {**rule["when"], "asked": name}, "then": marked(rule["then"], name)}
        for name in names
        for rule in script(delay_s=0.02)
    ]
    models.script(*rules)
    tasks = [{**task, "description": task["description"] + " {{ input.topic }}"} for task in CREW["tasks"]]
    plan = plan_of(drawing("crewai", tasks=tasks))
    plays = [Play(plan, TARGETS[n % 2], name) for n, name in enumerate(names)]
    assert await asyncio.gather(*(play.attempt() for play in plays)) == ["waiting"] * 8
    for n, play in enumerate(plays):
        others = [name for name in names if name != play.topic]
        for event in play.tape.events:
            said = json.dumps(event.payload)
            assert not any(name in said for name in others), (play.topic, event)
        assert play.tokens
        for key, text in play.tokens:
            assert not any(name in text for name in others), (play.topic, key)
        assert play.topic in "".join(text for _, text in play.tokens)
        counted = [event.payload["usage"] for event in play.tape.events if event.type == "model_called"]
        assert len(counted) == TURNS
        assert {used["input_tokens"] for used in counted} == {1000 + n}
        assert play.outputs["usage"]["input_tokens"] == TURNS * (1000 + n)


def marked(step: dict[str, Any], name: str) -> dict[str, Any]:
    """A crew's step with its name in the text, and in its usage."""
    used = {"input_tokens": 1000 + int(name.removeprefix("topic")), "output_tokens": 1}
    return {**step, "usage": used} | ({"text": f"{name} {step['text']}"} if "text" in step else {})


async def test_tokens_are_labelled_by_task_and_agent(models: ModelServer) -> None:
    play = await whole(drawing("crewai"), "crewai")
    said = {key: "" for key, _ in play.tokens}
    for key, text in play.tokens:
        said[key] += text
    assert said["crew#1/facts/researcher/model:2"] == "Facts 2; 4; 6."
    assert said["crew#1/figures/analyst/model:1"] == "Figures 100."


async def test_braces_in_a_text_are_only_text(models: ModelServer) -> None:
    """CrewAI has blanks of these names in its prompts."""
    said = "Keep {input}, {tools}, {tool_names} and {topic}"
    members = [{**member, "goal": said} for member in CREW["members"]]
    tasks = [{**task, "description": f"{task['description']} {said}."} for task in CREW["tasks"]]
    await whole(drawing("crewai", members=members, tasks=tasks), "crewai")
    for request in models.requests:
        system, task = (message["content"] for message in request["body"]["messages"][:2])
        assert said in system
        assert said in task


# A manager ----------------------------------------------------------------------------------------------------------

LED = [
    {"when": {"system": "You are Crew Manager", "turn": 0}, "then": {"tool_calls": [
        {"name": "delegate_work_to_coworker",
         "arguments": {"task": "Look it up", "context": "all of it", "coworker": "researcher"}},
        {"name": "delegate_work_to_coworker", "arguments": {"task": "Look", "context": "", "coworker": "Nobody"}},
        {"name": "ask_question_to_coworker", "arguments": {"question": "Is it so?"}},
        {"name": "calculate", "arguments": {"expression": "1"}},
    ]}},
    {"when": {"system": "You are Crew Manager", "turn": 1}, "then": {"text": "no JSON at all"}},
    {"when": {"system": "You are Crew Manager", "turn": 2}, "then": {"json": {"n": 5}}},
    {"when": {"system": "You are Researcher", "turn": 0}, "then":
        {"tool_calls": [{"name": "calculate", "arguments": {"expression": "2 + 3"}}]}},
    {"when": {"system": "You are Researcher", "turn": 1}, "then": {"text": "It is {results}"}},
]  # fmt: skip


def led(target: str) -> dict[str, Any]:
    number = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    tasks = [{"id": "all", "description": "Do it all.", "output_schema": number}]
    manager = {"provider": "openai", "model": "boss"}
    return drawing(target, approve=False, tasks=tasks, process="hierarchical", manager=manager)


@pytest.mark.parametrize("target", TARGETS)
async def test_a_manager_hands_out_the_work(target: str, models: ModelServer) -> None:
    models.script(*LED)
    play = await whole(led(target), target, "completed")
    assert json.loads(play.outputs["text"]) == {"n": 5}
    assert play.recorded("model_called") == [
        "crew#1/all/manager/model:0", "crew#1/all/researcher/model:0", "crew#1/all/researcher/model:1",
        "crew#1/all/manager/model:1", "crew#1/all/manager/model:2",
    ]  # fmt: skip
    assert {request["body"]["model"] for request in models.requests} >= {"boss"}
    told = [m["content"] for m in models.requests[3]["body"]["messages"] if m["role"] == "tool"]
    assert told[0] == "It is 5"
    assert "writer" in told[1]
    assert "do not fit" in told[2]
    assert "no tool 'calculate'" in told[3]


async def test_a_manager_that_is_killed_goes_on(models: ModelServer) -> None:
    models.script(*LED)
    want = await whole(led("crewai"), "crewai", "completed")
    for at in range(1, len(want.tape.events), 2):
        play = Play(plan_of(led("crewai")), "crewai")
        play.tape.crash_at = at
        await play.attempt()
        asked, paid = len(models.requests), len(play.recorded("model_called"))
        play.tape.crash_at = None
        assert await play.attempt() == "completed"
        assert len(models.requests) == asked + 5 - paid
        assert play.outputs == want.outputs


@pytest.mark.parametrize("target", TARGETS)
async def test_what_claude_thought_before_a_call_goes_back_with_it(
    target: str, models: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", models.url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    rules = script()
    rules[0]["then"] |= {"thinking": "Sums first.", "text": "One moment."}
    models.script(*rules)
    play = await whole(drawing(target, "anthropic"), target)
    second = models.requests[1]["body"]["messages"]
    assert second[1]["role"] == "assistant"
    assert [block["type"] for block in second[1]["content"]] == ["thinking", "text", "tool_use", "tool_use"]
    assert second[1]["content"][0] == {"type": "thinking", "thinking": "Sums first.", "signature": "signed"}
    assert [block["type"] for block in second[2]["content"]] == ["tool_result", "tool_result"]
    assert WRITTEN in play.outputs["text"]


# What stops a crew ----------------------------------------------------------------------------------------------------


async def test_cancel_stops_a_crew_inside_a_model_call(tmp_path: Path, models: ModelServer) -> None:
    models.script({"when": {}, "then": {"fault": "stall"}})
    bench = Bench(tmp_path)
    run = bench.start(drawing("crewai"), {"topic": "tea"})
    began: list[float] = []

    def cancel() -> None:
        if models.requests and not began:
            began.append(time.monotonic())
            bench.say(run, NewEvent("cancel_requested", {"by": "test"}))

    await bench.settle(run, "run_cancelled", meanwhile=cancel, seconds=60)
    assert len(models.requests) == 1
    assert not [task for task in asyncio.all_tasks() if "akickoff" in repr(task)]


@pytest.mark.parametrize(
    ("fault", "config", "code", "asked"),
    [
        ({"fault": "unauthorized"}, {}, "model_unauthorized", 1),
        ({"fault": "refused"}, {}, "model_refused", 1),
        ({"text": ""}, {}, "model_bad_answer", 1),
        (None, {"max_tokens_total": 1}, "token_limit", 1),
        (
            {"tool_calls": [{"name": "calculate", "arguments": {"expression": "1"}}]},
            {"max_turns": 3},
            "too_many_turns",
            3,
        ),
    ],
)
async def test_our_faults_leave_the_crew_at_once(
    fault: Any, config: dict[str, Any], code: str, asked: int, models: ModelServer
) -> None:
    if fault:
        models.script({"when": {}, "then": fault})
    play = await whole(drawing("crewai", **config), "crewai", "failed")
    assert (play.fault, len(models.requests)) == (code, asked)


async def test_a_second_try_keeps_the_tasks_that_were_done(models: ModelServer) -> None:
    models.script(*script()[:-1], {"when": {"system": "Writer"}, "then": {"json": 7}})
    spec = drawing("crewai")
    spec["nodes"][0]["retry"] = {"attempts": 2, "delay_s": 0}
    play = await whole(spec, "crewai", "failed")
    assert play.fault == "model_bad_output"
    assert play.recorded("task_completed") == ["crew#1/facts", "crew#1/figures"]
    assert play.recorded("model_called")[-2:] == [
        "crew#1/retry:1/text/writer/model:0",
        "crew#1/retry:1/text/writer/model:1",
    ]
    assert len(models.requests) == TURNS - 1 + 2 * 2


@pytest.mark.parametrize("target", TARGETS)
async def test_a_retried_run_keeps_the_tasks_that_were_done(target: str, tmp_path: Path, models: ModelServer) -> None:
    """Also one that only its second try finished."""
    good, bad = script()[-1], {"when": {"system": "Writer"}, "then": {"json": 7}}
    models.script(*script()[:4], {"when": {"system": "Analyst", "turn": 1}, "then": {"fault": "unavailable"}})
    spec = drawing(target, approve=False)
    spec["nodes"][0]["retry"] = {"attempts": 2, "delay_s": 0}
    bench = Bench(tmp_path, lease_s=60)
    run = bench.start(spec, {"topic": "tea"})

    def heal() -> None:
        if "node_retry" in bench.types(run):
            models.script(*script()[:-1], bad)

    assert (await bench.settle(run, meanwhile=heal)).payload["error"]["code"] == "model_bad_output"
    assert [e.key for e in bench.events(run) if e.type == "task_completed"] == [
        "crew#1/facts",
        "crew#1/retry:1/figures",
    ]
    models.script(*script()[:-1], good)
    models.requests.clear()
    second = again.retry(Workspace(bench.db, DEFAULT_WORKSPACE), run)["run_id"]
    end = await bench.settle(second)
    assert len(models.requests) == 1
    assert [e.key for e in bench.events(second) if e.type == "task_completed"] == [
        "crew#1/facts", "crew#1/figures", "crew#1/text"
    ]  # fmt: skip
    outputs = end.payload["outputs"]
    whole = (await bench.settle(bench.start(spec, {"topic": "tea"}))).payload["outputs"]
    assert outputs == whole


async def test_no_more_requests_a_minute_than_allowed(models: ModelServer) -> None:
    play = Play(plan_of(drawing("crewai", max_rpm=2)), "crewai")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(play.attempt(), 3)
    assert len(models.requests) == 2


async def test_a_question_to_a_person_stops_the_crew_until_it_is_answered(models: ModelServer) -> None:
    asking = [{"name": "calculate", "approve": True}]
    members = [{**m, "tools": asking} if m["id"] == "analyst" else m for m in CREW["members"]]
    play = await whole(drawing("crewai", members=members, approve=False), "crewai", "waiting")
    assert play.recorded("task_completed") == ["crew#1/facts"]
    question = play.tape.events[-1]
    assert question.payload["content"] == {"tool": "calculate", "arguments": {"expression": "10 * 10"}}
    before = len(models.requests)
    play.tape.answer(question.key or "", "approved")
    assert await play.attempt() == "completed"
    assert len(models.requests) == before + 2
    assert "Figures 100." in play.outputs["text"]


async def whole(spec: dict[str, Any], target: str, end: str = "waiting") -> Play:
    load(target)
    play = Play(plan_of(spec), target)
    assert await play.attempt() == end, play.fault
    return play
