"""Tools of MCP servers: what is offered, what is called, and what may not be."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from engine import tools
from engine.errors import NodeError
from engine.events import NewEvent
from engine.plan import problems
from tests.engine.flows import made, workflow
from tests.engine.harness import Bench
from tests.engine.nodes.played import play
from tests.world.mcp_server import McpServer
from tests.world.server import Handler, World, closed_port

CONTEXT = tools.ToolContext("run", "workspace", "key", lambda reference: f"value of {reference['$secret']}")
MCP = tools.registry()["mcp"]


@pytest.fixture(scope="module")
def server() -> Iterator[McpServer]:
    with McpServer() as world:
        yield world


@pytest.fixture(autouse=True)
def reachable(server: McpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXOD_EGRESS_ALLOW", f"127.0.0.1:{server.port}")
    server.calls.clear()


def config(server: McpServer, *names: str, **more: Any) -> Any:
    return tools.configured("mcp", {"url": server.url, "tools": list(names), **more})


async def failure(config: Any, tool: str = "add", **arguments: Any) -> NodeError:
    with pytest.raises(NodeError) as raised:
        await MCP.call({"tool": tool, "arguments": arguments}, config, CONTEXT)
    return raised.value


async def test_only_allowed_tools_are_offered_and_under_names_that_models_can_write(server: McpServer):
    offers = await MCP.offers(config(server, "add", "files.read"), CONTEXT)
    assert [offer.name for offer in offers] == ["add", "files_read"]
    assert offers[0].description == "Adds two numbers."
    assert tools.against(offers[0], {"a": 1, "b": 2}) == []
    assert tools.against(offers[0], {"a": "x", "b": 2})[0]["field"] == "a"


async def test_a_call_reaches_the_server_by_either_name(server: McpServer):
    settings = config(server, "add", "files.read")
    assert await MCP.call(MCP.arguments("add", {"a": 2, "b": 3}), settings, CONTEXT) == {"result": 5}
    assert await MCP.call(MCP.arguments("files_read", {"path": "x"}), settings, CONTEXT) == {"result": "contents of x"}
    assert server.calls == [{"add": [2, 3]}]


async def test_what_was_not_allowed_is_refused_here(server: McpServer):
    error = await failure(config(server, "add"), "hidden")
    assert (error.code, error.extra["field"]) == ("bad_arguments", "tool")


async def test_a_failing_tool_is_an_error_with_its_words(server: McpServer):
    error = await failure(config(server, "shout"), "shout", text="broken")
    assert error.code == "mcp_error"
    assert "no voice" in error.message
    assert not error.sent


async def test_a_tool_that_the_server_lacks_is_named(server: McpServer):
    with pytest.raises(NodeError, match="rocket") as raised:
        await MCP.offers(config(server, "rocket"), CONTEXT)
    assert raised.value.code == "unknown_tool"


async def test_a_secret_goes_to_its_hosts_only(server: McpServer, monkeypatch: pytest.MonkeyPatch):
    settings = config(server, "add", auth={"type": "bearer", "token": {"$secret": "MCP"}})
    assert (await failure(settings, a=1, b=1)).code == "secret_refused"
    monkeypatch.setenv("NEXOD_SECRET_MCP_HOSTS", f"127.0.0.1:{server.port}")
    assert await MCP.call({"tool": "add", "arguments": {"a": 1, "b": 1}}, settings, CONTEXT) == {"result": 2}
    assert server.headers["authorization"] == "Bearer value of MCP"


async def test_a_private_address_is_refused(server: McpServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NEXOD_EGRESS_ALLOW")
    error = await failure(config(server, "add"), a=1, b=1)
    assert (error.code, error.sent) == ("egress_refused", False)


async def test_nobody_there_is_told_and_may_be_tried_again(monkeypatch: pytest.MonkeyPatch):
    port = closed_port()
    monkeypatch.setenv("NEXOD_EGRESS_ALLOW", f"127.0.0.1:{port}")
    error = await failure(tools.configured("mcp", {"url": f"http://127.0.0.1:{port}/mcp", "tools": ["add"]}))
    assert (error.code, error.retryable, error.sent) == ("mcp_unreachable", True, False)


class NoServer(World):
    def answer(self, call: Handler) -> None:
        call.reply(int(call.path[1:]), {"hello": "there"})


@pytest.mark.parametrize("status", [200, 401, 500])
async def test_something_that_is_no_mcp_server_is_told(status: int, monkeypatch: pytest.MonkeyPatch):
    with NoServer() as world:
        monkeypatch.setenv("NEXOD_EGRESS_ALLOW", f"127.0.0.1:{world.port}")
        monkeypatch.setattr("engine.tools.mcp.ANSWER_S", 2)
        error = await failure(tools.configured("mcp", {"url": f"{world.origin}/{status}", "tools": ["add"]}))
    assert error.code in ("mcp_unreachable", "mcp_error")
    assert not error.sent


def test_a_command_in_a_file_is_refused_when_it_is_saved(monkeypatch: pytest.MonkeyPatch):
    raw = workflow(made("it", "tool", tool="mcp", args={"tool": "x"}, config={"command": "rm -rf .", "tools": ["x"]}))
    (problem,) = problems(raw)
    assert (problem.code, problem.field) == ("bad_value", "config.config.command")
    monkeypatch.setenv("NEXOD_MCP_STDIO", "rm; ls -l")
    assert [p.field for p in problems(raw)] == ["config.config.command"]
    monkeypatch.setenv("NEXOD_MCP_STDIO", "ls; rm -rf .")
    assert problems(raw) == []


STDIO = """\
from mcp.server.fastmcp import FastMCP
server = FastMCP("x")
@server.tool()
def twice(n: int) -> int:
    return 2 * n
