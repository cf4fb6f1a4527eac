"""Plugins through real entry points: a package on the path, with its dist-info, brings a tool, an agent and a step."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = '''
"""Rooms for meetings."""
from typing import Any, ClassVar

from pydantic import Field

from engine.agents import Specialist, preset
from engine.node import Group, NodeConfig, Step, ToolUse, node
from engine.tools import ToolContext, tool


class Office(NodeConfig):
    office: str = Field("Zurich", title="Office")


@tool(title="Book a room", icon="tool", config=Office)
async def book_room(room: str, config: Office, ctx: ToolContext, hours: int = 1) -> dict[str, Any]:
    """Books a meeting room and answers the booking.

    room: its name, as written on the door.
    hours: how long.
    """
    return {"booked": f"{room} in {config.office} for {hours} h"}


@preset
class Concierge(Specialist):
    """Finds a room for a meeting and books it."""

    name, title = "concierge", "Concierge"
    tools = (ToolUse("book_room", {"office": "Bern"}),)
    role = "Concierge"
    goal = "A room that fits the meeting"
    backstory = "You know which rooms are loud and which are cold."
    task = "Find and book a room for: {{ input.meeting }}"
    inputs = {"meeting": "Meeting"}


@node
class Shout(Step):
    """Says it louder."""

    kind, title, group, icon = "shout", "Shout", Group.DATA, "template"

    class Config(NodeConfig):
        text: str = Field(title="Text")

    sample: ClassVar[dict[str, Any]] = {"text": "hello"}

    async def run(self, config: Config, inputs: Any, ctx: Any) -> dict[str, Any]:
        return {"text": config.text.upper()}
'''
POINTS = "[nexod.tools]\nrooms = rooms\n[nexod.agents]\nrooms = rooms\n[nexod.nodes]\nrooms = rooms\n"
CALL = json.dumps({"tool_calls": [{"name": "book_room", "arguments": {"room": "Red"}}]})
FLOW = {
    "nexod": 1, "name": "Rooms",
    "outputs": {"room": "{{ book.booked }}", "loud": "{{ loud.text }}", "said": "{{ ask.text }}"},
    "nodes": [
        {"id": "book", "kind": "tool", "config": {"tool": "book_room", "args": {"room": "Blue", "hours": 2}}},
        {"id": "loud", "kind": "shout", "config": {"text": "done"}},
        {"id": "ask", "kind": "agent", "config": {
            "role": "Concierge", "goal": "A room", "provider": "demo", "tools": [{"name": "book_room"}],
            "task": f"Book one. x-demo: {json.dumps([CALL, 'Red it is.'])}",
        }},
    ],
    "edges": [{"source": "book", "port": "out", "target": "loud"}, {"source": "loud", "port": "out", "target": "ask"}],
}  # fmt: skip


def installed(home: Path, module: str = MODULE, name: str = "rooms") -> dict[str, str]:
    """The environment of a process that finds the package."""
    (home / f"{name}.py").write_text(module)
    info = home / f"nexod_{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: nexod-{name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS.replace("rooms", name))
    return {**os.environ, "PYTHONPATH": f"{home}{os.pathsep}{ROOT}", "NEXOD_DATA": str(home / "data"), "PORT": "0"}


def test_one_that_breaks_is_named_and_stops_nobody_else(tmp_path: Path):
    installed(tmp_path, "import nothing_there", "broken")
    env = installed(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", LISTED], env=env, cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert "book_room" in done.stdout
    assert "The plugin broken of the package nexod-broken was left out" in done.stderr
    assert "Traceback" not in done.stderr


def python(env: dict[str, str], code: str) -> Any:
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


LISTED = """
import json
from engine.services import catalog
from nexod_app.editor import view
print(json.dumps({
    "kinds": catalog.node_types(), "tools": catalog.tools(), "library": catalog.agent_library(),
    "palette": view.kinds() + view.presets(),
}))
"""
RUN = """
import asyncio, json, sys
from pathlib import Path
from tests.engine.harness import Bench
async def main():
    bench = Bench(Path(sys.argv[1]))
    ended = await bench.settle(bench.start(json.loads(sys.argv[2]), {}), seconds=120)
    print(json.dumps([ended.type, ended.payload]))
sys.argv[1:] = %r
asyncio.run(main())
"""


def test_what_a_package_brings_is_listed_and_drawn(tmp_path: Path):
    listed = python(installed(tmp_path), LISTED)
    found = {one["kind"]: one for one in listed["kinds"]}
    assert found["shout"]["help"] == "Says it louder."
    tool = next(one for one in listed["tools"] if one["name"] == "book_room")
    assert tool["parameters"]["required"] == ["room"] and "office" in json.dumps(tool["config"])
    assert next(one for one in listed["library"] if one["name"] == "concierge")["config"]["goal"].startswith("A room")
    drawn = {one["kind"] for one in listed["palette"]}
    assert {"shout", "agent:concierge"} <= drawn


@pytest.mark.parametrize("target", ["langgraph", "crewai"])
def test_what_a_package_brings_runs(target: str, tmp_path: Path):
    env = installed(tmp_path)
    kind, ended = python(env, RUN % [str(tmp_path), json.dumps({**FLOW, "target": target})])
    assert kind == "run_completed", ended
    assert ended["outputs"] == {"room": "Blue in Zurich for 2 h", "loud": "DONE", "said": "Red it is."}
