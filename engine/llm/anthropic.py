"""Claude, through the `anthropic` package: always streamed, its own retries off."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from engine.errors import NodeError
from engine.llm import faults, sdk, structured
from engine.llm.patience import Patience
from engine.llm.port import Calls, Emit, Message, Reply, Request, Text, ToolCall, ToolSpec, Usage
from engine.llm.presets import Preset

VERSION = "2023-06-01"
"""Of the API. It takes a temperature, which later ones refuse, and every gateway knows it."""
MAX_TOKENS = 8192
"""The API wants a limit; a step may set its own."""


async def turn(request: Request, emit: Emit, who: Preset) -> Reply:
    package = await sdk.load("anthropic", "anthropic.resources.messages", "engine.llm.bridge")
    from engine.llm import bridge

    patience = Patience(who.spoken)
    async with bridge.client(patience.max_bytes, patience.connect_s, patience.first_s) as http:
        client = package.AsyncAnthropic(
            api_key=who.api_key(),
            base_url=who.address().rstrip("/").removesuffix("/v1"),
            default_headers=_headers(who),
            max_retries=0,
            timeout=http.timeout,
            http_client=http,
            open_telemetry=False,
        )
        try:
            return await _answer(client, _body(request, who), who, Text(emit), patience)
        except NodeError:
            raise
        except Exception as error:
            if isinstance(error, package.APIStatusError) and getattr(error, "status_code", 0) < 400:
                raise _in_stream(error, patience) from error
            if typed := sdk.typed(package, error, patience):
                raise typed from error
            raise


def _headers(who: Preset) -> dict[str, str]:
    """A gateway of the operator's may know the key by its older header only."""
    version = {"anthropic-version": VERSION}
    return {**version, "X-Api-Key": who.api_key()} if who.base_url() else version


def _body(request: Request, who: Preset) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": request.model or who.default_model(),
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
        body["extra_body"] = {"temperature": min(request.temperature, 1.0)}
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    elif names := dict.fromkeys(call.name for m in request.messages for call in m.tool_calls):
        # A conversation with calls in it is refused without tools; these may not be called any more.
        body["tools"] = [{"name": name, "input_schema": {"type": "object"}} for name in names]
        body["tool_choice"] = {"type": "none"}
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
    if message.kept:
        return list(message.kept)
    if not message.tool_calls:
        return message.text
    calls = [{"type": "tool_use", "id": c.id, "name": c.name, "input": c.sendable()} for c in message.tool_calls]
    return [*_blocks(message.text), *calls]


def _blocks(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not isinstance(content, str):
        return content
    return [{"type": "text", "text": content}] if content.strip() else []


async def _answer(client: Any, body: dict[str, Any], who: Preset, text: Text, patience: Patience) -> Reply:
    stream = await patience.first(client.messages.create(**body), refuses=400)
    if isinstance(stream, Exception):
        if "extra_body" not in body or "temperature" not in str(stream).lower():
            raise stream
        # This model knows no temperature; the answer is wanted all the same.
        stream = await patience.first(client.messages.create(**{k: v for k, v in body.items() if k != "extra_body"}))
    try:
        if "json" in stream.response.headers.get("content-type", ""):
            message, _ = faults.said((await patience.idle(stream.response.aread())).decode(errors="replace"))
            raise faults.bad_answer(patience.name, f"it answered 200 with no stream: {message}")
        return await _streamed(stream, body, who, text, patience)
    finally:
        await stream.response.aclose()


async def _streamed(stream: Any, body: dict[str, Any], who: Preset, text: Text, patience: Patience) -> Reply:
    model, into, out = str(body["model"]), 0, 0
    finish, done, calls, thoughts = "", False, Calls(text), Thoughts(text)
    async with aclosing(_events(stream, patience)) as events:
        async for event in events:
            thoughts.take(event)
            match event.type:
                case "message_start":
                    model, into = event.message.model or model, _counted(event.message.usage)
                case "content_block_start" if event.content_block.type == "tool_use":
                    calls.begin(event.index, event.content_block.id, event.content_block.name)
                case "content_block_delta" if event.delta.type == "text_delta":
                    await text.add(event.delta.text)
                case "content_block_delta" if event.delta.type == "input_json_delta":
                    calls.add(event.index, event.delta.partial_json)
                case "message_delta":
                    finish = event.delta.stop_reason or finish
                    out = int((event.usage and event.usage.output_tokens) or out)
                case "message_stop":
                    done = True
                case _:
                    pass
    if finish == "refusal":
        raise faults.refused(patience.name, "the model declined to answer.")
    if not done:
        raise faults.bad_answer(patience.name, sdk.CUT)
    asked = tuple(calls)
    if not str(text).strip() and not asked:
        raise faults.bad_answer(patience.name, "the answer is empty.")
    return Reply(str(text), who.name, model, Usage(into, out), asked, thoughts.kept(asked))


class Thoughts:
    """The blocks of a turn in their order, for a turn that thinks and then calls: it must come back as it was."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self._blocks: dict[int, dict[str, Any]] = {}

    def take(self, event: Any) -> None:
        if event.type == "content_block_start":
            self._blocks[event.index] = event.content_block.to_dict()
        elif event.type == "content_block_delta":
            self._add(self._blocks[event.index], event.delta)

    def _add(self, block: dict[str, Any], delta: Any) -> None:
        part = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}.get(delta.type)
        if part:
            if part != "text":
                self._text.count(getattr(delta, part))
            block[part] = (block.get(part) or "") + getattr(delta, part)

    def kept(self, calls: tuple[ToolCall, ...]) -> tuple[dict[str, Any], ...]:
        blocks = [self._blocks[index] for index in sorted(self._blocks)]
        if not calls or not any(block["type"] in ("thinking", "redacted_thinking") for block in blocks):
            return ()
        inputs = iter(calls)
        return tuple(
            {**block, "input": next(inputs).sendable()} if block["type"] == "tool_use" else block
            for block in blocks
            if block["type"] != "text" or block["text"].strip()
        )


async def _events(stream: Any, patience: Patience) -> AsyncGenerator[Any]:
    async with aclosing(patience.each(stream)) as events:
        async for event in events:
            yield event


def _counted(usage: Any) -> int:
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return sum(getattr(usage, name, None) or 0 for name in names)


def _in_stream(error: Any, patience: Patience) -> NodeError:
    """An error that comes after a 200: overload and the like."""
    message, kind = faults.said(error.body)
    if kind == "rate_limit_error":
        return faults.from_status(429, message, {}, patience.name)
    if kind in ("overloaded_error", "api_error"):
        return faults.from_status(529 if kind == "overloaded_error" else 500, message, {}, patience.name)
    return faults.bad_answer(patience.name, f"the stream ended with an error: {message or kind}")
