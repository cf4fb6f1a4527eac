"""mcp: the tools of a server that speaks the Model Context Protocol, over HTTP.

A server as a command on this machine is off, unless the operator lists the exact command in NEXOD_MCP_STDIO (several
are separated by `;`). Nothing is opened before a run calls.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated, Any, Literal, cast

from pydantic import Field, field_validator, model_validator

from engine import schema
from engine.advice import advice
from engine.credentials import Auth, Pairs
from engine.errors import NodeError
from engine.node import Effect, NodeConfig
from engine.tools import Offer, ToolContext, tool
from engine.values import is_object

STDIO = "NEXOD_MCP_STDIO"
MAX_BYTES = 2_000_000
ANSWER_S = 45.0
PAGES = 20
NAME = re.compile(r"[^A-Za-z0-9_-]")


class Config(NodeConfig):
    url: str = Field(
        "",
        title="Address",
        description="Of the server: https://…/mcp",
        max_length=2000,
        json_schema_extra={"widget": "text"},
    )
    command: str = Field(
        "",
        title="Command",
        description="Instead of an address, where the operator allows this very command.",
        max_length=2000,
        json_schema_extra={"widget": "text"},
    )
    tools: list[Annotated[str, Field(min_length=1, max_length=128)]] = Field(
        title="Tools", description="The names of those that may be used.", min_length=1, max_length=100
    )
    headers: Pairs = Field(
        default_factory=dict,
        title="Headers",
        description='Sent along. A secret is written as {"$secret": "NAME"}.',
        json_schema_extra={"widget": "pairs"},
    )
    auth: Auth | None = Field(None, title="Authentication", json_schema_extra={"widget": "auth"})
    effect: Literal["unsafe", "pure"] = Field(
        "unsafe",
        title="Repeating",
        description="pure: these tools only read, so that a call may be made again without asking.",
        json_schema_extra={"widget": "select"},
    )

    @field_validator("command")
    @classmethod
    def allowed(cls, command: str) -> str:
        if command and command not in commands():
            cure = f"Use a server over HTTP, or have the operator list the exact command in {STDIO}."
            raise advice("bad_value", "commands are not allowed here.", cure)
        return command

    @model_validator(mode="after")
    def one_server(self) -> Config:
        if bool(self.url) == bool(self.command):
            raise advice("missing_field", "it needs the address of one server.", "Fill in url.", "url")
        return self


def commands() -> list[str]:
    """What the operator lets workflows start."""
    return [entry.strip() for entry in os.environ.get(STDIO, "").split(";") if entry.strip()]


def effect(config: Config, args: Mapping[str, Any] | None) -> Effect:
    return Effect(config.effect)


async def offers(config: Config, ctx: ToolContext) -> list[Offer]:
    """What the server has of the allowed tools, under names that models can write."""
    async with connected(config, ctx) as session:
        listed = await session.list_tools()
        found = {one.name: one for one in listed.tools}
        for _ in range(PAGES):
            if not listed.nextCursor:
                break
            listed = await session.list_tools(listed.nextCursor)
            found |= {one.name: one for one in listed.tools}
    made: list[Offer] = []
    for sent, name in names(config).items():
        if name not in found:
            raise NodeError(f"The server has no tool {name!r}.", code="unknown_tool", hint=f"It has {_few(found)}.")
        if wrong := schema.check(found[name].inputSchema):
            raise NodeError(f"The schema of {name!r} cannot be used: {wrong[0]}", code="bad_schema")
        made.append(Offer(sent, (found[name].description or name)[:4000], found[name].inputSchema))
    return made


@tool(title="MCP server", icon="tool", effect=effect, config=Config, open=offers)
async def mcp(
    tool: Annotated[str, Field(min_length=1)],
    config: Config,
    ctx: ToolContext,
    arguments: dict[str, Any] | None = None,
) -> Any:
    """Calls a tool of an MCP server. An agent sees each tool that is allowed here under its own name.

    tool: the name of the tool, one of those that are allowed.
    arguments: what it is given.
    """
    name = tool if tool in config.tools else names(config).get(tool)
    if name is None:
        allowed = ", ".join(config.tools)
        raise NodeError(f"{tool!r} is not allowed; {allowed} are.", code="bad_arguments", field="tool")
    async with connected(config, ctx) as session:
        return _value(await session.call_tool(name, arguments or {}), name)


def names(config: Config) -> dict[str, str]:
    """The tools by names as model providers take them; one that can be taken as it is stays so."""
    made: dict[str, str] = {}
    for name in sorted(dict.fromkeys(config.tools), key=lambda name: sendable(name) != name):
        sent, n = sendable(name), 2
        while sent in made:
            sent, n = f"{sendable(name)[:60]}_{n}", n + 1
        made[sent] = name
    order = list(config.tools)
    return dict(sorted(made.items(), key=lambda pair: order.index(pair[1])))


def sendable(name: str) -> str:
    return NAME.sub("_", name)[:64]


@asynccontextmanager
async def connected(config: Config, ctx: ToolContext) -> AsyncGenerator[Any]:
    """A session with the server, greeted. Raises NodeError for what goes wrong on the way."""
    from mcp import ClientSession, McpError  # only workers speak to servers

    greeted = False
    try:
        reply = timedelta(seconds=ANSWER_S)
        async with _streams(config, ctx) as (read, write), ClientSession(read, write, reply) as session:
            await session.initialize()
            greeted = True
            yield session
    except (McpError, OSError) as error:
        raise _fault(error, sent=greeted) from None
    except BaseExceptionGroup as group:
        leaves = _leaves(group)
        signal = next((e for e in leaves if isinstance(e, NodeError) or not isinstance(e, Exception)), None)
        raise (signal or _fault(leaves[0], sent=greeted)) from None


@asynccontextmanager
async def _streams(config: Config, ctx: ToolContext) -> AsyncGenerator[tuple[Any, Any]]:
    if config.command:
        from mcp.client.stdio import StdioServerParameters, stdio_client

        if config.command not in commands():
            raise NodeError("This command is not allowed here.", code="command_refused", hint=f"See {STDIO}.")
        program, *args = shlex.split(config.command)
        async with stdio_client(StdioServerParameters(command=program, args=args)) as streams:
            yield streams
    else:
        from mcp.client.streamable_http import streamable_http_client

        from engine import egress, requests

        auth = config.auth.model_dump(by_alias=True) if config.auth else None
        asked = {"url": config.url, "headers": config.headers, "auth": auth}
        outgoing = requests.prepare("POST", asked, ctx, keyed=False)
        async with egress.client("node", max_bytes=MAX_BYTES) as client:
            client.headers.update(outgoing.headers)
            async with streamable_http_client(str(outgoing.url), http_client=client) as (read, write, _):
                yield read, write


def _value(answer: Any, name: str) -> Any:
    """Its structured content, else its text."""
    text = "\n".join(part.text if part.type == "text" else f"[{part.type}]" for part in answer.content)
    if answer.isError:
        raise NodeError(f"{name}: {text[:2000] or 'failed'}", code="mcp_error")
    if is_object(answer.structuredContent):
        return answer.structuredContent
    return {"text": text}


def _fault(error: BaseException, *, sent: bool) -> NodeError:
    """`sent`: the server was greeted, so that the call itself may have arrived."""
    if type(error).__name__ == "McpError":
        return NodeError(f"The server says: {str(error)[:500]}", code="mcp_error", sent=sent)
    status = getattr(getattr(error, "response", None), "status_code", None)
    said = f"answered {status}" if status else f"cannot be reached: {type(error).__name__}"
    return NodeError(f"The MCP server {said}.", code="mcp_unreachable", retryable=True, sent=sent)


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """What really happened inside the groups of a session that broke."""
    found: list[BaseException] = []
    for one in group.exceptions:
        found += (
            _leaves(cast("BaseExceptionGroup[BaseException]", one)) if isinstance(one, BaseExceptionGroup) else [one]
        )
    return found


def _few(names: Mapping[str, Any]) -> str:
    return ", ".join(sorted(names)[:10]) or "none"
