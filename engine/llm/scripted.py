"""`x-demo: ["first", "second"]` in a prompt: what the demo model is to answer, visit by visit."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from engine.llm.port import Request

_MARK = re.compile(r"x-demo:\s*(?=\[)")
_DECODER = json.JSONDecoder()


def answers(request: Request) -> list[Any] | None:
    """The scripted answers of the first marker found, or None."""
    for text in (*(m.text for m in request.messages if m.role == "user"), request.system):
        for _, _, found in _marks(text):
            if found:
                return found
    return None


def strip(request: Request) -> Request:
    """The request without markers: what a real provider gets to see."""
    messages = tuple(replace(m, text=without(m.text)) for m in request.messages)
    return replace(request, messages=messages, system=without(request.system))


def without(text: str) -> str:
    """`text` without its markers. A marker alone on its line takes the line with it."""
    for start, end, _ in reversed(_marks(text)):
        head, tail = text[:start].rstrip(" \t"), text[end:].lstrip(" \t")
        alone = (not head or head.endswith("\n")) and (not tail or tail.startswith("\n"))
        text = head + tail.removeprefix("\n") if alone else f"{head} {tail}" if head and tail else head + tail
    return text


def _marks(text: str) -> list[tuple[int, int, list[Any]]]:
    if "x-demo:" not in text:
        return []
    found: list[tuple[int, int, list[Any]]] = []
    for match in _MARK.finditer(text):
        try:
            value, end = _DECODER.raw_decode(text, match.end())
        except ValueError:
            continue
        found.append((match.start(), end, value))
    return found
