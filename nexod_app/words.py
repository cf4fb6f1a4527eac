"""Figures as people say them. Moments are told by the browser, which knows the time zone (`components/live`)."""

from __future__ import annotations


def count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number:,} {word}s"


def person(actor: str) -> str:
    """Who decided: a name, or the key of a program."""
    return f"the key {actor[4:]}" if actor.startswith("key:") else actor


def duration(ms: int) -> str:
    """6 ms, 2.2 s, 3 min 4 s, 2 h 5 min."""
    if ms < 1000:
        return f"{max(ms, 0)} ms"
    if ms < 60_000:
        return f"{ms / 1000:.1f} s"
    minutes, seconds = divmod(ms // 1000, 60)
    return f"{minutes} min {seconds} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
