"""A crew of three with tools, how its scripted model answers, and a way to play it against a journal in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.backends import load
from engine.backends.attempt import Attempt
from engine.backends.run import Run
from engine.errors import Fenced
from engine.journal import Journal
from engine.plan import Plan, build
from engine.spec import read
from tests.engine.backends.test_one_journal import Tape

CREW = {
    "members": [
        {"id": "researcher", "role": "Researcher", "goal": "Facts", "tools": [{"name": "calculate"}]},
        {"id": "analyst", "role": "Analyst", "goal": "Figures", "tools": [{"name": "calculate"}]},
        {"id": "writer", "role": "Writer", "goal": "A clear text"},
    ],
    "tasks": [
        {"id": "facts", "description": "Find the facts about {{ input.topic }}.", "member": "researcher"},
        {"id": "figures", "description": "Work out the figures.", "member": "analyst", "context": ["facts"]},
        {
            "id": "text",
            "description": "Write it up.",
            "member": "writer",
            "context": ["facts", "figures"],
            "output_schema": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
        },
    ],
}
TURNS = 6
"""Of the whole crew: two with tools and one without for the first two, one for the writer."""


def calls(*expressions: str) -> dict[str, Any]:
    return {"tool_calls": [{"name": "calculate", "arguments": {"expression": text}} for text in expressions]}


def script(delay_s: float = 0.0) -> list[dict[str, Any]]:
    """Every answer is made of what was asked, so that a missing or foreign part would show in the last one."""
    rules = [
        ("Researcher", 0, calls("1 + 1", "2 + 2")),
        ("Researcher", 1, calls("3 + 3")),
        ("Researcher", 2, {"text": "Facts {results}."}),
        ("Analyst", 0, calls("10 * 10")),
        ("Analyst", 1, {"text": "Figures {results}."}),
        ("Writer", 0, {"json": {"text": "{last}"}}),
    ]
    return [
        {"when": {"system": f"You are {role}", "turn": turn}, "then": {**step, "delay_s": delay_s}}
        for role, turn, step in rules
    ]


def drawing(target: str, provider: str = "openai", approve: bool = True, **config: Any) -> dict[str, Any]:
    """The crew, and after it a person who sees what it wrote."""
    members = [{**member, "provider": provider} for member in config.pop("members", CREW["members"])]
    nodes: list[dict[str, Any]] = [
        {"id": "crew", "kind": "crew", "config": {**CREW, **config, "members": members}},
        {"id": "review", "kind": "approval", "config": {"question": "Publish?", "content": "{{ crew.text }}"}},
    ]
    return {
        "nexod": 1, "name": "crew", "target": target, "nodes": nodes if approve else nodes[:1],
        "edges": [{"source": "crew", "port": "out", "target": "review"}] if approve else [],
        "inputs": {"type": "object", "properties": {"topic": {"type": "string"}}},
        "outputs": {"text": "{{ crew.text }}", "tasks": "{{ crew.tasks }}", "usage": "{{ crew.usage }}"},
    }  # fmt: skip


def plan_of(spec: dict[str, Any]) -> Plan:
    read_, faults = read(spec)
    assert read_ is not None, faults
    plan, faults = build(read_)
    assert plan is not None, faults
    return plan


@dataclass
class Play:
    """One run, attempt by attempt. `tokens`: what was streamed, by key."""

    plan: Plan
    target: str
    topic: str = "tea"
    tape: Tape = field(default_factory=Tape)
    tokens: list[tuple[str, str]] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    fault: str = ""

    async def attempt(self) -> str:
        """completed, failed, waiting or crashed."""
        journal = Journal(self.tape.events, self.tape.append)
        run = Run(self.topic, "w", self.topic, "", journal, load(self.target), {}, self._emit)
        top = Attempt(run, self.plan, {"input": {"topic": self.topic}, "run": {"id": self.topic, "started_at": ""}})
        await top.play()
        try:
            await journal.append()
        except Fenced as signal:
            run.stop(signal)
        await journal.close()
        if isinstance(run.signal, Fenced):
            return "crashed"
        if run.failure:
            self.fault = run.failure[1].code
            return "failed"
        self.outputs = top.outputs() if ("crew", 1) in top.values else {}
        return "waiting" if top.waiting else "completed"

    async def _emit(self, _: str, key: str, text: str) -> None:
        self.tokens.append((key, text))

    def recorded(self, kind: str) -> list[str]:
        return [event.key or "" for event in self.tape.events if event.type == kind]
