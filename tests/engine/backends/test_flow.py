"""The CrewAI target as a declaration, and as a guest: it asks nobody, leaves nothing, changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from engine.backends import load
from tests.engine.flows import edges, made, plan_of, route, step, workflow
from tests.running import ROOT

GOLDEN = ROOT / "tests" / "golden" / "crewai-flow.json"


def drawing() -> dict[str, Any]:
    """A split, a route, joins of both kinds, a loop through a person, a port for errors."""
    return workflow(
        step("start"),
        step("left"),
        route("right", "yes", "no"),
        step("both"),
        step("first", join="any"),
        made("ask", "approval", question="?"),
        step("fails"),
        step("end"),
        edges=edges(
            "start left", "start right", "left both", "right.yes both", "right.no fails", "fails first",
            "fails.error first", "both ask", "ask.rejected both", "ask.approved first", "first end",
        ),
        target="crewai",
    )  # fmt: skip


def test_the_declaration_of_a_drawing_stays_as_it_is() -> None:
    program: Any = load("crewai").compile(plan_of(drawing()))
    said = json.dumps(program.definition, indent=2) + "\n"
    if os.environ.get("NEXOD_TEST_WRITE"):
        GOLDEN.write_text(said)
    assert said == GOLDEN.read_text()


def test_the_declaration_is_crewais_own() -> None:
    from crewai.flow.flow_definition import FlowDefinition

    declared = FlowDefinition.from_declaration(contents=json.loads(GOLDEN.read_text()))
    assert {name for name in declared.methods if name.islower()} == plan_of(drawing()).nodes.keys()


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process that ran two crews with CrewAI says of itself; its folder holds traps."""
    folder = tmp_path_factory.mktemp("guest")
    (folder / ".env").write_text("OPENAI_API_KEY=stolen\nNEXOD_FROM_DOTENV=1\n")
    (folder / "trained_agents_data.pkl").write_bytes(b"cos\nabort\n(tR.")  # unpickled, it would end the process
    ours = {"PYTHONPATH": str(ROOT), "HOME": str(folder), "REDIS_URL": "redis://203.0.113.1:6379"}
    gone = ("CREWAI_", "OTEL_", "OPENAI_", "PYTHONDONTWRITEBYTECODE", "XDG_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(gone)} | ours
    done = subprocess.run(
        [sys.executable, "-B", "-m", "tests.engine.backends.guarded"],
        cwd=folder, env=env, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    *printed, last = done.stdout.splitlines()
    return {**json.loads(last), "printed": printed, "stderr": done.stderr}


def test_crews_run_without_one_attempt_to_leave_the_machine(guest: dict[str, Any]) -> None:
    assert guest["ends"] == ["completed", "completed"]
    assert guest["texts"] == ["Six.", "Done."]
    assert guest["asked"][1] == "crew#1/all/analyst/model:0"
    assert guest["attempts"] == []


def test_crewai_leaves_nothing_behind(guest: dict[str, Any]) -> None:
    assert guest["files"] == [], guest["files"]
    assert guest["printed"] == []
    assert guest["stderr"] == ""
    assert guest["vector_store"] is False


def test_crewai_takes_no_settings_from_the_working_directory(guest: dict[str, Any]) -> None:
    assert guest["environment"] == [
        "CREWAI_DISABLE_TELEMETRY", "CREWAI_DISABLE_VERSION_CHECK", "CREWAI_STORAGE_DIR", "CREWAI_TRACING_ENABLED",
        "OTEL_SDK_DISABLED",
    ]  # fmt: skip
    assert guest["warnings"] is True
