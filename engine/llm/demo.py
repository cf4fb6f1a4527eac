"""The demo model: deterministic, instant, no network. It writes sensible text about what the prompt asks for."""

from __future__ import annotations

import json
import re

from engine.llm import demo_text, demo_value, scripted
from engine.llm.port import Emit, Reply, Request, Text, Usage

TITLE = "Demo model"
HINT = "Always ready: it needs no key and no network, and answers every prompt with a placeholder text."
MODEL = "demo"
_WORDS = re.compile(r"\S+\s*|\s+")


def default_model() -> str:
    return MODEL


def base_url() -> str:
    return ""


async def turn(request: Request, emit: Emit) -> Reply:
    text = answer(request)
    stream = Text(emit)
    for piece in _WORDS.findall(text):
        await stream.add(piece)
    asked = sum(len(m.text) for m in request.messages) + len(request.system)
    return Reply(text, "demo", MODEL, Usage(_tokens(asked), _tokens(len(text))))


def answer(request: Request) -> str:
    """What the script says for this visit; else a value for the schema; else a text about the topic."""
    said = _scripted(request)
    if request.output_schema is None:
        return said if said is not None else demo_text.write(_prompt(request), request.system)
    if said is not None and _is_json(said):
        return said
    topic = said if said is not None else demo_text.topic(_prompt(request))
    return json.dumps(demo_value.fit(request.output_schema, topic), ensure_ascii=False)


def _scripted(request: Request) -> str | None:
    answers = scripted.answers(request)
    if not answers:
        return None
    said = answers[min(max(request.visit, 1), len(answers)) - 1]
    return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)


def _prompt(request: Request) -> str:
    return scripted.without(next((m.text for m in request.messages if m.role == "user"), ""))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _tokens(characters: int) -> int:
    return (characters + 3) // 4
