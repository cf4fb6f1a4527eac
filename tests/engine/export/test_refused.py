"""What lives in the workspace alone is not written as code: the step is named, and why."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import Invalid
from engine.export import code
from tests.engine.export.cases import TARGETS, spec_of

ASK = {"prompt": "Hello?"}
WORK = {"role": "Clerk", "goal": "Help", "task": "Say hello."}


def refused(raw: dict[str, Any], target: str) -> list[dict[str, Any]]:
    with pytest.raises(Invalid) as raised:
        code(spec_of(raw), target)
    return raised.value.details


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("kind", "config", "field", "what"),
    [
        ("retrieve", {"collection": "a", "query": "b", "rerank": True}, "config.rerank", "lets a model sort"),
        ("ingest", {"collection": "handbook", "text": "leave"}, "kind", "adds to a collection"),
        ("remember", {"text": "leave"}, "kind", "keeps a fact in the memory"),
        ("recall", {"query": "leave"}, "kind", "reads the memory"),
        ("llm", {**ASK, "thread": "t"}, "config.thread", "a thread is kept in the memory"),
        ("llm", {**ASK, "learn": True}, "config.learn", "what people decided is kept in the memory"),
        ("agent", {**WORK, "thread": "t"}, "config.thread", "a thread is kept in the memory"),
    ],
)
def test_what_lives_in_the_workspace_is_named(target: str, kind: str, config: dict[str, Any], field: str, what: str):
    raw = {"nexod": 1, "name": "x", "nodes": [{"id": "it", "kind": kind, "title": "Our step", "config": config}]}
    (problem,) = refused(raw, target)
    assert (problem["node_id"], problem["field"]) == ("it", field)
    assert problem["message"].startswith("Our step: ") and what in problem["message"]
    assert problem["hint"]


@pytest.mark.parametrize("target", TARGETS)
def test_tools_that_need_the_workspace_are_left_to_fill_in(target: str):
    tools = [{"name": name} for name in ("knowledge_search", "remember", "recall")]
    raw = {"nexod": 1, "name": "x", "nodes": [{"id": "it", "kind": "agent", "config": {**WORK, "tools": tools}}]}
    text = code(spec_of(raw), target)
    compile(text, "x", "exec")
    assert all(f"async def {tool['name']}" in text for tool in tools)
    assert "NotImplementedError" in text


@pytest.mark.parametrize("target", TARGETS)
def test_what_a_call_costs_is_not_made_up(target: str):
    raw: dict[str, Any] = {"nexod": 1, "name": "x", "nodes": [{"id": "it", "kind": "llm", "config": ASK}]}
    (problem,) = refused(
        {**raw, "outputs": {"tokens": "{{ it.usage.input_tokens }}", "usd": "{{ it.usage.cost }}"}}, target
    )
    assert (problem["field"], "cost" in problem["message"]) == ("outputs.usd", True)
