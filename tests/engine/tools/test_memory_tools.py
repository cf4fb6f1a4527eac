"""knowledge_search, remember and recall in agents' hands, on both engines; and as steps."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from engine.backends import TARGETS
from engine.events import NewEvent
from engine.services import collections, memory
from engine.store.models import DEFAULT_WORKSPACE as W
from engine.store.session import Workspace
from tests.engine.harness import Bench, chain


@pytest.fixture(params=TARGETS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    return Bench(tmp_path, target=request.param)


def use(name: str, **arguments: Any) -> str:
    return json.dumps({"tool_calls": [{"name": name, "arguments": arguments}]})


def agent(*answers: str, tools: list[dict[str, Any]]) -> dict[str, Any]:
    task = f"Do it. x-demo: {json.dumps(answers)}"
    config = {"role": "Clerk", "goal": "Done", "task": task, "provider": "demo", "tools": tools}
    return {"nodes": [{"id": "a", "kind": "agent", "config": config}], "outputs": {"t": "{{ a.text }}"}}


def called(bench: Bench, run: str) -> list[Any]:
    """What each tool answered, or what went wrong."""
    calls = [event.payload for event in bench.events(run) if event.type == "tool_called"]
    return [call["error"]["code"] if "error" in call else call["result"] for call in calls]


def facts(bench: Bench) -> list[dict[str, Any]]:
    return memory.list_items(Workspace(bench.db, W))["items"]


async def test_what_one_agent_remembers_another_recalls(bench: Bench):
    spec = agent(
        use("remember", text="Anna drinks tea.", subject="customer/anna"), "Kept.", tools=[{"name": "remember"}]
    )
    run = bench.start(spec)
    await bench.settle(run, "run_completed")
    (fact,) = facts(bench)
    assert (fact["text"], fact["subject"], fact["run_id"]) == ("Anna drinks tea.", "customer/anna", run)
    run = bench.start(
        agent(use("recall", query="What does Anna drink?", subject="customer"), "Tea.", tools=[{"name": "recall"}])
    )
    await bench.settle(run, "run_completed")
    told = {"kind": "fact", "text": "Anna drinks tea.", "subject": "customer/anna", "confidence": 1.0}
    assert called(bench, run) == [{"items": [told]}]


async def test_a_fact_that_asks_first_is_kept_as_the_person_left_it(bench: Bench):
    tools = [{"name": "remember", "approve": True}]
    run = bench.start(agent(use("remember", text="Anna is broke."), "Kept.", tools=tools))
    await bench.settle(run, "run_waiting")
    assert facts(bench) == []
    asked = bench.last(run, "approval_requested")
    answer = {
        "approval_id": asked.payload["approval_id"], "decision": "approved", "data": {"text": "Anna saves money."}
    }  # fmt: skip
    bench.say(run, NewEvent("approval_decided", answer, "a", asked.key))
    await bench.settle(run, "run_completed")
    assert [fact["text"] for fact in facts(bench)] == ["Anna saves money."]


async def test_an_agent_searches_what_it_may(bench: Bench):
    await asyncio.to_thread(collections.create, Workspace(bench.db, W), bench.settings, {"name": "handbook"})
    await asyncio.to_thread(collections.create, Workspace(bench.db, W), bench.settings, {"name": "salaries"})
    add = {"collection": "handbook", "title": "Leave", "text": "Everybody has 30 days of leave."}
    await bench.settle(bench.start(chain({"id": "add", "kind": "ingest", "config": add})), "run_completed", seconds=60)
    tools = [{"name": "knowledge_search", "config": {"collection": "handbook"}}]
    run = bench.start(agent(use("knowledge_search", query="days of leave", collection="salaries"), "30.", tools=tools))
    await bench.settle(run, "run_completed")
    (found,) = called(bench, run)
    assert [(one["number"], one["source"], one["text"]) for one in found["passages"]] == [
        (1, "Leave", "Everybody has 30 days of leave."),
    ]  # fmt: skip


async def test_an_unknown_collection_is_told_to_the_model(bench: Bench):
    await asyncio.to_thread(collections.create, Workspace(bench.db, W), bench.settings, {"name": "handbook"})
    run = bench.start(
        agent(use("knowledge_search", query="leave", collection="x"), "No.", tools=[{"name": "knowledge_search"}])
    )
    assert (await bench.settle(run, "run_completed")).payload["outputs"]["t"] == "No."
    assert called(bench, run) == ["unknown_collection"]
    assert "'handbook'" in bench.last(run, "tool_called").payload["error"]["message"]


async def test_steps_remember_and_recall(bench: Bench):
    steps = [
        {
            "id": "keep",
            "kind": "remember",
            "config": {"text": "{{ input.who }} drinks tea.", "subject": "c/{{ input.who }}"},
        },
        {"id": "know", "kind": "recall", "config": {"query": "drinks", "subject": "c", "kind": "fact"}},
        {"id": "none", "kind": "recall", "config": {"query": "drinks", "kind": "pattern"}},
    ]
    out = {"kept": "{{ keep }}", "text": "{{ know.text }}", "items": "{{ know.items }}", "none": "{{ none.text }}"}
    inputs = {"type": "object", "properties": {"who": {"type": "string"}}}
    run = bench.start(chain(*steps, inputs=inputs, outputs=out), {"who": "Anna"})
    got = (await bench.settle(run, "run_completed")).payload["outputs"]
    assert got["text"] == "- Anna drinks tea." and got["none"] == ""
    assert got["kept"]["id"] == got["items"][0]["id"]
    assert got["items"][0]["subject"] == "c/Anna"


async def test_a_step_with_nothing_to_remember_fails_with_a_code(bench: Bench):
    run = bench.start(chain({"id": "keep", "kind": "remember", "config": {"text": "{{ '' }}"}}))
    assert (await bench.settle(run, "run_failed")).payload["error"]["code"] == "memory_empty"
