"""What the drawing says about a question: whose it is, what each answer leads to, how the run got here. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.icons import STATUS_WORDS
from engine.events import to_ms
from nexod_app import drawings
from nexod_app.words import count, duration

LONGEST = 12
"""Steps listed; a longer way begins with its latest part."""


@dataclass(frozen=True)
class Step:
    """One step of the way here, its latest visit."""

    title: str
    icon: str
    group: str
    status: str
    word: str
    fact: str
    took: str


@dataclass(frozen=True)
class Lead:
    """What one answer sets off."""

    answer: str
    icon: str
    text: str


def node(flow: Mapping[str, Any], path: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The step at `sub[2]/inner` and the flow that it stands in; an empty one if it is not drawn."""
    found: Mapping[str, Any] = {}
    home = flow
    for part in path.split("/"):
        if found:
            home = found.get("config", {}).get("flow") or {}
        name = re.sub(r"\[\d+]$", "", part)
        found = next((one for one in home.get("nodes", []) if one["id"] == name), {})
    return found, home


def title(flow: Mapping[str, Any], path: str) -> str:
    """As its card says it: a step without a title of its own has that of its kind."""
    step, _ = node(flow, path)
    return step.get("title") or drawings.kinds().get(step.get("kind"), {}).get("title") or path.rsplit("/", 1)[-1]


def leads(flow: Mapping[str, Any], path: str, deadline: bool) -> list[Lead]:
    """Approve, reject and (with a deadline) silence, each with the step that runs then."""
    step, home = node(flow, path)
    answers = [("approved", "Approve", "check"), ("rejected", "Reject", "x")]
    if deadline:
        answers.append(("timeout", "No answer", "clock"))
    return [Lead(answer, _sign(home, path, port, sign), _then(home, step, port)) for port, answer, sign in answers]


ASKED = {
    "tool": ("and the call is made with these arguments.", "and the call is not made; the step fails."),
    "agent": ("and the call is made with these arguments.", "and the agent is told, and goes on without it."),
    "budget": ("and it may spend as much more as the form says.", "and the step fails."),
}
"""What the answers lead to where a step asks in the middle of its work."""


def asked_by(flow: Mapping[str, Any], path: str, type_: str) -> list[Lead]:
    what = "agent" if type_ == "tool" and node(flow, path)[0].get("kind") != "tool" else type_
    approve, reject = ASKED.get(what, ASKED["budget"])
    return [Lead("Approve", "check", approve), Lead("Reject", "x", reject)]


def _targets(home: Mapping[str, Any], name: str, port: str) -> list[str]:
    return [
        edge["target"] for edge in home.get("edges", []) if (edge["source"], edge.get("port", "out")) == (name, port)
    ]


def _name(path: str) -> str:
    return re.sub(r"\[\d+]$", "", path.rsplit("/", 1)[-1])


def _sign(home: Mapping[str, Any], path: str, port: str, sign: str) -> str:
    """A loop sign where the answer leads back to the question."""
    name = _name(path)
    return "loop" if any(_reaches(home, target, name) for target in _targets(home, name, port)) else sign


def _reaches(home: Mapping[str, Any], start: str, goal: str) -> bool:
    seen: set[str] = set()
    todo = [start]
    while todo:
        at = todo.pop()
        if at == goal:
            return True
        if at not in seen:
            seen.add(at)
            todo += [edge["target"] for edge in home.get("edges", []) if edge["source"] == at]
    return False


def _then(home: Mapping[str, Any], step: Mapping[str, Any], port: str) -> str:
    names = _targets(home, step.get("id", ""), port)
    if not names:
        return "and this branch of the run ends."
    nodes = [one for one in home.get("nodes", []) if one["id"] in names]
    titles = " and ".join(f"“{one.get('title') or one['id']}”" for one in nodes)
    again = any(_reaches(home, name, step["id"]) for name in names)
    text = f"and {titles} {'run' if len(names) > 1 else 'runs'}{', then you are asked again' if again else ''}."
    return f"{text} It sends to another system." if any(_sends(one) for one in nodes) else text


def _sends(step: Mapping[str, Any]) -> bool:
    method = str(step.get("config", {}).get("method", "GET")).upper()
    return step["kind"] == "tool" or (step["kind"] == "http" and method not in ("GET", "HEAD"))


def way(
    flow: Mapping[str, Any], events: Sequence[Mapping[str, Any]], kinds: Mapping[str, Mapping[str, Any]]
) -> list[Step]:
    """The finished steps of the run in the order in which they ended last."""
    visits: dict[str, int] = {}
    retries: dict[str, int] = {}
    started: dict[str, str] = {}
    ended: dict[str, Mapping[str, Any]] = {}
    for event in events:
        path = event["node_id"]
        match event["type"]:
            case "node_started":
                visits[path], retries[path], started[path] = visits.get(path, 0) + 1, 0, event["at"]
            case "node_retry":
                retries[path] = retries.get(path, 0) + 1
            case "node_completed" | "node_failed":
                ended.pop(path, None)
                ended[path] = event
            case _:
                pass
    return [
        _step(flow, path, event, visits.get(path, 1), retries.get(path, 0), started.get(path), kinds)
        for path, event in list(ended.items())[-LONGEST:]
    ]


def _step(
    flow: Mapping[str, Any],
    path: str,
    event: Mapping[str, Any],
    visits: int,
    retries: int,
    started: str | None,
    kinds: Mapping[str, Mapping[str, Any]],
) -> Step:
    kind = kinds.get(node(flow, path)[0].get("kind", ""), {})
    status = "completed" if event["type"] == "node_completed" else "failed"
    return Step(
        title=title(flow, path),
        icon=kind.get("icon", "dot"),
        group=kind.get("group", "logic").lower(),
        status=status,
        word=STATUS_WORDS[status],
        fact=_fact(event["payload"], visits, retries),
        took=_took(started, event["at"]),
    )


def _fact(payload: Mapping[str, Any], visits: int, retries: int) -> str:
    """The one or two things worth knowing: how often, how hard, how much."""
    facts = [f"{visits} passes"] if visits > 1 else []
    if retries:
        facts.append(f"after {retries} {'retry' if retries == 1 else 'retries'}")
    output = payload.get("output")
    if isinstance(output, dict) and isinstance(output.get("text"), str):
        facts.append(count(len(output["text"].split()), "word"))
    elif isinstance(output, dict) and isinstance(output.get("items"), list):
        facts.append(count(len(output["items"]), "item"))
    elif isinstance(output, dict) and isinstance(output.get("status"), int):
        facts.append(f"answer {output['status']}")
    elif payload.get("port") not in (None, "out"):
        facts.append(str(payload["port"]))
    return ", ".join(facts[:3])


def _took(started: str | None, ended: str) -> str:
    return duration(to_ms(ended) - to_ms(started)) if started else ""


def by_demo(events: Sequence[Mapping[str, Any]]) -> bool:
    """Whether any text on the way came from the demo model."""
    return any(one["type"] == "model_called" and one["payload"].get("provider") == "demo" for one in events)
