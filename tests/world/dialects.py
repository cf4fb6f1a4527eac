"""The protocols that the scripted model server speaks: how a request reads, how an answer is written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

Step = dict[str, Any]
MARK = re.compile(r"x-world:\s*(?=[\[{])")


class Dialect:
    """One provider's protocol. `early`: how many frames come before the first text."""

    early = 1

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body
        self.messages: list[dict[str, Any]] = body.get("messages", [])
        self.asked = "\n".join(texts(body.get("system"))) + "\n".join(
            text for m in body.get("messages", []) if m["role"] != "assistant" for text in texts(m.get("content"))
        )

    @property
    def schema(self) -> Any:
        return None

    @property
    def system(self) -> str:
        """The instructions."""
        return "\n".join(texts(self.body.get("system")))

    @property
    def results(self) -> list[str]:
        """What tools brought so far."""
        raise NotImplementedError

    @property
    def tools(self) -> list[str]:
        """The names of the tools that are offered."""
        return [tool["name"] for tool in self.body.get("tools") or []]

    @property
    def last_said(self) -> str:
        return "\n".join(texts(self.messages[-1].get("content"))) if self.messages else ""

    def filling(self, step: Step) -> Step:
        """A rule's step with what the request holds put in."""
        names = {"{results}": "; ".join(self.results), "{last}": self.last_said, "{turn}": str(self.turn)}
        if not any(name in json.dumps(step) for name in names):
            return dict(step)
        return _replaced(step, names)

    def filled(self, step: Step) -> Step:
        """The step with a text: what it says, else a value for the schema, else an echo."""
        fault = step.get("fault")
        if fault == "empty":
            text = ""
        elif fault == "huge":
            text = "x" * int(step.get("size", 50_000_000))
        elif "json" in step:
            text = json.dumps(step["json"])
        elif "text" in step:
            text = step["text"]
        elif step.get("tool_calls"):
            text = ""
        elif self.schema is not None:
            text = json.dumps(example(self.schema))
        else:
            text = f"You said: {MARK.split(self.last)[0].strip()[:200]}"
        said = len(text.split()) + sum(len(_arguments(call).split()) + 1 for call in step.get("tool_calls") or [])
        usage = step.get("usage") or {"input_tokens": len(self.asked.split()), "output_tokens": said}
        return {"model": self.body.get("model", "world"), **step, "text": text, "usage": usage}

    @property
    def turn(self) -> int:
        """How often the model has answered in this conversation."""
        return sum(m["role"] == "assistant" for m in self.messages)

    @property
    def last(self) -> str:
        asked = [m for m in self.body.get("messages", []) if m["role"] == "user"]
        return "\n".join(texts(asked[-1].get("content"))) if asked else ""

    def whole(self, step: Step) -> Any:
        raise NotImplementedError

    def frames(self, step: Step) -> Iterator[bytes]:
        raise NotImplementedError

    def error(self) -> bytes:
        raise NotImplementedError


