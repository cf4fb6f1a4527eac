"""Any OpenAI-compatible endpoint, through the `openai` package: always streamed, its own retries off."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from importlib import import_module
from typing import Any

from engine import egress
from engine.errors import NodeError
from engine.llm import faults, structured
from engine.llm.patience import Patience
from engine.llm.port import Calls, Emit, Message, Reply, Request, Text, ToolCall, Usage
from engine.llm.prices import cost
from engine.values import is_object

TITLE = "OpenAI and compatible"
HINT = "Set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own, and restart."
MODEL = "gpt-5.6-luna"
MILDER = 4
"""How often a request may be put more simply after a 400."""


def default_model() -> str:
    return os.environ.get("OPENAI_MODEL") or MODEL


def base_url() -> str:
    return os.environ.get("OPENAI_BASE_URL") or ""


async def turn(request: Request, emit: Emit) -> Reply:
    # In a thread: the package takes a second or two to load, and the loop renews leases meanwhile.
    sdk = await asyncio.to_thread(_load)
    patience = Patience("The model server" if base_url() else "OpenAI")
    async with egress.client("model", timeout=patience.httpx(), max_bytes=patience.max_bytes) as http:
        client = sdk.AsyncOpenAI(
            api_key=os.environ.get("OPENAI_API_KEY") or "none",
            base_url=base_url() or None,
            max_retries=0,
            timeout=patience.httpx(),
            http_client=http,
        )
        try:
            return await _answer(client, _body(request), request, Text(emit), patience)
        except NodeError:
            raise
        except Exception as error:
            if typed := _typed(sdk, error, patience):
                raise typed from error
            raise


def _load() -> Any:
    import_module("openai.resources.chat")  # else the first call loads it, in the loop
    return import_module("openai")


def _body(request: Request) -> dict[str, Any]:
    messages = [_message(m) for m in request.messages]
    body: dict[str, Any] = {"model": request.model or default_model(), "stream": True}
    body["stream_options"] = {"include_usage": True}
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.max_tokens is not None:
        body["max_tokens" if base_url() else "max_completion_tokens"] = request.max_tokens
    if request.tools:
        body["tools"] = [{"type": "function", "function": tool.to_json()} for tool in request.tools]
    system, schema = request.system, request.output_schema
    if schema is not None:
        if schema.get("type") == "object" and structured.strict(schema):
            form = {"name": "answer", "schema": schema, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        else:
            system = _told(system, schema)
            if schema.get("type") == "object":
                body["response_format"] = {"type": "json_object"}
    body["messages"] = [{"role": "system", "content": system}, *messages] if system else messages
    return body


def _message(m: Message) -> dict[str, Any]:
    if m.role == "tool":
        return {"role": "tool", "tool_call_id": m.tool_call_id, "content": m.text}
    if not m.tool_calls:
        return {"role": m.role, "content": m.text}
    calls = [
        {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": json.dumps(c.sendable())}}
        for c in m.tool_calls
    ]
    return {"role": m.role, "content": m.text or None, "tool_calls": calls}


def _told(system: str, schema: dict[str, Any]) -> str:
    return f"{system}\n\n{structured.instruction(schema)}".strip()


def _milder(body: dict[str, Any], message: str, request: Request) -> dict[str, Any] | None:
    """The request once more, without what this endpoint does not know; None when nothing can be left out."""
    message = message.lower()
    form = body.get("response_format", {}).get("type")
    if form and any(word in message for word in ("response_format", "json_schema", "json_object", "schema")):
        rest = {k: v for k, v in body.items() if k != "response_format"}
        if form == "json_object":
            return rest
        told = [{"role": "system", "content": _told(request.system, request.output_schema or {})}]
        asked = [m for m in body["messages"] if m["role"] != "system"]
        return {**rest, "messages": told + asked, "response_format": {"type": "json_object"}}
    if "stream_options" in body and "stream_options" in message:
        return {k: v for k, v in body.items() if k != "stream_options"}
    for one, other in (("max_tokens", "max_completion_tokens"), ("max_completion_tokens", "max_tokens")):
        if one in body and one in message:
            return {**{k: v for k, v in body.items() if k != one}, other: body[one]}
    return None


async def _answer(client: Any, body: dict[str, Any], request: Request, text: Text, patience: Patience) -> Reply:
    for _ in range(MILDER):
        raw = await patience.first(client.chat.completions.with_raw_response.create(**body), refuses=400)
        if not isinstance(raw, Exception):
            break
        milder = _milder(body, str(raw), request)
        if milder is None:
            raise raw
        body = milder
    else:
        raise faults.refused(patience.name, "this endpoint refuses the request in every form.")
    if "json" in raw.headers.get("content-type", ""):
        return await _whole(raw, body, text, patience)
    return await _streamed(raw.parse(), body, text, patience)


async def _streamed(stream: Any, body: dict[str, Any], text: Text, patience: Patience) -> Reply:
    usage, model, finish, calls = None, body["model"], None, Calls(text)
    async with aclosing(_chunks(stream, patience)) as chunks:
        async for chunk in chunks:
            usage, model = chunk.usage or usage, chunk.model or model
            choices: list[Any] = chunk.choices or []
            for choice in choices[:1]:
                if choice.delta and choice.delta.refusal:
                    raise faults.refused(patience.name, "the model declined to answer.")
                if choice.delta and choice.delta.content:
                    await text.add(choice.delta.content)
                for part in (choice.delta and choice.delta.tool_calls) or []:
                    _collect(calls, part)
                finish = choice.finish_reason or finish
    return _reply(str(text), model, finish, usage, body, patience, tuple(calls))


def _collect(calls: Calls, part: Any) -> None:
    """One piece of one call, as streamed."""
    index, said = part.index or 0, part.function
    calls.begin(index, part.id or "", (said and said.name) or "")
    if said and said.arguments:
        calls.add(index, said.arguments)


async def _chunks(stream: Any, patience: Patience) -> AsyncGenerator[Any]:
    """The stream's chunks, none of them too late."""
    try:
        async for chunk in patience.each(stream):
            yield chunk
    finally:
        await stream.response.aclose()


