"""The rows of the first page, and the pictures in them."""

from __future__ import annotations

from typing import Any

from components.thumbnail import LARGE, thumbnail
from engine.services import catalog
from nexod_app.workflows import view

SPEC: dict[str, Any] = {
    "name": "A", "nodes": [
        {"id": "a", "kind": "llm", "config": {}, "position": {"x": 0, "y": 0}},
        {"id": "b", "kind": "http", "config": {}, "position": {"x": 0, "y": 124}},
        {"id": "n", "kind": "note", "config": {}},
    ],
    "edges": [{"source": "a", "port": "out", "target": "b"}, {"source": "b", "port": "error", "target": "a"}],
}  # fmt: skip
GROUPS = {"llm": "ai", "http": "integration"}


def run(status: str, workflow: str = "w1", waiting: int = 0) -> dict[str, Any]:
    return {"workflow_id": workflow, "status": status, "waiting_for": ["a"] * waiting}


def workflow(**more: Any) -> dict[str, Any]:
    return {"id": "w1", "name": "A", "spec": SPEC, "problems": [], "updated_at": "2026-01-01T00:00:00Z", **more}


def test_the_last_ten_runs_stand_oldest_first() -> None:
    bars = view.bars([run("running"), run("failed"), *[run("completed")] * 12])
    assert len(bars) == 10
    assert bars[-2:] == ["s-failed", "s-running"]
    assert view.bars([run("completed")]) == ["no"] * 9 + ["s-completed"]


def test_what_needs_a_person_is_said_first() -> None:
    assert view.now([run("failed"), run("waiting", waiting=2)], []) == ("waiting", "2 answers needed")
    assert view.now([run("failed")], []) == ("failed", "Last run failed")
    assert view.now([], [{"severity": "warning"}]) == ("idle", "Never run")
    assert view.now([], [{"severity": "error"}]) == ("failed", "Not ready yet")


def test_runs_go_to_their_own_row() -> None:
    (row,) = view.rows([workflow()], [run("completed", "other"), run("failed")], GROUPS)
    assert (row.status, row.bars[-1], row.bars[-2], row.description) == ("failed", "s-failed", "no", "2 steps")


def test_the_search_wants_every_word() -> None:
    rows = view.rows([workflow(), workflow(name="Refund desk")], [], GROUPS)
    assert [row.name for row in view.kept(rows, "DESK refund", "changed")] == ["Refund desk"]
    assert [row.name for row in view.kept(rows[::-1], "", "name")] == ["A", "Refund desk"]


def test_the_guide_points_at_the_first_open_step() -> None:
    guide = view.guide([True, False, True, False])
    assert (guide.steps, guide.words, guide.open) == (["done", "on", "done", ""], "2 of 4", True)
    assert not view.guide([True] * 4).open


def test_a_run_asks_only_for_inputs_without_a_default() -> None:
    inputs = {"properties": {"topic": {"default": "tea"}, "to": {}}, "required": ["topic"]}
    assert not view.needs_answers({"inputs": inputs})
    assert view.needs_answers({"inputs": {**inputs, "required": ["to"]}})


def test_a_picture_has_a_bar_for_each_step_and_a_wire_for_each_edge() -> None:
    small = thumbnail(SPEC, GROUPS)
    assert small.count("<rect") == 2
    assert small.count("<path") == 2
    assert 'class="t g-ai"' in small
    assert thumbnail(SPEC, GROUPS, LARGE).count('class="n"') == 2


def test_a_picture_of_nothing_or_of_very_much_is_no_problem() -> None:
    assert "<rect" not in thumbnail({"nodes": []}, {})
    many = [{"id": f"n{i}", "kind": "llm", "position": {"x": i * 1e6, "y": 0}} for i in range(2000)]
    assert len(thumbnail({"nodes": many}, {})) < 20_000


def test_every_template_has_a_picture() -> None:
    groups = {kind["kind"]: kind["group"].lower() for kind in catalog.node_types()}
    for template in catalog.templates():
        assert "<rect" in thumbnail(template["spec"], groups, LARGE), template["slug"]
