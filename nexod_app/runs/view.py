"""From runs to the rows of their list. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.events import to_ms
from nexod_app.words import count, duration

TARGETS = {"langgraph": "LangGraph", "crewai": "CrewAI"}
STATUSES = (
    ("", "All"),
    ("pending,running", "Running"),
    ("waiting,needs_review", "Waiting"),
    ("completed", "Completed"),
    ("failed", "Failed"),
    ("cancelled", "Cancelled"),
)
REASONS = {
    "unsafe_effect": "Something may have been sent once. Look, then say how to go on.",
    "quarantined": "The worker was lost three times in a row.",
    "incompatible": "This version of Nexod cannot replay the run.",
    "diverged": "A repeated step asked something else than before.",
}


@dataclass
class Row:
    """One run of the list."""

    id: str
    name: str
    fact: str
    status: str
    version: str
    target: str
    started_at: str
    took: str
    usage: str


def row(run: Mapping[str, Any], name: str) -> Row:
    return Row(
        id=run["id"],
        name=name,
        fact=fact(run),
        status=run["status"],
        version=f"v{run['version']}",
        target=TARGETS.get(run["target"], run["target"]),
        started_at=run["started_at"] or run["created_at"],
        took=took(run),
        usage=usage(run["usage"] or {}),
    )


def fact(run: Mapping[str, Any]) -> str:
    """The one thing to know of a run that is not simply fine."""
    match run["status"]:
        case "failed":
            return (run["error"] or {}).get("message") or "It failed."
        case "needs_review":
            return REASONS.get(run["reason"], "A person has to say how to go on.")
        case "waiting":
            asked = len(run["waiting_for"])
            return f"{count(asked, 'answer')} needed" if asked else "Waits for its time"
        case _ if run.get("forked_from"):
            return "Taken up again from another run"
        case _:
            return ""


def took(run: Mapping[str, Any]) -> str:
    if not run["started_at"] or not run["completed_at"]:
        return ""
    return duration(to_ms(run["completed_at"]) - to_ms(run["started_at"]))


def usage(used: Mapping[str, Any]) -> str:
    """1.6 k tokens · $0.02."""
    tokens = (used.get("input_tokens") or 0) + (used.get("output_tokens") or 0)
    cost = used.get("cost") or 0
    words = [f"{tokens / 1000:.1f} k tokens" if tokens >= 1000 else count(int(tokens), "token")] if tokens else []
    return " · ".join([*words, f"${cost:.2f}" if cost >= 0.01 else "<$0.01"] if cost else words)
