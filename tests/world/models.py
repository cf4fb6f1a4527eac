"""A scripted model server: OpenAI's chat completions and Anthropic's messages, streamed or whole, and their faults.

    with ModelServer() as models:
        monkeypatch.setenv("OPENAI_BASE_URL", models.url)
        models.play({"fault": "rate_limited", "retry_after": 1}, {"text": "Hello"})

A step is what one request gets, in this order of precedence: from the prompt, `x-world: [step, …]` (the n-th request
with the very same marker gets the n-th step, later ones the last), else the next one played, else a default answer.
Other processes play over HTTP: POST /_world/play [steps], GET /_world/requests, POST /_world/reset.

Steps: {"text": …} · {"json": …} · {"tool_calls": [{"name", "arguments"}]} · {"fault": …}, each with any of "usage",
"model", "finish", "delay_s" (before the first byte), "chunk_delay_s", "whole" (no stream, though asked). Faults:
unauthorized 401 · forbidden 403 · not_found 404 · refused 400 · rate_limited 429 · quota 429 · server_error 500 ·
unavailable 503 (both limits and 503 take "retry_after") · slow_first (no token) · stall (one token, then silence) ·
pings (comments only) · cut (the connection breaks) · cut_clean (the stream ends too early) · broken_json · error_body
(an error under a 200) · error_event (an error in the stream) · huge ("size" bytes) · empty · drop (hangs up) ·
no_schema (400 on json_schema) · no_json (400 on any response_format) · no_usage (400 on stream_options).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.world.server import Handler, World, main

Step = dict[str, Any]
HOLD_S = 3600
STATUS = {"unauthorized": 401, "forbidden": 403, "not_found": 404, "refused": 400, "rate_limited": 429, "quota": 429,
          "server_error": 500, "unavailable": 503}  # fmt: skip
PICKY = {
    "no_schema": ("response_format", "json_schema"),
    "no_json": ("response_format", "json_"),
    "no_usage": ("stream_options", ""),
}
_MARK = re.compile(r"x-world:\s*(?=[\[{])")


class ModelServer(World):
    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.url = f"{self.origin}/v1"
        self.requests: list[dict[str, Any]] = []
        """Every request to a model: path, headers (lower case), body."""
        self._played: list[Step] = []
        self._seen: Counter[str] = Counter()

    def play(self, *steps: Step) -> None:
        with self.lock:
            self._played += steps

    def reset(self) -> None:
        with self.lock:
            self._played.clear()
            self._seen.clear()
            self.requests.clear()

    def answer(self, call: Handler) -> None:
        path = call.path.split("?")[0]
        if path.startswith("/_world/"):
            self._control(call, path)
        elif path.endswith("/chat/completions"):
            self._model(call, OpenAI(call.json()))
        elif path.endswith("/messages"):
            self._model(call, Anthropic(call.json()))
        elif path.endswith("/models"):
            call.reply(200, {"object": "list", "data": [{"id": "world", "object": "model", "owned_by": "world"}]})
        else:
            call.reply(404, {"error": {"message": f"no {path} here"}})

    def _control(self, call: Handler, path: str) -> None:
        match path.removeprefix("/_world/"):
            case "play":
                steps = call.json()
                self.play(*(steps if isinstance(steps, list) else [steps]))
            case "reset":
                self.reset()
            case "requests":
                with self.lock:
                    return call.reply(200, list(self.requests))
            case _:
                return call.reply(404, {})
        return call.reply(200, {})

    def _model(self, call: Handler, dialect: Dialect) -> None:
        headers = {k.lower(): v for k, v in call.headers.items()}
        with self.lock:
            self.requests.append({"path": call.path, "headers": headers, "body": dialect.body})
            step = self._next(dialect)
        if step.get("delay_s"):
            self.wait(step["delay_s"])
        fault = step.get("fault")
        if fault in PICKY:
            field, word = PICKY[fault]
            if word in json.dumps(dialect.body.get(field, None)) and field in dialect.body:
                with self.lock:
                    self._played.insert(0, step)  # it stays until a request without that can be answered
                return call.reply(400, {"error": {"message": f"{field} of this kind is not supported"}})
        if fault in STATUS:
            return _refuse(call, fault, step)
        if fault == "drop":
            return call.hang_up(reset=True)
        if fault == "error_body":
            return call.reply(200, {"error": {"message": step.get("text", "the model is loading"), "type": "error"}})
        return _whole_or_stream(self, call, dialect, step)

    def _next(self, dialect: Dialect) -> Step:
        if match := _MARK.search(dialect.asked):
            steps, end = json.JSONDecoder().raw_decode(dialect.asked, match.end())
            steps = steps if isinstance(steps, list) else [steps]
            mark = dialect.asked[match.start() : end]
            self._seen[mark] += 1
            return dict(steps[min(self._seen[mark], len(steps)) - 1])
        return dict(self._played.pop(0)) if self._played else {}


def _refuse(call: Handler, fault: str, step: Step) -> None:
    headers = {"Retry-After": str(step["retry_after"])} if "retry_after" in step else {}
    code = "insufficient_quota" if fault == "quota" else fault
    call.reply(STATUS[fault], {"error": {"message": step.get("text", f"played: {fault}"), "code": code}}, headers)


def _whole_or_stream(world: ModelServer, call: Handler, dialect: Dialect, step: Step) -> None:
    step = dialect.filled(step)
    if step.get("whole") or not dialect.body.get("stream"):
        return call.reply(200, dialect.whole(step))
    fault = step.get("fault")
    call.begin_stream()
    if fault == "slow_first":
        return world.wait(HOLD_S)
    if fault == "pings":
        while not world.closing.wait(0.05):
            call.chunk(b": ping\n\n")
        return None
    frames = dialect.frames(step)
    for index, frame in enumerate(frames):
        if index == dialect.early + 1 and fault in ("stall", "cut", "cut_clean", "broken_json", "error_event"):
            return _break(world, call, dialect, fault)
        call.chunk(frame)
        if step.get("chunk_delay_s"):
            world.wait(step["chunk_delay_s"])
    return call.end_stream()


def _break(world: ModelServer, call: Handler, dialect: Dialect, fault: str) -> None:
    """The stream has begun; now it goes wrong."""
    if fault == "stall":
        return world.wait(HOLD_S)
    if fault == "cut":
        call.wfile.write(b"ff\r\ndata: {")
        return call.hang_up()
    if fault == "broken_json":
        call.chunk(b'data: {"id": "x", "choices": [{"delta": {"content": "ha\n\n')
    if fault == "error_event":
        call.chunk(dialect.error())
    return call.end_stream()


class Dialect:
    """One provider's protocol. `early`: how many frames come before the first text."""

    early = 1

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body
        self.asked = "\n".join(_texts(body.get("system"))) + "\n".join(
            text for m in body.get("messages", []) if m["role"] != "assistant" for text in _texts(m.get("content"))
        )

    @property
    def schema(self) -> Any:
        return None

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
            text = f"You said: {_MARK.split(self.last)[0].strip()[:200]}"
        said = len(text.split()) + sum(len(_arguments(call).split()) + 1 for call in step.get("tool_calls") or [])
        usage = step.get("usage") or {"input_tokens": len(self.asked.split()), "output_tokens": said}
        return {"model": self.body.get("model", "world"), **step, "text": text, "usage": usage}

    @property
    def turn(self) -> int:
        """How often the model has answered in this conversation."""
        return sum(m["role"] == "assistant" for m in self.body.get("messages", []))

    @property
    def last(self) -> str:
        asked = [m for m in self.body.get("messages", []) if m["role"] == "user"]
        return "\n".join(_texts(asked[-1].get("content"))) if asked else ""

    def whole(self, step: Step) -> Any:
        raise NotImplementedError

    def frames(self, step: Step) -> Iterator[bytes]:
        raise NotImplementedError

    def error(self) -> bytes:
        raise NotImplementedError


class OpenAI(Dialect):
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


def _head(step: Step) -> dict[str, Any]:
    return {"id": "chatcmpl-world", "created": 1, "model": step["model"]}


def _arguments(call: dict[str, Any]) -> str:
    arguments = call.get("arguments", {})
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    return [part.get("text") or "" for part in content or [] if isinstance(part, dict)]


if __name__ == "__main__":
    main(ModelServer, __doc__.splitlines()[0])
