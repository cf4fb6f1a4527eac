"""What a file or a model gets wrong about agents and crews, on either engine: told with its place, or to the model."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from engine.backends import TARGETS
from engine.errors import Invalid
from engine.events import NewEvent
from engine.services import workflows
from engine.store.models import DEFAULT_WORKSPACE
from engine.store.session import Workspace
from engine.tools import registry, tool
from tests.engine.flows import made, workflow
from tests.engine.harness import Bench, chain
from tests.world.models import ModelServer

CALLS: list[str] = []


@tool(title="Wild", icon="tool", cap=1000)
async def wild(does: str) -> str:
    """Does what it must not.

    does: what.
    """
    CALLS.append(does)
    if does == "raise":
        raise RuntimeError("secret internals")
    if does == "hang":
        await asyncio.sleep(60)
    return "x" * 5000 if does == "flood" else "fine"


@pytest.fixture(params=TARGETS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    CALLS.clear()
    return Bench(tmp_path, lease_s=60, target=request.param)


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with ModelServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        yield server


# In a file -----------------------------------------------------------------------------------------------------------

AGENT = {"role": "Clerk", "goal": "Done", "task": "Do it.", "tools": [{"name": "wild"}]}
CREW = {
    "members": [
        {"id": "m", "role": "Clerk", "goal": "Done", "tools": [{"name": "wild"}]},
        {"id": "n", "role": "Writer", "goal": "Done"},
    ],
    "tasks": [
        {"id": "one", "description": "One", "member": "m"},
        {"id": "two", "description": "Two", "member": "n", "context": ["one"]},
    ],
}
KINDS = {"agent": AGENT, "crew": CREW}


def changed(kind: str, path: str, value: Any) -> dict[str, Any]:
    """The sound config with one thing wrong."""
    config = copy.deepcopy(KINDS[kind])
    *steps, last = (int(part) if part.isdigit() else part for part in path.split("."))
    place: Any = config
    for part in steps:
        place = place[part]
    place[last] = value
    return config


@pytest.mark.parametrize(
    ("kind", "path", "value", "field"),
    [
        ("agent", "tools", [{"name": "rocket"}], "tools.0.name"),
        ("crew", "members.1.tools", [{"name": "rocket"}], "members.1.tools.0.name"),
        ("agent", "tools", [{"name": "wild"}, {"name": "now"}, {"name": "wild"}], "tools"),
        ("crew", "members.0.tools", [{"name": "wild"}, {"name": "wild"}], "members.0.tools"),
        ("crew", "tasks.1.member", "nobody", "tasks.1.member"),
        ("crew", "tasks.1.member", "", "tasks.1.member"),
        ("crew", "tasks.1.member", "m", "members.1"),
        ("crew", "tasks", [], "tasks"),
        ("crew", "tasks.1.context", ["two"], "tasks.1.context"),
        ("crew", "tasks.0.context", ["two"], "tasks.0.context"),
        ("crew", "tasks.1.context", ["three"], "tasks.1.context"),
        ("crew", "tasks.1.id", "one", "tasks"),
        ("crew", "process", "hierarchical", "manager"),
        # a Python reference
        ("agent", "ref", "os:system", "ref"),
        ("agent", "tools", [{"name": "os:system"}], "tools.0.name"),
        ("agent", "tools", [{"name": "wild", "ref": "os:system"}], "tools.0.ref"),
        ("agent", "tools", [{"name": "wild", "config": {"ref": "os:system"}}], "tools.0.config.ref"),
        ("agent", "provider", "evil.module:Model", "provider"),
        ("crew", "members.0.llm", {"class": "evil:Model"}, "members.0.llm"),
        ("crew", "tasks.0.guardrail", "os:system", "tasks.0.guardrail"),
        ("crew", "tasks.0.callback", "os:system", "tasks.0.callback"),
        ("crew", "step_callback", "os:system", "step_callback"),
        # a command
        (
            "agent",
            "tools",
            [{"name": "mcp", "config": {"command": "sh -c x", "tools": ["x"]}}],
            "tools.0.config.command",
        ),
        (
            "crew",
            "members.0.tools",
            [{"name": "mcp", "config": {"command": "sh -c x", "tools": ["x"]}}],
            "members.0.tools.0.config.command",
        ),
        ("agent", "tools", [{"name": "mcp", "config": {"command": "sh -c x"}}], "tools.0.config.command"),
        ("agent", "tools", [{"name": "api_call", "config": {"base_url": "https://x"}}], "tools.0.config.base_url"),
        ("agent", "command", "sh -c x", "command"),
        # a model's address
        ("agent", "base_url", "https://evil.example/v1", "base_url"),
        ("agent", "provider", "https://evil.example/v1", "provider"),
        ("crew", "members.0.base_url", "https://evil.example/v1", "members.0.base_url"),
        ("crew", "manager", {"provider": "openai", "base_url": "https://evil.example/v1"}, "manager.base_url"),
        ("agent", "output_schema", {"$ref": "https://evil.example/schema"}, "output_schema"),
        ("crew", "tasks.0.output_schema", {"$ref": "file:///etc/passwd"}, "tasks.0.output_schema"),
    ],
)
def test_a_mistake_in_a_file_is_refused_with_its_field(
    bench: Bench, kind: str, path: str, value: Any, field: str
) -> None:
    ws = Workspace(bench.db, DEFAULT_WORKSPACE)
    with pytest.raises(Invalid) as refused:
        workflows.create(ws, workflow(made("it", kind, **changed(kind, path, value)), target=bench.target))
    (problem,) = refused.value.details
    assert (problem["severity"], problem["node_id"], problem["field"]) == ("error", "it", f"config.{field}")
    assert problem["message"]
    assert problem["hint"]
    assert workflows.list_(ws)["items"] == []


@pytest.mark.parametrize("more", [{"methods": {}}, {"ref": "os:system"}, {"llm": "evil"}, {"state": {}}])
def test_nothing_of_an_engine_can_be_said_in_a_file(bench: Bench, more: dict[str, Any]) -> None:
    (name,) = more
    with pytest.raises(Invalid) as refused:
        workflows.create(
            Workspace(bench.db, DEFAULT_WORKSPACE), workflow(made("a", "agent", **AGENT), target=bench.target, **more)
        )
    assert [(one["code"], one["field"]) for one in refused.value.details] == [("unknown_field", name)]


@pytest.mark.parametrize("kind", KINDS)
def test_what_these_mistakes_were_made_in_is_sound(bench: Bench, kind: str) -> None:
    raw = workflow(made("it", kind, **KINDS[kind]), target=bench.target)
    assert workflows.create(Workspace(bench.db, DEFAULT_WORKSPACE), raw)["problems"] == []


@pytest.mark.parametrize("kind", KINDS)
async def test_a_tool_that_is_gone_when_the_run_is_taken_up_is_for_a_person(
    bench: Bench, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = changed(kind, "tools" if kind == "agent" else "members.0.tools", [{"name": "wild"}])
    run = bench.start(workflow(made("it", kind, **config), target=bench.target))
    with monkeypatch.context() as without:
        without.delitem(cast("dict[str, Any]", registry()), "wild")
        assert (await bench.settle(run)).payload == {"reason": "incompatible"}
    bench.say(run, NewEvent("review_resolved", {"action": "repeat", "by": "me"}))
    assert (await bench.settle(run)).type == "run_completed"


# By a model ----------------------------------------------------------------------------------------------------------


def use(name: str, arguments: Any) -> dict[str, Any]:
    return {"tool_calls": [{"name": name, "arguments": arguments}]}


def flow(kind: str, **more: Any) -> dict[str, Any]:
    who = {"provider": "openai", "model": "world"}
    config = copy.deepcopy(KINDS[kind]) | more
    for one in config.get("members", [config]):
        one |= who
    return chain({"id": "it", "kind": kind, "config": config}, outputs={"t": "{{ it.text }}"})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("call", "told", "called"),
    [
        (use("rocket", {}), "no tool 'rocket'", []),
        (use("wild", {}), '"does" is a required', []),
        (use("wild", {"does": 7}), "do not fit: does", []),
        (use("wild", {"does": "fine", "also": 1}), "do not fit", []),
        (use("wild", "[1]"), "no JSON object", []),
        (use("wild", {"does": "raise"}), "Wild broke: RuntimeError.", ["raise"]),
        (use("wild", {"does": "flood"}), "5,002 bytes; at most 1,000", ["flood"]),
    ],
)
async def test_what_is_wrong_with_a_call_is_told_to_the_model_and_it_goes_on(
    bench: Bench, models: ModelServer, kind: str, call: dict[str, Any], told: str, called: list[str]
) -> None:
    models.script({"when": {"tool": "wild", "results": 0}, "then": call}, {"when": {}, "then": {"text": "I see."}})
    end = await bench.settle(bench.start(flow(kind)))
    assert end.payload.get("outputs") == {"t": "I see."}, end.payload
    (answer,) = [m["content"] for m in models.requests[1]["body"]["messages"] if m["role"] == "tool"]
    assert told in answer
    assert "secret internals" not in answer
    assert called == CALLS


@pytest.mark.parametrize("kind", KINDS)
async def test_an_endless_tool_loop_gets_a_last_turn_without_tools(
    bench: Bench, models: ModelServer, kind: str
) -> None:
    models.script(
        {"when": {"tool": "wild"}, "then": use("wild", {"does": "fine"})},
        {"when": {}, "then": {"text": "As far as I got."}},
    )
    end = await bench.settle(bench.start(flow(kind, max_turns=4)))
    assert end.payload.get("outputs") == {"t": "As far as I got."}, end.payload
    assert CALLS == ["fine"] * 3
    last = models.requests[3]["body"]
    assert "tools" not in last
    assert "last turn" in last["messages"][-1]["content"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_loop_that_minds_no_last_turn_is_a_typed_error(bench: Bench, models: ModelServer, kind: str) -> None:
    models.script({"when": {}, "then": use("wild", {"does": "fine"})})
    end = await bench.settle(bench.start(flow(kind, max_turns=4)))
    assert (end.payload["error"]["code"], end.payload["error"]["node_id"]) == ("too_many_turns", "it")
    assert len(models.requests) == 4
    assert CALLS == ["fine"] * 3  # what the last turn asks for, nobody would read
