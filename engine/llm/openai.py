"""Any OpenAI-compatible endpoint, through the `openai` package: always streamed, its own retries off."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from engine import egress
from engine.errors import NodeError
from engine.llm import faults, sdk, structured
from engine.llm.patience import Patience
from engine.llm.port import Calls, Emit, Message, Reply, Request, Text, ToolCall, Usage
from engine.llm.presets import Preset
from engine.values import is_object

MILDER = 6
"""How often a request may be put more simply after a 400."""
_THOUGHTLESS: set[tuple[str, str]] = set()
"""(address, model) of those that take tools only when they are told not to think first; learnt by asking."""


async def turn(request: Request, emit: Emit, who: Preset) -> Reply:
    package = await sdk.load("openai", "openai.resources.chat")
    patience = Patience(who.spoken)
    async with egress.client("model", timeout=patience.httpx(), max_bytes=patience.max_bytes) as http:
        client = package.AsyncOpenAI(
            api_key=who.api_key() or "none",
            base_url=who.address() or None,
            max_retries=0,
            timeout=patience.httpx(),
            http_client=http,
        )
        try:
            model = request.model or who.default_model() or await _first_model(client, patience)
            return await _answer(client, _body(request, model, who), request, who, Text(emit), patience)
        except NodeError:
            raise
        except Exception as error:
            if typed := sdk.typed(package, error, patience):
                raise typed from error
            raise


async def _first_model(client: Any, patience: Patience) -> str:
    """What a server of one's own serves, when nobody says which."""
    served: Any = await patience.first(client.models.list())
    if not served.data:
        raise faults.refused(patience.name, "it serves no model.")
    return str(served.data[0].id)


def _body(request: Request, model: str, who: Preset) -> dict[str, Any]:
    messages = [_message(m) for m in request.messages]
    body: dict[str, Any] = {"model": model, "stream": True}
    body["stream_options"] = {"include_usage": True}
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.max_tokens is not None:
        body["max_tokens" if who.address() else "max_completion_tokens"] = request.max_tokens
    if request.tools:
        body["tools"] = [{"type": "function", "function": tool.to_json()} for tool in request.tools]
        if (who.address(), model) in _THOUGHTLESS:
            body["reasoning_effort"] = "none"
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
    if "tools" in body and "reasoning_effort" in message and "reasoning_effort" not in body:
        return {**body, "reasoning_effort": "none"}
    if "temperature" in body and "temperature" in message:
        return {k: v for k, v in body.items() if k != "temperature"}
    for one, other in (("max_tokens", "max_completion_tokens"), ("max_completion_tokens", "max_tokens")):
        if one in body and one in message:
            return {**{k: v for k, v in body.items() if k != one}, other: body[one]}
    return None


async def _answer(
    client: Any, body: dict[str, Any], request: Request, who: Preset, text: Text, patience: Patience
) -> Reply:
    for _ in range(MILDER):
        raw = await patience.first(_asked(client, body), refuses=400)
        if not isinstance(raw, Exception):
            if "reasoning_effort" in body:
                _THOUGHTLESS.add((who.address(), body["model"]))
            break
        milder = _milder(body, str(raw), request)
        if milder is None:
            raise raw
        body = milder
    else:
        raise faults.refused(patience.name, "this endpoint refuses the request in every form.")
    if "json" in raw.headers.get("content-type", ""):
        return await _whole(raw, body, who, text, patience)
    return await _streamed(raw.parse(), body, who, text, patience)


def _asked(client: Any, body: dict[str, Any]) -> Any:
    """Long texts go as they are: the package would look at every part of them for names to translate."""
    long = {name: body[name] for name in ("messages", "tools", "response_format") if name in body}
    rest = {name: value for name, value in body.items() if name not in long}
    return client.chat.completions.with_raw_response.create(**rest, messages=[], extra_body=long)


async def _streamed(stream: Any, body: dict[str, Any], who: Preset, text: Text, patience: Patience) -> Reply:
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
                _collect(calls, choice.delta)
                finish = choice.finish_reason or finish
    return _reply(str(text), model, finish, usage, who, patience, tuple(calls))


def _collect(calls: Calls, delta: Any) -> None:
    """The pieces of calls in one chunk."""
    parts: list[Any] = (delta and delta.tool_calls) or []
    for part in parts:
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


async def _whole(raw: Any, body: dict[str, Any], who: Preset, text: Text, patience: Patience) -> Reply:
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
    return _reply(said, model, finish, _Counts(value.get("usage")), who, patience, tuple(calls))


def _whole_call(at: int, one: Any) -> ToolCall:
    raw = one["function"].get("arguments") or ""
    return ToolCall.read(
        one.get("id") or f"call_{at}", one["function"]["name"], raw if isinstance(raw, str) else json.dumps(raw)
    )


class _Counts:
    def __init__(self, usage: Any) -> None:
        usage = usage if is_object(usage) else {}
        self.cost = usage.get("cost")
        self.prompt_tokens, self.completion_tokens = usage.get("prompt_tokens"), usage.get("completion_tokens")


def _reply(
    text: str, model: str, finish: str | None, usage: Any, who: Preset, patience: Patience,
    calls: tuple[ToolCall, ...],
) -> Reply:  # fmt: skip
    if finish == "content_filter":
        raise faults.refused(patience.name, "the provider's content filter stopped the answer.")
    if finish is None:
        raise faults.bad_answer(patience.name, sdk.CUT)
    if not text.strip() and not calls:
        raise faults.bad_answer(patience.name, "the answer is empty.")
    into, out = (usage.prompt_tokens or 0, usage.completion_tokens or 0) if usage else (0, 0)
    told = getattr(usage, "cost", None)  # some say what they take
    usd = round(float(told), 8) if isinstance(told, (int, float)) and told > 0 else 0.0
    return Reply(text, who.name, model, Usage(into, out, usd), calls)