server.run()
"""


async def test_a_command_that_the_operator_lists_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "server.py").write_text(STDIO)
    command = f"{sys.executable} {tmp_path / 'server.py'}"
    monkeypatch.setenv("NEXOD_MCP_STDIO", command)
    settings = tools.configured("mcp", {"command": command, "tools": ["twice"]})
    assert await MCP.call({"tool": "twice", "arguments": {"n": 4}}, settings, CONTEXT) == {"result": 8}
    monkeypatch.delenv("NEXOD_MCP_STDIO")
    assert (await failure(settings, "twice", n=4)).code == "command_refused"


def test_one_server_and_some_tools_are_needed():
    for wrong in ({"tools": ["x"]}, {"url": "https://a.example/mcp"}, {"url": "https://a.example/mcp", "tools": []}):
        with pytest.raises(ValidationError):
            MCP.Config.model_validate(wrong)


def test_a_step_calls_it(server: McpServer):
    settings = {"url": server.url, "tools": ["add"], "effect": "pure"}
    step = {"tool": "mcp", "args": {"tool": "add", "arguments": {"a": "{{ input.n }}", "b": 1}}, "config": settings}
    assert play("tool", step, {"n": 4}).output == {"result": 5}


def agent(*answers: str, tools: list[dict[str, Any]]) -> dict[str, Any]:
    task = f"Do it. x-demo: {json.dumps(answers)}"
    config = {"role": "Clerk", "goal": "Done", "task": task, "provider": "demo", "tools": tools}
    return {"nodes": [{"id": "a", "kind": "agent", "config": config}], "outputs": {"t": "{{ a.text }}"}}


def use(name: str, **arguments: Any) -> str:
    return json.dumps({"tool_calls": [{"name": name, "arguments": arguments}]})


async def test_an_agent_sees_each_tool_by_its_name_and_what_is_offered_is_recorded(server: McpServer, tmp_path: Path):
    bench = Bench(tmp_path)
    settings = {"url": server.url, "tools": ["add", "files.read"], "effect": "pure"}
    tool = {"name": "mcp", "config": settings, "approve": True}
    run = bench.start(agent(use("add", a=2, b=3), "It is done.", tools=[tool]))
    assert (await bench.settle(run)).type == "run_waiting"
    asked = bench.last(run, "approval_requested")
    assert asked.payload["content"] == {"tool": "add", "arguments": {"a": 2, "b": 3}}
    answer = {"approval_id": asked.payload["approval_id"], "decision": "approved", "data": {"a": 2, "b": 40}}
    bench.say(run, NewEvent("approval_decided", answer, "a", asked.key))
    assert (await bench.settle(run, "run_completed")).payload["outputs"] == {"t": "It is done."}
    assert server.calls == [{"add": [2, 40]}]
    offered, called = [e.payload for e in bench.events(run) if e.type == "tool_called"]
    assert [one["name"] for one in offered["result"]] == ["add", "files_read"]
    assert called["result"] == {"result": 42}


async def test_two_tools_of_one_name_are_an_error_of_the_step(server: McpServer, tmp_path: Path):
    bench = Bench(tmp_path)
    tool = {"name": "mcp", "config": {"url": server.url, "tools": ["add"]}}
    run = bench.start(agent("Never said.", tools=[tool, tool]))
    error = (await bench.settle(run)).payload["error"]
    assert (error["code"], "add" in error["message"]) == ("bad_value", True)
