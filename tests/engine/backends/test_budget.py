"""A budget that is used up stops a run in the inbox: before the next call of a model, whoever makes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.backends import TARGETS
from engine.events import Event, NewEvent
from engine.fold import fold
from engine.services.history import copied
from engine.store import settings
from engine.store.models import DEFAULT_WORKSPACE
from tests.engine.harness import Bench, chain
from tests.world.models import ModelServer

USED = {"input_tokens": 60, "output_tokens": 40}
WHO = {"provider": "openai", "model": "world"}
USE = {"tool_calls": [{"name": "calculate", "arguments": {"expression": "1 + 1"}}], "usage": USED}
SAYS = {"text": "Done.", "usage": USED}


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with ModelServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        server.script(
            {"when": {"tool": "calculate", "results": 0}, "then": USE}, {"when": {}, "then": SAYS}
        )  # fmt: skip
        yield server


@pytest.fixture(params=TARGETS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    return Bench(tmp_path, lease_s=60, target=request.param)


def limit(bench: Bench, **budget: Any) -> None:
    with bench.db.begin() as conn:
        settings.write(conn, DEFAULT_WORKSPACE, "budget", budget)
        settings.write(conn, DEFAULT_WORKSPACE, "prices", {"world": [10_000, 10_000]})  # a cent for each token


def llm(id_: str) -> dict[str, Any]:
    return {"id": id_, "kind": "llm", "config": {"prompt": f"I am {id_}", **WHO}}


AGENT = {"role": "Clerk", "goal": "Done", "task": "Work it out.", "tools": [{"name": "calculate"}], **WHO}
CREW = {
    "members": [{"id": "m", "role": "Clerk", "goal": "Done", **WHO}],
    "tasks": [{"id": "one", "description": "One", "member": "m"}, {"id": "two", "description": "Two", "member": "m"}],
}
FLOWS = {
    "llm": chain(llm("a"), llm("b"), outputs={"t": "{{ b.text }}"}),
    "agent": chain({"id": "b", "kind": "agent", "config": AGENT}, outputs={"t": "{{ b.text }}"}),
    "crew": chain({"id": "b", "kind": "crew", "config": CREW}, outputs={"t": "{{ b.text }}"}),
}
"""Each asks its model twice, the second time in `b`."""


def reply(bench: Bench, run: str, decision: str, **data: Any) -> Event:
    asked = bench.last(run, "approval_requested")
    payload = {"approval_id": asked.payload["approval_id"], "decision": decision, "data": data}
    bench.say(run, NewEvent("approval_decided", payload, asked.node_id, asked.key))
    return asked


@pytest.mark.parametrize("kind", FLOWS)
async def test_a_used_up_budget_asks_before_the_next_call_and_goes_on_with_more(
    bench: Bench, models: ModelServer, kind: str
) -> None:
    limit(bench, tokens=50)
    run = bench.start(FLOWS[kind])
    assert (await bench.settle(run)).type == "run_waiting"
    assert len(models.requests) == 1
    asked = reply(bench, run, "approved", more_tokens=1)
    assert asked.node_id == "b"
    assert (asked.payload["type"], asked.payload["content"]) == ("budget", {"spent_tokens": 100, "limit_tokens": 50})
    assert asked.payload["data"] == {"more_tokens": 50}
    assert asked.payload["schema"]["required"] == ["more_tokens"]
    assert (await bench.settle(run, "run_completed")).payload["outputs"] == {"t": "Done."}
    assert len(models.requests) == 2


@pytest.mark.parametrize("kind", FLOWS)
async def test_a_refusal_fails_the_run_and_a_retry_asks_anew(bench: Bench, models: ModelServer, kind: str) -> None:
    limit(bench, cost_usd=0.5)
    run = bench.start(FLOWS[kind])
    await bench.settle(run)
    asked = reply(bench, run, "rejected")
    assert asked.payload["content"] == {"spent_usd": 1.0, "limit_usd": 0.5}
    error = (await bench.settle(run, "run_failed")).payload["error"]
    assert (error["code"], error["node_id"]) == ("budget_exceeded", "b")
    assert "$0.50" in error["message"]
    assert len(models.requests) == 1
    assert not [event for event in copied(bench.events(run)) if event.type.startswith("approval")]


async def test_what_was_allowed_is_counted_from_what_was_spent(bench: Bench, models: ModelServer) -> None:
    limit(bench, tokens=50)
    run = bench.start(chain(*(llm(id_) for id_ in "abcd")))
    for spent, more in ((100, 100), (200, 101)):
        await bench.settle(run)
        asked = reply(bench, run, "approved", more_tokens=more)
        assert asked.payload["content"]["spent_tokens"] == spent
    assert (await bench.settle(run)).type == "run_completed"
    assert len(models.requests) == 4


async def test_steps_side_by_side_ask_once(bench: Bench, models: ModelServer) -> None:
    limit(bench, tokens=50)
    nodes = [llm(id_) for id_ in "abc"]
    edges = [{"source": "a", "port": "out", "target": id_} for id_ in "bc"]
    run = bench.start({"nodes": nodes, "edges": edges})
    assert (await bench.settle(run)).type == "run_waiting"
    assert bench.types(run).count("approval_requested") == 1
    assert [fold(bench.events(run)).nodes[id_].status for id_ in "bc"] == ["waiting", "waiting"]
    reply(bench, run, "approved", more_tokens=1)
    assert (await bench.settle(run)).type == "run_completed"
    assert len(models.requests) == 3


async def test_a_step_of_a_map_asks_for_the_run(bench: Bench, models: ModelServer) -> None:
    limit(bench, tokens=50)
    flow = {"nodes": [llm("a")], "edges": [], "outputs": {"t": "{{ a.text }}"}}
    config = {"flow": flow, "over": "[1, 2, 3]", "concurrency": 1}
    run = bench.start(chain({"id": "m", "kind": "subflow", "config": config}))
    assert (await bench.settle(run)).type == "run_waiting"
    assert reply(bench, run, "approved", more_tokens=1000).node_id == "m[1]/a"
    assert (await bench.settle(run)).type == "run_completed"
    assert (bench.types(run).count("approval_requested"), len(models.requests)) == (1, 3)


@pytest.mark.parametrize("kind", ["agent", "crew"])
async def test_a_step_asks_for_its_own_budget_in_the_same_words(bench: Bench, models: ModelServer, kind: str) -> None:
    limit(bench)
    config = {**FLOWS[kind]["nodes"][0]["config"], "max_cost_usd": 0.25}
    run = bench.start(chain({"id": "b", "kind": kind, "config": config}))
    assert (await bench.settle(run)).type == "run_waiting"
    asked = reply(bench, run, "approved", more_usd=0.5)
    assert asked.payload["question"] == "The budget of the step, $0.25, is used up. How much more may it spend?"
    assert asked.payload["content"] == {"spent_usd": 1.0, "limit_usd": 0.25}
    assert (await bench.settle(run)).type == "run_completed"
    assert len(models.requests) == 2


async def test_without_a_budget_nobody_is_asked(bench: Bench, models: ModelServer) -> None:
    assert (await bench.settle(bench.start(FLOWS["llm"]))).type == "run_completed"
