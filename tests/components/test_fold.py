"""The page folds a journal as the engine does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from engine.events import Event
from engine.fold import fold

HERE = Path(__file__).parent
NODE = Path(sys.executable).parent / "node"
Step = tuple[str, str | None, str | None, dict[str, Any]]

ASK: list[Step] = [
    ("run_created", None, None, {"inputs": {}}),
    ("run_started", None, None, {"attempt": 1}),
    ("node_started", "draft", "draft#1", {"visit": 1, "input": {}}),
    ("model_called", "draft", "draft#1/model:0", {"usage": {"input_tokens": 3}}),
    ("node_completed", "draft", "draft#1", {"port": "out", "output": {"text": "x"}}),
    ("node_started", "ask", "ask#1", {"visit": 1, "input": {}}),
    ("approval_requested", "ask", "ask#1", {"approval_id": "q1", "question": "?"}),
    ("run_waiting", None, None, {"waiting_for": ["q1"]}),
]
LOOP: list[Step] = [
    *ASK,
    ("approval_decided", "ask", "ask#1", {"approval_id": "q1", "decision": "rejected"}),
    ("node_completed", "ask", "ask#1", {"port": "rejected", "output": {}}),
    ("node_started", "draft", "draft#2", {"visit": 2, "input": {}}),
    ("node_retry", "draft", "draft#2/retry:1", {"attempt": 1, "delay_s": 0, "error": {"code": "x", "message": "y"}}),
]
ENDS: list[list[Step]] = [
    [
        ("node_completed", "draft", "draft#2", {"port": "out", "output": 1}),
        ("run_completed", None, None, {"outputs": {}}),
    ],
    [
        ("node_failed", "draft", "draft#2", {"error": {"code": "c", "message": "m"}}),
        ("run_failed", None, None, {"error": {}}),
    ],
    [("cancel_requested", None, None, {}), ("run_cancelled", None, None, {})],
    [("attempt_lost", None, None, {"attempt": 1})],
    [("run_needs_review", "draft", "draft#2", {"reason": "unsafe_effect"})],
]
NESTED: list[Step] = [
    ("run_created", None, None, {}),
    ("run_started", None, None, {}),
    ("node_started", "sub", "sub#1", {"visit": 1}),
    ("node_started", "sub[0]/ask", "sub#1[0]/ask#1", {"visit": 1}),
    ("approval_requested", "sub[0]/ask", "sub#1[0]/ask#1", {"approval_id": "q2"}),
]
IDS = ("draft", "ask", "later", "sub")


def journal(steps: list[Step]) -> list[Event]:
    return [Event(seq, kind, node, key, 1_000 * seq, load) for seq, (kind, node, key, load) in enumerate(steps)]  # type: ignore[arg-type]


def test_the_page_and_the_engine_tell_the_same_story() -> None:
    journals = [journal(steps) for steps in (ASK, LOOP, NESTED, *(LOOP + end for end in ENDS))]
    for events, page in zip(journals, folded(journals), strict=True):
        view = fold(events, IDS)
        assert page["status"] == view.status
        assert page["waiting"] == view.waiting_for
        assert page["nodes"] == {node: [view.nodes[node].status, view.nodes[node].visits] for node in IDS}


def test_a_call_names_the_agent_that_made_it() -> None:
    keys = {
        "crew#1/facts/researcher/model:0": "researcher",
        "crew#1/retry:1/facts/researcher/tool:1.0": "researcher",
        "sub#1[2]/crew#1/text/writer/model:3~1": "writer",
        "alone#1/task/agent/model:0": None,
        "draft#1/model:0": None,
    }
    steps: list[Step] = [("model_called", str(n), key, {}) for n, key in enumerate(keys)]
    assert folded([journal(steps)])[0]["who"] == list(keys.values())


def folded(journals: list[list[Event]]) -> list[dict[str, Any]]:
    """As the page folds them."""
    asked = [{"events": [event.to_json() for event in events], "nodes": IDS} for events in journals]
    done = subprocess.run([NODE, HERE / "fold_cli.mjs"], input=json.dumps(asked), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found
