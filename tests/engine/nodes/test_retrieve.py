"""retrieve and ingest in real runs: numbered passages with their sources, and faults that say what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.knowledge import guide
from engine.passages import label, shown
from engine.plan import problems
from engine.services import collections, documents
from engine.store.models import DEFAULT_WORKSPACE as W
from engine.store.session import Workspace
from tests.engine.harness import Bench, chain
from tests.engine.test_conversation import TARGETS, models
from tests.world.models import ModelServer

__all__ = ["models"]
LEAVE = "# Leave\n\nEverybody has 30 days of leave a year.\n\n# Travel\n\nTrains are paid in second class."


def retrieve(id_: str = "docs", **config: Any) -> dict[str, Any]:
    return {"id": id_, "kind": "retrieve", "config": {"collection": "handbook", "query": "days of leave", **config}}


def add(id_: str = "add", **config: Any) -> dict[str, Any]:
    given = {"collection": "handbook", "title": "Staff handbook", "text": LEAVE, **config}
    return {"id": id_, "kind": "ingest", "config": {name: value for name, value in given.items() if value}}


def with_handbook(folder: Path, **more: Any) -> Bench:
    bench = Bench(folder, **more)
    collections.create(Workspace(bench.db, W), bench.settings, {"name": "handbook"})
    return bench


async def outputs(bench: Bench, *steps: dict[str, Any], **told: str) -> dict[str, Any]:
    run = bench.start(chain(*steps, outputs={name: f"{{{{ {value} }}}}" for name, value in told.items()}))
    end = await bench.settle(run, "run_completed", "run_failed", seconds=60)
    assert end.type == "run_completed", end.payload
    return end.payload["outputs"]


async def fault(bench: Bench, *steps: dict[str, Any]) -> dict[str, Any]:
    run = bench.start(chain(*steps))
    return (await bench.settle(run, "run_failed", seconds=60)).payload["error"]


@TARGETS
async def test_what_a_step_adds_the_next_one_finds(tmp_path: Path, target: str):
    bench = with_handbook(tmp_path, target=target)
    out = await outputs(bench, add(), retrieve(top_k=1), text="docs.text", matches="docs.matches", added="add")
    assert out["added"]["status"] == "ready" and out["added"]["chunks"] >= 1
    (match,) = out["matches"]
    assert {"id", "document_id", "score", "text", "metadata", "number", "label"} <= match.keys()
    assert match["document_id"] == out["added"]["document_id"]
    assert out["text"] == f"[1] Staff handbook\n{match['text']}"
    assert "30 days" in match["text"]


async def test_the_id_of_a_collection_does_as_well(tmp_path: Path):
    bench = with_handbook(tmp_path)
    id_ = collections.list_(Workspace(bench.db, W))["items"][0]["id"]
    out = await outputs(bench, add(collection=id_), retrieve(collection=id_), found="size(docs.matches) > 0")
    assert out == {"found": True}


async def test_a_filter_may_hold_expressions_and_a_score_leaves_out(tmp_path: Path):
    bench = with_handbook(tmp_path)
    by_title = {"filter": {"title": "{{ add.title }}"}}
    steps = (
        add(),
        retrieve("one", **by_title),
        retrieve("two", filter={"title": "Another"}),
        retrieve("three", min_score=1),
    )
    found = {name: f"size({name}.matches) > 0" for name in ("one", "two")}
    out = await outputs(bench, *steps, **found, text="two.text")
    assert out == {"one": True, "two": False, "text": ""}


async def test_a_filter_may_compare_with_what_only_the_run_knows(tmp_path: Path):
    bench = with_handbook(tmp_path)
    told = {"id": "told", "kind": "template", "config": {"json": {"most": 2**53, "titles": ["Staff handbook"]}}}
    page = {"created_ms": {"$lt": "{{ told.most }}"}, "title": {"$in": "{{ told.titles }}"}}
    none = {"created_ms": {"$gt": "{{ told.most }}"}}
    steps = add(), told, retrieve("one", filter=page), retrieve("two", filter=none)
    out = await outputs(bench, *steps, one="size(one.matches) > 0", two="size(two.matches)")
    assert out == {"one": True, "two": 0}
    error = await fault(bench, told, retrieve(filter={"page": {"$gt": "{{ told.titles }}"}}))
    assert error["code"] == "bad_filter"


async def test_an_unknown_collection_names_those_there_are(tmp_path: Path):
    bench = with_handbook(tmp_path)
    for step in (retrieve(collection="handbok"), add(collection="handbok")):
        error = await fault(bench, step)
        assert error["code"] == "unknown_collection"
        assert "'handbok'" in error["message"] and "'handbook'" in error["hint"]


@pytest.mark.parametrize(
    ("config", "field"),
    [({"filter": {"page": {"$near": 3}}}, "config.filter"), ({"top_k": 0}, "config.top_k"),
     ({"mode": "magic"}, "config.mode"), ({"min_score": 2}, "config.min_score"), ({"query": ""}, "config.query"),
     ({"collection": ""}, "config.collection")],
)  # fmt: skip
def test_a_wrong_setting_is_a_problem_with_its_field(config: dict[str, Any], field: str):
    (problem,) = problems({"nexod": 1, "name": "x", "nodes": [retrieve(**config)]})
    assert (problem.node_id, problem.field) == ("docs", field)
    assert problem.hint


def test_a_document_is_a_text_or_an_address():
    for config in ({"text": "", "url": ""}, {"url": "https://example.com/"}):
        assert problems({"nexod": 1, "name": "x", "nodes": [add(**config)]})[0].field in ("config.text", "config.url")


async def test_a_model_may_put_the_passages_in_order(tmp_path: Path, models: ModelServer):
    bench = with_handbook(tmp_path)
    texts = [f"Leave note {n}: days of leave." for n in (1, 2, 3)]
    steps = [add(f"add{n}", title=f"Note {n}", text=text) for n, text in enumerate(texts)]
    order = await outputs(bench, *steps, retrieve(top_k=3), ids="docs.matches.map(m, m.id)")
    models.play({"json": {"passages": [{"number": 3, "usefulness": 95}, {"number": 1, "usefulness": 20}]}})
    out = await outputs(bench, retrieve(top_k=2, rerank=True), matches="docs.matches")
    assert [one["id"] for one in out["matches"]] == [order["ids"][2], order["ids"][0]]
    assert [(one["number"], one["score"]) for one in out["matches"]] == [(1, 0.95), (2, 0.2)]


async def test_the_demo_model_leaves_the_order_and_says_so(tmp_path: Path):
    bench = with_handbook(tmp_path)
    out = await outputs(bench, add(), retrieve(rerank=True), warning="docs.warning", found="size(docs.matches) > 0")
    assert "demo model" in out["warning"] and out["found"]


# The guide -------------------------------------------------------------------------------------------------------


async def test_the_guide_is_made_once_and_is_a_collection_like_any_other(tmp_path: Path):
    bench = Bench(tmp_path)
    ws = Workspace(bench.db, W)
    step = retrieve(collection="guide", query="What is a crew?")
    runs = [bench.start(chain({**step, "id": "docs"})) for _ in range(3)]
    for run in runs:
        await bench.settle(run, "run_completed", seconds=60)
    (one,) = collections.list_(ws)["items"]
    assert (one["name"], one["documents"]) == ("guide", len(list(guide.PAGES.glob("*.md"))))
    collections.delete(ws, one["id"])
    assert collections.list_(ws)["items"] == []
    out = await outputs(bench, step, first="docs.matches[0].metadata.title")
    assert out == {"first": "Models and agents"}


async def test_a_guide_of_somebodys_own_is_left_alone(tmp_path: Path):
    bench = Bench(tmp_path)
    ws = Workspace(bench.db, W)
    mine = collections.create(ws, bench.settings, {"name": "guide"})
    out = await outputs(bench, retrieve(collection="guide"), matches="docs.matches")
    assert out == {"matches": []}
    assert documents.list_(ws, mine["id"])["items"] == []


# How a passage is called -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"title": "Handbook", "source": "handbook.pdf", "page": 12}, "Handbook — handbook.pdf, page 12"),
        ({"title": "notes.txt", "source": "notes.txt"}, "notes.txt"),
        ({"source": "https://example.com/a"}, "https://example.com/a"),
        ({"title": "A", "page": 3.0}, "A, page 3"),
        ({}, "Untitled"),
    ],
)
def test_a_label_says_where_a_passage_is_from(metadata: dict[str, Any], said: str):
    assert label(metadata) == said


def test_passages_are_numbered_from_one():
    found = [{"id": str(n), "text": f"Text {n}", "score": 1, "metadata": {"title": f"T{n}"}} for n in (1, 2)]
    assert shown(found)["text"] == "[1] T1\nText 1\n\n[2] T2\nText 2"
    assert shown([]) == {"text": "", "matches": []}
