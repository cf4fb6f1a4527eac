"""Words for runs, kinds and keys."""

from __future__ import annotations

from typing import Any

import pytest

from engine.services import catalog
from engine.settings import Settings
from nexod_app import words
from nexod_app.editor import view as editor
from nexod_app.library import page
from nexod_app.library import view as library
from nexod_app.runs import view as runs
from nexod_app.settings import view as choices


@pytest.mark.parametrize(
    ("ms", "said"), [(6, "6 ms"), (2200, "2.2 s"), (184_000, "3 min 4 s"), (7_500_000, "2 h 5 min"), (-3, "0 ms")]
)
def test_a_duration_is_said_as_people_do(ms: int, said: str) -> None:
    assert words.duration(ms) == said


def run(**more: Any) -> dict[str, Any]:
    return {
        "id": "r", "workflow_id": "w", "version": 3, "target": "crewai", "status": "completed", "reason": None,
        "error": None, "waiting_for": [], "forked_from": None, "usage": {}, "created_at": "2026-01-01T00:00:00.000Z",
        "started_at": "2026-01-01T00:00:01.000Z", "completed_at": "2026-01-01T00:00:03.500Z", **more,
    }  # fmt: skip


def test_a_row_has_version_target_and_duration() -> None:
    row = runs.row(run(), "Refund desk")
    assert (row.name, row.version, row.target, row.took, row.fact) == ("Refund desk", "v3", "CrewAI", "2.5 s", "")


@pytest.mark.parametrize(
    ("more", "fact"),
    [
        ({"status": "failed", "error": {"message": "No answer."}}, "No answer."),
        ({"status": "waiting", "waiting_for": ["a"]}, "1 answer needed"),
        ({"status": "waiting"}, "Waits for its time"),
        ({"status": "needs_review", "reason": "quarantined"}, "The worker was lost three times in a row."),
    ],
)
def test_a_run_that_is_not_simply_fine_says_why(more: dict[str, Any], fact: str) -> None:
    assert runs.fact(run(**more)) == fact


def test_usage_carries_units() -> None:
    assert runs.usage({"input_tokens": 1200, "output_tokens": 400, "cost": 0.02}) == "1.6 k tokens · $0.02"
    assert runs.usage({"input_tokens": 1, "output_tokens": 0, "cost": 0.0001}) == "1 token · <$0.01"
    assert runs.usage({}) == ""


def test_types_are_said_in_words() -> None:
    root = {"$defs": {"Case": {"type": "object"}}}
    assert library.type_words({"anyOf": [{"type": "string"}, {"type": "null"}]}, root) == "text"
    assert library.type_words({"type": "array", "items": {"$ref": "#/$defs/Case"}}, root) == "list of object"
    assert library.type_words({"enum": ["auto", "demo"]}, root) == "auto or demo"
    assert library.type_words({}, root) == "any value"


def test_every_page_of_the_library_has_words() -> None:
    entries = page.entries()
    assert len({entry.id for entry in entries}) == len(entries)
    assert {"Tools", "Agents", "Crews"} <= {name for name, _ in library.grouped(entries)}
    assert library.grouped(entries)[0][0] == "AI"
    assert all(library.first_line(entry.help) and entry.words for entry in entries)
    researcher = next(entry for entry in entries if entry.id == "agent-researcher")
    assert researcher.chips == ("Tools", ["search", "browse"])
    assert "**Task**" in researcher.help


def test_a_preset_of_the_palette_is_a_step_of_its_kind() -> None:
    presets = {one["kind"]: one for one in editor.presets()}
    research = presets["crew:research"]
    assert (research["of"], research["group"], research["inputs"].keys()) == ("crew", "Crews", {"topic"})
    assert presets["agent:editor"]["sample"]["role"] == "Editor"


def test_every_kind_has_a_first_line_and_fields() -> None:
    for kind in catalog.node_types():
        assert library.first_line(kind["help"]), kind["kind"]
        assert all(field.type for field in library.fields(kind["config"])), kind["kind"]


def test_facts_of_the_server_tell_no_password(tmp_path: Any) -> None:
    secret = "postgresql://nexod:hunter2@db.example/nexod"
    told = choices.facts(Settings.read({"NEXOD_DATA": str(tmp_path), "DATABASE_URL": secret}))
    assert dict(told)["Database"] == "PostgreSQL"
    assert "hunter2" not in str(told)
