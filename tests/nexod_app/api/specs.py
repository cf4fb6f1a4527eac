"""Small workflows for the tests of the API."""

from __future__ import annotations

from typing import Any


def node(id: str, kind: str = "template", **config: Any) -> dict[str, Any]:
    return {"id": id, "kind": kind, "config": config or {"text": id}}


def flow(*nodes: dict[str, Any], edges: tuple[tuple[str, str, str], ...] = (), **more: Any) -> dict[str, Any]:
    wired = [{"source": source, "port": port, "target": target} for source, port, target in edges]
    return {"nexod": 1, "name": "Test", "nodes": list(nodes), "edges": wired, **more}


def topic() -> dict[str, Any]:
    """One declared input, one step, one output."""
    return flow(
        node("draft", text="About {{ input.topic }}"),
        inputs={"type": "object", "properties": {"topic": {"type": "string"}}, "required": ["topic"]},
        outputs={"text": "{{ draft.text }}"},
    )


def asking(**approval: Any) -> dict[str, Any]:
    """A step, a question, and a step behind each answer."""
    return flow(
        node("draft", text="Words"),
        node("ask", "approval", question="Publish?", content="{{ draft.text }}", **approval),
        node("publish", text="Out: {{ ask.comment }}"),
        node("drop", text="Dropped"),
        edges=(("draft", "out", "ask"), ("ask", "approved", "publish"), ("ask", "rejected", "drop")),
    )
