"""The demo model: deterministic, instant, no network. It writes sensible text about what the prompt asks for."""

from __future__ import annotations

import json
import re
from typing import Any

from engine.llm import demo_text, demo_value, scripted
from engine.llm.port import Emit, Reply, Request, Text, ToolCall, Usage
from engine.llm.presets import Preset
from engine.values import is_list, is_object

_WORDS = re.compile(r"\S+\s*|\s+")


async def turn(request: Request, emit: Emit, who: Preset) -> Reply:
    calls = tool_calls(request)
    text = "" if calls else answer(request)
    stream = Text(emit)
    for piece in _WORDS.findall(text):
        await stream.add(piece)
    asked = sum(len(m.text) for m in request.messages) + len(request.system)
    said = len(text) + sum(len(call.name) + len(call.raw) for call in calls)
    return Reply(text, who.name, who.model, Usage(_tokens(asked), _tokens(said)), calls)


def tool_calls(request: Request) -> tuple[ToolCall, ...]:
    """The calls that the script has for this turn; without a script none."""
    turn = _turn(request)
    entry = _calls_of(_entry(request)) if request.tools else None
    return tuple(_call(f"call_{turn}_{at}", one) for at, one in enumerate(entry or []))


def answer(request: Request) -> str:
    """What the script says for this visit; else a value for the schema; else a text about the topic."""
    said = _scripted(request)
    if request.output_schema is None:
        return said if said is not None else _written(request)
    if said is not None and _is_json(said):
        return said
    topic = said if said is not None else demo_text.topic(_prompt(request))
    return json.dumps(demo_value.fit(request.output_schema, topic), ensure_ascii=False)


def _scripted(request: Request) -> str | None:
    said = _entry(request)
    if said is None or (_turns(request) and _calls_of(said) is not None):
        return None
    return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)


def _entry(request: Request) -> Any:
    """The script's entry for this visit; where tools are at hand, for this turn. The last serves for all later
    ones, unless it calls tools: then the model writes for itself what they brought."""
    answers = scripted.answers(request)
    if not answers:
        return None
    at = _turn(request) if _turns(request) else max(request.visit, 1) - 1
    if at >= len(answers) and _turns(request) and _calls_of(answers[-1]) is not None:
        return None
    return answers[min(at, len(answers) - 1)]


def _turns(request: Request) -> bool:
    """Whether this is a conversation with tools."""
    return bool(request.tools) or any(m.role == "tool" or m.tool_calls for m in request.messages)


def _turn(request: Request) -> int:
    return sum(m.role == "assistant" for m in request.messages)


def _calls_of(entry: Any) -> list[Any] | None:
    """The calls of an entry like `{"tool_calls": [{"name": "search", "arguments": {}}]}`, as JSON or its text."""
    if isinstance(entry, str) and entry.lstrip().startswith("{"):
        try:
            entry = json.loads(entry)
        except ValueError:
            return None
    calls: Any = entry.get("tool_calls") if is_object(entry) else None
    return calls if is_list(calls) else None


def _call(id: str, one: Any) -> ToolCall:
    given: Any = one.get("arguments", {}) if is_object(one) else {}
    raw = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    return ToolCall.read(id, str(one.get("name", "")) if is_object(one) else str(one), raw)


def _written(request: Request) -> str:
    """A text about the topic, and under it what the tools brought."""
    text = demo_text.write(_prompt(request), request.system)
    names = {call.id: call.name for m in request.messages for call in m.tool_calls}
    told = [f"- {names.get(m.tool_call_id, 'tool')}: {_clipped(m.text)}" for m in request.messages if m.role == "tool"]
    if not told:
        return text
    text, label = text.removesuffix(demo_text.LABEL).rstrip(), text.endswith(demo_text.LABEL)
    return "\n\n".join([text, "What the tools said:\n\n" + "\n".join(told), *([demo_text.LABEL] if label else [])])


def _clipped(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 300 else text[:299] + "…"


def _prompt(request: Request) -> str:
    return scripted.without(next((m.text for m in request.messages[request.past :] if m.role == "user"), ""))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _tokens(characters: int) -> int:
    return (characters + 3) // 4
