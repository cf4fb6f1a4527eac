"""Claude, over Anthropic's Messages API: always streamed, through our own HTTP client."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from engine import egress
from engine.errors import NodeError
from engine.llm import faults, structured
from engine.llm.patience import Patience
from engine.llm.port import Calls, Emit, Message, Reply, Request, Text, ToolSpec, Usage
from engine.llm.prices import cost

if TYPE_CHECKING:
    import httpx

TITLE = "Anthropic"
HINT = "Set ANTHROPIC_API_KEY and restart."
MODEL = "claude-haiku-4-5"
HOME = "https://api.anthropic.com"
VERSION = "2023-06-01"
NOTHING: dict[str, Any] = {}
MAX_TOKENS = 8192
"""The API wants a limit; a step may set its own."""


def default_model() -> str:
    return os.environ.get("ANTHROPIC_MODEL") or MODEL


def base_url() -> str:
    return os.environ.get("ANTHROPIC_BASE_URL") or ""


async def turn(request: Request, emit: Emit) -> Reply:
    import httpx

    patience = Patience(TITLE)
    body, text = _body(request), Text(emit)
    async with egress.client("model", timeout=patience.httpx(), max_bytes=patience.max_bytes) as client:
        try:
            return await _answer(client, body, text, patience)
        except NodeError:
            raise
        except httpx.HTTPError as error:
            raise faults.bad_answer(TITLE, "the stream was cut before the answer was complete.") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise faults.bad_answer(TITLE, "the stream holds broken JSON.") from error


def _body(request: Request) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": request.model or default_model(),
        "max_tokens": request.max_tokens or MAX_TOKENS,
        "messages": _messages(request.messages),
        "stream": True,
    }
    system = request.system
    if request.output_schema is not None:
        system = f"{system}\n\n{structured.instruction(request.output_schema)}".strip()
    if system:
        body["system"] = system
    if request.temperature is not None:
        body["temperature"] = min(request.temperature, 1.0)
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    return body


def _tool(tool: ToolSpec) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}


def _messages(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    """Turns of a user and an assistant, in turns: the results of all calls of one turn make one message."""
    said: list[dict[str, Any]] = []
    for message in messages:
        role = "assistant" if message.role == "assistant" else "user"
        content = _content(message)
        if said and said[-1]["role"] == role:
            said[-1]["content"] = [*_blocks(said[-1]["content"]), *_blocks(content)]
        else:
            said.append({"role": role, "content": content})
    return said


def _content(message: Message) -> str | list[dict[str, Any]]:
    if message.role == "tool":
        return [{"type": "tool_result", "tool_use_id": message.tool_call_id, "content": message.text}]
    if not message.tool_calls:
        return message.text
    calls = [{"type": "tool_use", "id": c.id, "name": c.name, "input": c.sendable()} for c in message.tool_calls]
    return [*_blocks(message.text), *calls]


def _blocks(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not isinstance(content, str):
        return content
    return [{"type": "text", "text": content}] if content.strip() else []


async def _answer(client: httpx.AsyncClient, body: dict[str, Any], text: Text, patience: Patience) -> Reply:
    url = (base_url() or HOME).rstrip("/").removesuffix("/v1") + "/v1/messages"
    headers = {"x-api-key": os.environ.get("ANTHROPIC_API_KEY", ""), "anthropic-version": VERSION}
    asked = client.build_request("POST", url, json=body, headers=headers)
    response = await _opened(client, asked, patience)
    try:
        if response.status_code >= 400:
            raise await _refusal(response, patience)
        if "json" in response.headers.get("content-type", ""):
            message, _ = faults.said(json.loads(await patience.idle(response.aread())))
            raise faults.bad_answer(TITLE, f"it answered 200 with no stream: {message}")
        return await _streamed(response, body, text, patience)
    finally:
        await response.aclose()


async def _opened(client: httpx.AsyncClient, asked: httpx.Request, patience: Patience) -> httpx.Response:
    import httpx

    try:
        return await patience.first(client.send(asked, stream=True))
    except httpx.ConnectTimeout as error:
        raise faults.timed_out(TITLE, "a connection", patience.connect_s) from error
    except httpx.HTTPError as error:
        raise faults.unreachable(TITLE, error) from error


async def _refusal(response: httpx.Response, patience: Patience) -> NodeError:
    content = await patience.idle(response.aread())
    try:
        message, code = faults.said(json.loads(content))
    except ValueError:
        message, code = faults.said(content.decode(errors="replace"))
    return faults.from_status(response.status_code, message, response.headers, TITLE, code)


async def _streamed(response: httpx.Response, body: dict[str, Any], text: Text, patience: Patience) -> Reply:
    model, into, out = str(body["model"]), 0, 0
    finish, done, calls = "", False, Calls(text)
    async with aclosing(_events(response, patience)) as events:
        async for event in events:
            match event.get("type"):
                case "message_start":
                    model = event["message"].get("model") or model
                    into = _counted(event["message"].get("usage") or {})
                case "content_block_delta" if event["delta"].get("type") == "text_delta":
                    await text.add(event["delta"]["text"])
                case "content_block_start" if event["content_block"].get("type") == "tool_use":
                    calls.begin(event["index"], event["content_block"]["id"], event["content_block"]["name"])
                case "content_block_delta" if event["delta"].get("type") == "input_json_delta":
                    calls.add(event["index"], event["delta"]["partial_json"])
                case "message_delta":
                    finish = event["delta"].get("stop_reason") or finish
                    out = int((event.get("usage") or NOTHING).get("output_tokens") or out)
                case "message_stop":
                    done = True
                case "error":
                    raise _in_stream(event.get("error") or {})
                case _:
                    pass
    if finish == "refusal":
        raise faults.refused(TITLE, "the model declined to answer.")
    if not done:
        raise faults.bad_answer(TITLE, "the stream was cut before the answer was complete.")
    asked = tuple(calls)
    if not str(text).strip() and not asked:
        raise faults.bad_answer(TITLE, "the answer is empty.")
    return Reply(str(text), "anthropic", model, Usage(into, out, cost(model, into, out)), asked)


async def _events(response: httpx.Response, patience: Patience) -> AsyncGenerator[dict[str, Any]]:
    async with aclosing(patience.each(_data(response))) as lines:
        async for line in lines:
            yield json.loads(line)


async def _data(response: httpx.Response) -> AsyncGenerator[str]:
    """The data lines of the stream. Each event of this API has exactly one."""
    async for line in response.aiter_lines():
        if line.startswith("data:"):
            yield line[5:].strip()


def _counted(usage: dict[str, Any]) -> int:
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return sum(usage.get(name) or 0 for name in names)


def _in_stream(error: dict[str, Any]) -> NodeError:
    """An error that comes after a 200: overload and the like."""
    kind, message = error.get("type", ""), str(error.get("message", ""))
    if kind == "rate_limit_error":
        return faults.from_status(429, message, {}, TITLE)
    if kind in ("overloaded_error", "api_error"):
        return faults.from_status(529 if kind == "overloaded_error" else 500, message, {}, TITLE)
    return faults.bad_answer(TITLE, f"the stream ended with an error: {message or kind}")
