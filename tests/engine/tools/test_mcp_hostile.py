"""MCP servers that hang, babble, offer too much or lead elsewhere: one typed error each, and nothing is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from engine import tools
from engine.errors import NodeError
from tests.world.server import Handler, World

CONTEXT = tools.ToolContext("run", "workspace", "key", lambda reference: "never")
MCP = tools.registry()["mcp"]
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}
HELLO = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "x", "version": "1"}}


class Hostile(World):
    """Speaks the protocol, but for the one method of which it is said what it does instead."""

    def __init__(self, method: str = "", does: Any = None, names: tuple[str, ...] = ("add",)) -> None:
        super().__init__()
        self.method, self.does, self.names = method, does, names
        self.called: list[str] = []

    def answer(self, call: Handler) -> None:
        if call.command != "POST":
            return call.reply(405, {})
        asked = call.json()
        self.called.append(asked["method"])
        if asked["method"] == self.method:
            return self.does(self, call, asked)
        if "id" not in asked:
            return call.reply(202, b"")
        return reply(call, asked, self._result(asked["method"]))

    def _result(self, method: str) -> Any:
        match method:
            case "initialize":
                return HELLO
            case "tools/list":
                return {"tools": [tool(name) for name in self.names]}
            case _:
                return {"content": [{"type": "text", "text": "5"}]}


def tool(name: str, schema: Any = SCHEMA) -> dict[str, Any]:
    return {"name": name, "description": "x" * 10_000, "inputSchema": schema}


def reply(call: Handler, asked: Any, result: Any) -> None:
    call.reply(200, {"jsonrpc": "2.0", "id": asked["id"], "result": result})


def hangs(world: World, call: Handler, asked: Any) -> None:
    world.wait(3600)


def drips(world: World, call: Handler, asked: Any) -> None:
    """A stream that says something for ever and never answers."""
    call.begin_stream()
    while not world.closing.wait(0.05):
        call.chunk(b": still there\n\n")


def garbage(world: World, call: Handler, asked: Any) -> None:
    call.reply(200, b"{]")


def nonsense(world: World, call: Handler, asked: Any) -> None:
    reply(call, asked, ["no", "object"])


def page_of_pages(world: World, call: Handler, asked: Any) -> None:
    reply(call, asked, {"tools": [tool(f"t{n}") for n in range(100)], "nextCursor": "again"})


def floods(world: World, call: Handler, asked: Any) -> None:
    call.begin_stream("application/json")
    while not world.closing.is_set():
        call.chunk(b" " * 1_000_000)


def leads_away(world: World, call: Handler, asked: Any) -> None:
    call.reply(307, b"", {"Location": "http://169.254.169.254/mcp"})


def hangs_up(world: World, call: Handler, asked: Any) -> None:
    call.hang_up(reset=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("engine.tools.mcp.ANSWER_S", 1)
    monkeypatch.setenv("NEXOD_EGRESS_ALLOW", "127.0.0.1")
    yield


async def ask(world: World, names: tuple[str, ...] = ("add",), *, call: bool = False) -> Any:
    config = tools.configured("mcp", {"url": f"{world.origin}/mcp", "tools": list(names)})
    if call:
        return await MCP.call({"tool": names[0], "arguments": {"n": 5}}, config, CONTEXT)
    return await MCP.offers(config, CONTEXT)


def sent_of(method: str, error: NodeError) -> bool:
    """Before the greeting nothing can have been done."""
    return error.sent == (method != "initialize")


@pytest.mark.parametrize("method", ["initialize", "tools/list", "tools/call"])
@pytest.mark.parametrize("does", [hangs, drips, garbage, nonsense, floods, leads_away, hangs_up])
async def test_each_is_a_typed_error_and_leaves_no_task_behind(method: str, does: Any):
    with Hostile(method, does) as world, pytest.raises(NodeError) as raised:
        await ask(world, call=method == "tools/call")
    assert raised.value.code in ("mcp_unreachable", "mcp_error", "too_large", "egress_refused", "timeout")
    assert sent_of(method, raised.value)
    assert len(asyncio.all_tasks()) == 1


async def test_a_list_without_end_is_left_at_some_point():
    with Hostile("tools/list", page_of_pages) as world:
        offers = await ask(world, ("t7",))
        assert world.called.count("tools/list") <= 21
    assert [offer.name for offer in offers] == ["t7"]
    assert len(offers[0].description) <= 4000


async def test_a_schema_that_reaches_out_is_refused():
    def lists(world: World, call: Handler, asked: Any) -> None:
        reply(call, asked, {"tools": [tool("add", {"$ref": "http://169.254.169.254/schema"})]})

    with Hostile("tools/list", lists) as world, pytest.raises(NodeError) as raised:
        await ask(world)
    assert raised.value.code == "bad_schema"


async def test_names_that_become_one_are_still_two_tools():
    with Hostile(names=("files.read", "files_read")) as world:
        offers = await ask(world, ("files.read", "files_read"))
        assert len({offer.name for offer in offers}) == 2
        for offer in offers:
            config = tools.configured("mcp", {"url": f"{world.origin}/mcp", "tools": ["files.read", "files_read"]})
            assert await MCP.call(MCP.arguments(offer.name, {"n": 1}), config, CONTEXT) == {"text": "5"}