class OpenAI(Dialect):
    @property
    def system(self) -> str:
        said = [m for m in self.messages if m["role"] in ("system", "developer")]
        return "\n".join(text for m in said for text in texts(m.get("content")))

    @property
    def results(self) -> list[str]:
        return ["\n".join(texts(m.get("content"))) for m in self.messages if m["role"] == "tool"]

    @property
    def tools(self) -> list[str]:
        return [tool["function"]["name"] for tool in self.body.get("tools") or []]

    @property
    def schema(self) -> Any:
        form = self.body.get("response_format") or {}
        return (
            form["json_schema"].get("schema", {})
            if form.get("type") == "json_schema"
            else ({"type": "object"} if form.get("type") == "json_object" else None)
        )

    def whole(self, step: Step) -> Any:
        message: dict[str, Any] = {"role": "assistant", "content": step["text"]}
        if calls := self._calls(step):
            message |= {"content": step["text"] or None, "tool_calls": calls}
        choice = {"index": 0, "message": message, "finish_reason": self._finish(step)}
        return {**_head(step), "object": "chat.completion", "choices": [choice], "usage": self._usage(step)}

    def frames(self, step: Step) -> Iterator[bytes]:
        yield self._frame(step, {"role": "assistant", "content": ""})
        for index, one in enumerate(self._calls(step)):
            half = len(one["function"]["arguments"]) // 2
            first = {**one, "function": {**one["function"], "arguments": one["function"]["arguments"][:half]}}
            yield self._frame(step, {"tool_calls": [{"index": index, **first}]})
            rest = {"index": index, "function": {"arguments": one["function"]["arguments"][half:]}}
            yield self._frame(step, {"tool_calls": [rest]})
        for piece in pieces(step["text"]):
            yield self._frame(step, {"content": piece})
        yield self._frame(step, {}, finish=self._finish(step))
        if (self.body.get("stream_options") or {}).get("include_usage"):
            yield sse({**_head(step), "object": "chat.completion.chunk", "choices": [], "usage": self._usage(step)})
        yield b"data: [DONE]\n\n"

    def error(self) -> bytes:
        return sse({"error": {"message": "played: error_event", "type": "server_error"}})

    def _frame(self, step: Step, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return sse({**_head(step), "object": "chat.completion.chunk", "choices": [choice]})

    @staticmethod
    def _finish(step: Step) -> str:
        return step.get("finish") or ("tool_calls" if step.get("tool_calls") else "stop")

    def _calls(self, step: Step) -> list[dict[str, Any]]:
        return [
            {
                "id": f"call_{self.turn}_{n}",
                "type": "function",
                "function": {"name": c["name"], "arguments": _arguments(c)},
            }
            for n, c in enumerate(step.get("tool_calls") or [])
        ]

    @staticmethod
    def _usage(step: Step) -> dict[str, int]:
        into, out = step["usage"]["input_tokens"], step["usage"]["output_tokens"]
        return {"prompt_tokens": into, "completion_tokens": out, "total_tokens": into + out}


class Anthropic(Dialect):
    early = 2

    @property
    def results(self) -> list[str]:
        blocks = [b for m in self.messages if isinstance(m.get("content"), list) for b in m["content"]]
        return ["\n".join(texts(b.get("content"))) for b in blocks if b.get("type") == "tool_result"]

    @property
    def last_said(self) -> str:
        content = self.messages[-1].get("content") if self.messages else ""
        results = [b for b in content if b.get("type") == "tool_result"] if isinstance(content, list) else []
        return self.results[-1] if results else super().last_said

    def whole(self, step: Step) -> Any:
        content = [{"type": "text", "text": step["text"]}] if step["text"] or not step.get("tool_calls") else []
        calls = [{**call, "input": json.loads(raw)} for call, raw in self._calls(step)]
        finish = self._finish(step)
        return {**self._message(step), "content": content + calls, "stop_reason": finish, "usage": step["usage"]}

    def frames(self, step: Step) -> Iterator[bytes]:
        usage = {"input_tokens": step["usage"]["input_tokens"], "output_tokens": 0}
        start = {**self._message(step), "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
        yield self._event("message_start", message=start)
        index = 0
        if "thinking" in step:
            thought = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(step["thinking"])]
            signed = {"type": "signature_delta", "signature": "signed"}
            yield from self._block(index, {"type": "thinking", "thinking": "", "signature": ""}, [*thought, signed])
            index += 1
        if step["text"] or not step.get("tool_calls"):
            said = [{"type": "text_delta", "text": piece} for piece in pieces(step["text"])]
            yield from self._block(index, {"type": "text", "text": ""}, said)
            index += 1
        for at, (call, raw) in enumerate(self._calls(step), index):
            half = len(raw) // 2
            parts = [{"type": "input_json_delta", "partial_json": part} for part in (raw[:half], raw[half:])]
            yield from self._block(at, call, parts)
        out = {"output_tokens": step["usage"]["output_tokens"]}
        yield self._event("message_delta", delta={"stop_reason": self._finish(step), "stop_sequence": None}, usage=out)
        yield self._event("message_stop")

    def _block(self, index: int, block: Any, deltas: list[Any]) -> Iterator[bytes]:
        yield self._event("content_block_start", index=index, content_block=block)
        for delta in deltas:
            yield self._event("content_block_delta", index=index, delta=delta)
        yield self._event("content_block_stop", index=index)

    @staticmethod
    def _finish(step: Step) -> str:
        return step.get("finish") or ("tool_use" if step.get("tool_calls") else "end_turn")

    def _calls(self, step: Step) -> list[tuple[dict[str, Any], str]]:
        return [
            ({"type": "tool_use", "id": f"toolu_{self.turn}_{n}", "name": c["name"], "input": {}}, _arguments(c))
            for n, c in enumerate(step.get("tool_calls") or [])
        ]

    def error(self) -> bytes:
        return self._event("error", error={"type": "overloaded_error", "message": "Overloaded"})

    @staticmethod
    def _message(step: Step) -> dict[str, Any]:
        return {"id": "msg_world", "type": "message", "role": "assistant", "model": step["model"]}

    @staticmethod
    def _event(kind: str, **more: Any) -> bytes:
        return b"event: " + kind.encode() + b"\n" + sse({"type": kind, **more})


def sse(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def pieces(text: str) -> list[str]:
    """Words, or 64 KB blocks of a text without spaces."""
    if len(text) > 1_000_000:
        return [text[at : at + 65536] for at in range(0, len(text), 65536)]
    return re.findall(r"\S+\s*|\s+", text)


def example(schema: Any) -> Any:
    """A plain value for a plain schema; written apart from the engine's."""
    if not isinstance(schema, dict):
        return "world"
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {name: example(one) for name, one in (schema.get("properties") or {}).items()}
        case "array":
            return [example(schema.get("items"))]
        case "integer" | "number":
            return schema.get("minimum", schema.get("maximum", 1))
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return "world"


def _replaced(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [_replaced(one, names) for one in value]
    for name, text in names.items() if isinstance(value, str) else ():
        value = value.replace(name, text)
    return value


def _head(step: Step) -> dict[str, Any]:
    return {"id": "chatcmpl-world", "created": 1, "model": step["model"]}


def _arguments(call: dict[str, Any]) -> str:
    arguments = call.get("arguments", {})
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    parts = [part for part in content or [] if isinstance(part, dict)]
    return [
        text
        for p in parts
        for text in (texts(p.get("content")) if p.get("type") == "tool_result" else [p.get("text") or ""])
    ]
