"""Threads and learned patterns in real runs, on both engines: told once, read alike in every attempt."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from engine.knowledge import memory
from engine.store.models import DEFAULT_WORKSPACE as W
from engine.store.models import MemoryItem, new_id
from engine.store.session import Workspace
from tests.engine.harness import Bench, chain
from tests.world.models import ModelServer

TARGETS = pytest.mark.parametrize("target", ["langgraph", "crewai"])
INPUTS = {"type": "object", "properties": {"question": {"type": "string"}}}


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Any:
    with ModelServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        yield server


def step(kind: str, id_: str = "it", **config: Any) -> dict[str, Any]:
    asked: dict[str, Any] = {"prompt": "{{ input.question }}"} if kind == "llm" else {
        "role": "Clerk", "goal": "Help", "task": "{{ input.question }}"
    }
    return {"id": id_, "kind": kind, "config": {**asked, **config}}


def flow(*nodes: dict[str, Any]) -> dict[str, Any]:
    return chain(*nodes, inputs=INPUTS)


def said(bench: Bench, thread: str = "t") -> list[tuple[str, str]]:
    return [(one["role"], one["text"]) for one in memory.thread(bench.db, W, thread, last=100)]


def sent(models: ModelServer) -> list[str]:
    """All that each request told the model."""
    return ["\n".join(str(m["content"]) for m in one["body"]["messages"]) for one in models.requests]


@TARGETS
@pytest.mark.parametrize("kind", ["llm", "agent"])
async def test_the_next_run_goes_on_from_what_was_said(tmp_path: Path, models: ModelServer, target: str, kind: str):
    bench = Bench(tmp_path, target=target)
    spec = flow(step(kind, thread="t"))
    for question, answer in (("My name is Anna.", "Hello Anna."), ("What is my name?", "Anna.")):
        models.play({"text": answer})
        await bench.settle(bench.start(spec, {"question": question}), "run_completed")
    first, second = sent(models)
    assert "Hello Anna." not in first
    assert "My name is Anna." in second and "Hello Anna." in second and "What is my name?" in second
    assert said(bench) == [
        ("user", "My name is Anna."), ("assistant", "Hello Anna."), ("user", "What is my name?"), ("assistant", "Anna."),
    ]  # fmt: skip


async def test_without_a_thread_nothing_is_kept_and_nothing_recorded(tmp_path: Path):
    bench = Bench(tmp_path)
    run = bench.start(flow(step("llm")), {"question": "Hello?"})
    await bench.settle(run, "run_completed")
    assert "tool_called" not in bench.types(run)
    assert said(bench) == []


async def test_a_script_for_the_demo_model_is_not_kept(tmp_path: Path):
    bench = Bench(tmp_path)
    spec = flow(step("llm", prompt='{{ input.question }}\n\nx-demo: ["Scripted."]', thread="t"))
    await bench.settle(bench.start(spec, {"question": "First?"}), "run_completed")
    assert said(bench) == [("user", "First?"), ("assistant", "Scripted.")]


async def test_the_demo_model_answers_the_question_and_not_what_was_asked_before(tmp_path: Path):
    bench = Bench(tmp_path)
    spec = flow(step("llm", thread="t"))
    for question in ("What is a heat pump?", "What is a tidal mill?"):
        await bench.settle(bench.start(spec, {"question": question}), "run_completed")
    assert "tidal mill" in said(bench)[-1][1]
    assert "heat pump" not in said(bench)[-1][1]
