"""A scripted model server: OpenAI's chat completions and Anthropic's messages, streamed or whole, and their faults.

    with ModelServer() as models:
        monkeypatch.setenv("OPENAI_BASE_URL", models.url)
        models.play({"fault": "rate_limited", "retry_after": 1}, {"text": "Hello"})

A step is what one request gets, in this order of precedence: from the prompt, `x-world: [step, …]` (the n-th request
with the very same marker gets the n-th step, later ones the last), else the next one played, else the first rule of
the script that fits, else a default answer. Other processes play over HTTP: POST /_world/play [steps],
POST /_world/script [rules], GET /_world/requests, GET /_world/counts, POST /_world/reset.

A rule `{"when": {…}, "then": step}` looks at the request alone, so a script answers alike in whatever order agents
ask, also after somebody was killed and asks again. `when`, all of it: "system", "asked", "last" (texts that occur in
the instructions, in anything but the model's own words, in the last message), "turn" (answers the model has given in
this conversation), "results" (of tools, so far), "tool" (one that is offered; null: none is), "model". Texts of a
rule's step may hold {results}, {last} and {turn}. `counts` says how often the very same request came.

Steps: {"text": …} · {"json": …} · {"tool_calls": [{"name", "arguments"}]} · {"fault": …}, each with any of "usage",
"model", "finish", "delay_s" (before the first byte), "chunk_delay_s", "whole" (no stream, though asked). Faults:
unauthorized 401 · forbidden 403 · not_found 404 · refused 400 · rate_limited 429 · quota 429 · server_error 500 ·
unavailable 503 (both limits and 503 take "retry_after") · slow_first (no token) · stall (one token, then silence) ·
pings (comments only) · cut (the connection breaks) · cut_clean (the stream ends too early) · broken_json · error_body
(an error under a 200) · error_event (an error in the stream) · huge ("size" bytes) · empty · drop (hangs up) ·
no_schema (400 on json_schema) · no_json (400 on any response_format) · no_usage (400 on stream_options) ·
no_temperature · no_thinking (400 on tools unless reasoning_effort is none). "thinking": what Claude thinks first.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

from tests.world.dialects import MARK, Anthropic, Dialect, OpenAI, Step
from tests.world.server import Handler, World, main

Rule = dict[str, Any]
HOLD_S = 3600
STATUS = {"unauthorized": 401, "forbidden": 403, "not_found": 404, "refused": 400, "rate_limited": 429, "quota": 429,
          "server_error": 500, "unavailable": 503}  # fmt: skip
PICKY = {
    "no_schema": ("response_format", "json_schema"),
    "no_json": ("response_format", "json_"),
    "no_usage": ("stream_options", ""),
    "no_temperature": ("temperature", ""),
}


class ModelServer(World):
    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.url = f"{self.origin}/v1"
        self.requests: list[dict[str, Any]] = []
        """Every request to a model: path, headers (lower case), body;
        `hash`, the same for the same request, and `answered`, whether all of the answer was sent."""
        self._rules: list[Rule] = []
        self._played: list[Step] = []
        self._seen: Counter[str] = Counter()

    def play(self, *steps: Step) -> None:
        with self.lock:
            self._played += steps

    def script(self, *rules: Rule) -> None:
        """Rules from now on, instead of those before."""
        with self.lock:
            self._rules = list(rules)

    def counts(self) -> Counter[str]:
        """How often each request came, by its hash."""
        with self.lock:
            return Counter(one["hash"] for one in self.requests)

    def reset(self) -> None:
        with self.lock:
            self._played.clear()
            self._rules.clear()
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
            case "script":
                self.script(*call.json())
            case "counts":
                return call.reply(200, dict(self.counts()))
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
            seen = {"path": call.path, "headers": headers, "body": dialect.body}
            seen |= {"hash": fingerprint(dialect.body), "answered": False}
            self.requests.append(seen)
            step = self._next(dialect)
        if step.get("delay_s"):
            self.wait(step["delay_s"])
        fault = step.get("fault")
        if field := _too_much(fault, dialect.body):
            with self.lock:
                self._played.insert(0, step)  # it stays until a request without that can be answered
            return call.reply(400, {"error": {"message": f"{field} of this kind is not supported"}})
        if fault in STATUS:
            return _refuse(call, fault, step)
        if fault == "drop":
            return call.hang_up(reset=True)
        if fault == "error_body":
            return call.reply(200, {"error": {"message": step.get("text", "the model is loading"), "type": "error"}})
        _whole_or_stream(self, call, dialect, step)
        seen["answered"] = not fault
        return None

    def _next(self, dialect: Dialect) -> Step:
        if match := MARK.search(dialect.asked):
            steps, end = json.JSONDecoder().raw_decode(dialect.asked, match.end())
            steps = steps if isinstance(steps, list) else [steps]
            mark = dialect.asked[match.start() : end]
            self._seen[mark] += 1
            return dict(steps[min(self._seen[mark], len(steps)) - 1])
        if self._played:
            return dict(self._played.pop(0))
        rule = next((rule for rule in self._rules if _fits(rule.get("when") or {}, dialect)), None)
        return dialect.filling(rule["then"]) if rule else {}


def _too_much(fault: str | None, body: dict[str, Any]) -> str:
    """The field of the request that this endpoint does not take; empty when it takes it all."""
    if fault == "no_thinking":
        return "reasoning_effort" if body.get("tools") and body.get("reasoning_effort") != "none" else ""
    field, word = PICKY.get(fault or "", ("", ""))
    return field if field in body and word in json.dumps(body[field]) else ""


def fingerprint(body: dict[str, Any]) -> str:
    """The same for two requests that ask the same."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


def _fits(when: dict[str, Any], dialect: Dialect) -> bool:
    seen: dict[str, Any] = {
        "system": dialect.system, "asked": dialect.asked, "last": dialect.last_said, "turn": dialect.turn,
        "results": len(dialect.results), "tool": dialect.tools, "model": dialect.body.get("model"),
    }  # fmt: skip
    return all(_is(wanted, seen[name]) for name, wanted in when.items())


def _is(wanted: Any, seen: Any) -> bool:
    if wanted is None:
        return not seen
    return wanted in seen if isinstance(wanted, str) and isinstance(seen, (str, list)) else wanted == seen


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


if __name__ == "__main__":
    main(ModelServer, __doc__.splitlines()[0])
