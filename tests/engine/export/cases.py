"""Workflows to export and run, and how both sides of the comparison run them."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.events import NewEvent
from engine.export import code
from engine.spec import WorkflowSpec, read
from engine.store.sweep import sweep
from tests.engine.harness import Bench
from tests.world.models import ModelServer

ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = sorted((ROOT / "engine" / "templates").glob("*.json"))
TARGETS = ("langgraph", "crewai")


def spec_of(raw: Any) -> WorkflowSpec:
    spec, found = read(raw)
    assert spec is not None, found
    return spec


@dataclass
class Case:
    """A workflow, what it is given, what its models say, and what a person answers, line by line."""

    raw: dict[str, Any]
    rules: list[dict[str, Any]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    inputs: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path, *rules: dict[str, Any], lines: tuple[str, ...] = (), **more: Any) -> Case:
        return cls(json.loads(path.read_text()), list(rules), list(lines), **more)

    def export(self, target: str) -> str:
        return code(spec_of(self.raw), target)

    def given(self) -> dict[str, Any]:
        properties = (self.raw.get("inputs") or {}).get("properties") or {}
        return {name: part["default"] for name, part in properties.items() if "default" in part} | self.inputs


def says(answer: Any, **when: Any) -> dict[str, Any]:
    """A rule of the model server: `asked="Judge this"` → this answer."""
    return {"when": when, "then": {"text": answer} if isinstance(answer, str) else {"json": answer}}


async def on_the_platform(case: Case, folder: Path, target: str = "langgraph") -> dict[str, Any]:
    """Outputs of the same workflow run by Nexod, the same person answering."""
    bench = Bench(folder)
    run_id = bench.start({**case.raw, "target": target}, case.given())
    lines = list(case.lines)
    ends = ("run_completed", "run_failed", "run_waiting", "run_needs_review")
    event = await bench.settle(run_id, *ends, seconds=120)
    while event.type == "run_waiting":
        decided = {event.payload["approval_id"] for event in bench.events(run_id) if event.type == "approval_decided"}
        asked = [event for event in bench.events(run_id) if event.type == "approval_requested"]
        still = sorted((e for e in asked if e.payload["approval_id"] not in decided), key=lambda e: e.key)
        if not still:  # it waits for the clock
            await asyncio.sleep(0.05)
            sweep(bench.db)
            event = await bench.settle(run_id, *ends, seconds=120)
            continue
        open_ = still[0].payload
        word, _, rest = lines.pop(0).partition(" ")
        data = open_["data"] | (json.loads(rest) if rest.startswith("{") else {})
        answer = {
            "approval_id": open_["approval_id"], "decision": {"approve": "approved", "reject": "rejected"}[word],
            "data": data, "comment": "" if rest.startswith("{") else rest, "decided_by": "terminal",
        }  # fmt: skip
        bench.say(run_id, NewEvent("approval_decided", answer))
        event = await bench.settle(run_id, *ends, seconds=120)
    assert event.type == "run_completed", event.payload
    return event.payload["outputs"]


@dataclass
class Played:
    code: int
    out: str
    err: str


def as_scripts(jobs: list[tuple[Case, str, ModelServer]], folder: Path, python: str = sys.executable) -> list[Played]:
    """Exported files, each run as a script, by one Python one after the other: their libraries load slowly.
    Nothing of Nexod can be imported there."""
    told: list[dict[str, Any]] = []
    for n, (case, text, models) in enumerate(jobs):
        path = folder / f"exported_{n}.py"
        path.write_text(text)
        options = [
            part
            for name, value in case.inputs.items()
            for part in (f"--{name}", value if isinstance(value, str) else json.dumps(value))
        ]
        env = {"OPENAI_BASE_URL": models.url, "OPENAI_API_KEY": "world", "OPENAI_MODEL": "world", **case.env}
        told.append(
            {"path": str(path), "argv": options, "env": env, "stdin": "".join(f"{line}\n" for line in case.lines)}
        )
    (folder / "jobs.json").write_text(json.dumps(told))
    env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        [python, "-P", "-I", str(Path(__file__).with_name("player.py")), str(folder / "jobs.json")],
        cwd=folder, env=env, timeout=900, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [Played(**one) for one in json.loads((folder / "jobs.json.done").read_text())]
