"""From the services' JSON to the rows that the page draws. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.icons import STATUS_WORDS
from components.thumbnail import thumbnail

TARGETS = {"langgraph": "LangGraph", "crewai": "CrewAI"}
BARS = 10
EMPTY: dict[str, Any] = {"nexod": 1, "name": "New workflow", "nodes": []}


@dataclass
class Row:
    """One workflow of the list."""

    id: str
    name: str
    description: str
    target: str
    thumb: str
    changed: str
    bars: list[str] = field(default_factory=list)
    status: str = ""
    now: str = ""
    ask: bool = False
    """Whether a run needs inputs that only a person can give."""


def rows(
    workflows: Iterable[Mapping[str, Any]], runs: Sequence[Mapping[str, Any]], groups: Mapping[str, str]
) -> list[Row]:
    """`runs` are the latest of all workflows, newest first."""
    of: dict[str, list[Mapping[str, Any]]] = {}
    for run in runs:
        of.setdefault(run["workflow_id"], []).append(run)
    return [row(workflow, of.get(workflow["id"], []), groups) for workflow in workflows]


def row(workflow: Mapping[str, Any], runs: Sequence[Mapping[str, Any]], groups: Mapping[str, str]) -> Row:
    spec = workflow["spec"]
    status, words = now(runs, workflow["problems"])
    return Row(
        id=workflow["id"],
        name=workflow["name"],
        description=spec.get("description") or steps(spec),
        target=TARGETS[spec.get("target", "langgraph")],
        thumb=thumbnail(spec, groups),
        changed=workflow["updated_at"],
        bars=bars(runs),
        status=status,
        now=words,
        ask=needs_answers(spec),
    )


def bars(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The last ten, oldest first, with stubs where there were none."""
    last = [f"s-{run['status']}" for run in reversed(runs[:BARS])]
    return ["no"] * (BARS - len(last)) + last


def now(runs: Sequence[Mapping[str, Any]], problems: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Status and words of the chip: what needs a person first, then how the last run went."""
    asked = sum(len(run["waiting_for"]) for run in runs)
    if asked:
        return "waiting", f"{asked} answer{'s' if asked > 1 else ''} needed"
    if any(problem["severity"] == "error" for problem in problems):
        return "failed", "Not ready yet"
    if not runs:
        return "idle", "Never run"
    last = runs[0]["status"]
    return last, "Last run failed" if last == "failed" else STATUS_WORDS.get(last, last)


def steps(spec: Mapping[str, Any]) -> str:
    count = sum(node["kind"] != "note" for node in spec.get("nodes", []))
    return "No steps yet" if not count else "1 step" if count == 1 else f"{count} steps"


def needs_answers(spec: Mapping[str, Any]) -> bool:
    """Whether an input is required and has no default."""
    inputs = spec.get("inputs") or {}
    given = inputs.get("properties") or {}
    return any("default" not in given.get(name, {}) for name in inputs.get("required") or [])


def kept(found: Iterable[Row], query: str, order: str) -> list[Row]:
    """The rows that contain every word of `query`, in the chosen order."""
    words = query.lower().split()
    match = [row for row in found if all(word in f"{row.name} {row.description}".lower() for word in words)]
    return sorted(match, key=lambda row: row.name.lower()) if order == "name" else match


@dataclass
class Guide:
    """How far the newcomer is: each step's class (done, or on for the next one) and the count in words."""

    steps: list[str] = field(default_factory=list)
    words: str = ""
    open: bool = False


def guide(done: Sequence[bool]) -> Guide:
    first = next((index for index, one in enumerate(done) if not one), -1)
    marks = ["done" if one else "on" if index == first else "" for index, one in enumerate(done)]
    return Guide(marks, f"{sum(done)} of {len(done)}", not all(done))


def needs_key(spec: Mapping[str, Any]) -> bool:
    """Whether a template names a provider; with none, the demo model answers."""
    configs = [node.get("config", {}) for node in spec.get("nodes", [])]
    return any(config.get("provider", "auto") not in ("auto", "demo") for config in configs)