async def _whole(raw: Any, body: dict[str, Any], text: Text, patience: Patience) -> Reply:
    """An endpoint that answers JSON instead of a stream: either an error under a 200, or the answer at once."""
    content = await patience.idle(raw.http_response.aread())
    try:
        value = json.loads(content)
        if value.get("error"):
            raise faults.bad_answer(patience.name, f"it answered 200 with an error: {faults.said(value)[0]}")
        choice = value["choices"][0]
        said = choice["message"].get("content") or ""
        calls = [_whole_call(at, one) for at, one in enumerate(choice["message"].get("tool_calls") or [])]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise faults.bad_answer(patience.name, "the answer is no valid JSON.") from None
    await text.add(said)
    finish, model = choice.get("finish_reason") or "stop", value.get("model") or body["model"]
    return _reply(said, model, finish, _Counts(value.get("usage")), body, patience, tuple(calls))


def _whole_call(at: int, one: Any) -> ToolCall:
    raw = one["function"].get("arguments") or ""
    return ToolCall.read(
        one.get("id") or f"call_{at}", one["function"]["name"], raw if isinstance(raw, str) else json.dumps(raw)
    )


class _Counts:
    def __init__(self, usage: Any) -> None:
        usage = usage if is_object(usage) else {}
        self.prompt_tokens, self.completion_tokens = usage.get("prompt_tokens"), usage.get("completion_tokens")


def _reply(
    text: str, model: str, finish: str | None, usage: Any, body: dict[str, Any], patience: Patience,
    calls: tuple[ToolCall, ...],
) -> Reply:  # fmt: skip
    if finish == "content_filter":
        raise faults.refused(patience.name, "the provider's content filter stopped the answer.")
    if finish is None:
        raise faults.bad_answer(patience.name, "the stream was cut before the answer was complete.")
    if not text.strip() and not calls:
        raise faults.bad_answer(patience.name, "the answer is empty.")
    into, out = (usage.prompt_tokens or 0, usage.completion_tokens or 0) if usage else (0, 0)
    usd = cost(model, into, out) or cost(body["model"], into, out)
    return Reply(text, "openai", model, Usage(into, out, usd), calls)


def _typed(sdk: Any, error: Exception, patience: Patience) -> NodeError | None:
    """The package's error as ours. One of ours may be wrapped: the egress client raises through the package."""
    import httpx

    cause: BaseException | None = error
    while cause:
        if isinstance(cause, NodeError):
            return cause
        cause = cause.__cause__
    told: Any = error
    if isinstance(error, sdk.APIStatusError):
        message, code = faults.said(told.body if told.body is not None else told.message)
        return faults.from_status(told.status_code, message, told.response.headers, patience.name, code)
    if isinstance(error, (sdk.APITimeoutError, httpx.TimeoutException)):
        return faults.timed_out(patience.name, "a connection", patience.connect_s)
    if isinstance(error, sdk.APIConnectionError):
        return faults.unreachable(patience.name, error.__cause__ or error)
    if isinstance(error, sdk.APIError):
        return faults.bad_answer(
            patience.name, f"the stream ended with an error: {faults.said(told.body or told.message)[0]}"
        )
    if isinstance(error, httpx.HTTPError):
        return faults.bad_answer(patience.name, "the stream was cut before the answer was complete.")
    if isinstance(
        error, (ValueError, TypeError, AttributeError, KeyError)
    ):  # what is not the protocol trips the parser
        return faults.bad_answer(patience.name, "the stream holds broken JSON.")
    return None
