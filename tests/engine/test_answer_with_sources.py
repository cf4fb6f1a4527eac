"""The template that checks its citations, on both engines: only sources that exist are given out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.events import Event
from tests.engine.harness import Bench
from tests.engine.test_conversation import TARGETS, models
from tests.world.models import ModelServer

__all__ = ["models"]
TEMPLATE: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "engine" / "templates" / "9-answer-with-sources.json").read_text(encoding="utf-8")
)
QUESTION = "How does a workflow wait for a person?"


async def play(folder: Path, question: str = QUESTION, target: str = "langgraph") -> tuple[Event, list[str]]:
    """How it ended, and the steps that ran."""
    bench = Bench(folder, target=target)
    run = bench.start({**TEMPLATE, "target": target}, {"question": question})
    end = await bench.settle(run, "run_completed", "run_failed", seconds=60)
    return end, [event.node_id or "" for event in bench.events(run) if event.type == "node_completed"]


@TARGETS
async def test_with_no_key_and_nothing_uploaded_it_answers_from_the_guide(tmp_path: Path, target: str):
    end, steps = await play(tmp_path, target=target)
    assert end.type == "run_completed", end.payload
    assert steps == ["docs", "found", "answer", "check", "sources"]
    answer, sources = end.payload["outputs"]["answer"], end.payload["outputs"]["sources"]
    assert "[1]" in answer and "\n\n[1] Waiting for people" in answer
    assert [one["number"] for one in sources] == [1]
    assert "inbox" in sources[0]["text"]


@TARGETS
async def test_an_invented_source_is_asked_about_once_more(tmp_path: Path, models: ModelServer, target: str):
    models.play({"text": "They wait [1][7]."}, {"text": "They wait in the inbox [2, 1]."})
    end, steps = await play(tmp_path, target=target)
    assert end.type == "run_completed"
    assert steps[-3:] == ["again", "recheck", "sources"]
    assert end.payload["outputs"]["answer"].startswith("They wait in the inbox [2, 1].\n\n[1] ")
    assert [one["number"] for one in end.payload["outputs"]["sources"]] == [1, 2]
    assert "They wait [1][7]." in str(models.requests[1]["body"]["messages"])


@pytest.mark.parametrize("answers", [
    ("So it is [6].", "Or so [0]."), ("So it is.", "Or so."), ("So [1], or so 【9】.", "So [1], or so [9, page 3]."),
    ("So [1], or so [Source 9].", "So [1], or so [ 99999 ]."), ("The sources do not say [9].", "So (1)."),
])  # fmt: skip
async def test_invented_twice_or_without_any_source_it_gives_no_answer(
    tmp_path: Path, models: ModelServer, answers: tuple[str, str]
):
    models.play(*({"text": text} for text in answers))
    end, _ = await play(tmp_path)
    assert end.type == "run_failed"
    assert (end.payload["error"]["code"], end.payload["error"]["node_id"]) == ("bad_citation", "invented")
    assert answers[1] in end.payload["error"]["message"]


async def test_a_model_may_say_that_the_sources_do_not(tmp_path: Path, models: ModelServer):
    models.play({"text": "The sources do not say."})
    end, steps = await play(tmp_path)
    assert steps[-1] == "sources"
    assert end.payload["outputs"] == {"answer": "The sources do not say.\n\n", "sources": []}


async def test_where_nothing_is_found_no_model_is_asked(tmp_path: Path, models: ModelServer):
    end, steps = await play(tmp_path, " ")
    assert steps == ["docs", "found", "nothing"]
    assert end.payload["outputs"] == {"answer": "Nothing in the collection fits this question.", "sources": []}
    assert models.requests == []
