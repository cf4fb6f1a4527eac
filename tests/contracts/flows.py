"""Workflows in a line or two, for checks from outside."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

Json = dict[str, Any]


def node(id: str, kind: str = "template", /, **config: Any) -> Json:
    """A step; `with_`, `json_` and `schema_` stand for the fields that Python or pytest would take."""
    named = {name.rstrip("_"): value for name, value in config.items()}
    return {"id": id, "kind": kind, "config": named or {"text": id}}


def edges(*texts: str) -> list[Json]:
    """`"a > b.out"` is read as `source[.port] > target`: `edges("a > b", "ask.approved > publish")`."""
    made: list[Json] = []
    for text in texts:
        start, *targets = (part.strip() for part in text.split(">"))
        for target in targets:
            source, _, port = start.partition(".")
            made.append({"source": source, "port": port or "out", "target": target.partition(".")[0]})
            start = target
    return made


def flow(*nodes: Json, wires: tuple[str, ...] = (), **more: Any) -> Json:
    return {"nexod": 1, "name": "Check", "nodes": list(nodes), "edges": edges(*wires), **more}


def chain(*nodes: Json, **more: Any) -> Json:
    ids = [one["id"] for one in nodes]
    return flow(*nodes, wires=tuple(f"{a} > {b}" for a, b in pairwise(ids)), **more)


def inputs(**types: str) -> Json:
    return {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in types.items()},
        "required": sorted(types),
    }


def value(expression: str, **more: Any) -> Json:
    """A workflow whose output `v` is the one expression, read through a step."""
    return flow(node("n", json_=f"{{{{ {expression} }}}}"), outputs={"v": "{{ n }}"}, **more)


def asking(inputs: Json | None = None, **approval: Any) -> Json:
    """A question and a step behind each answer."""
    return flow(
        node("ask", "approval", **{"question": "Publish?", "content": "These words.", **approval}),
        node("publish", text="Out: {{ ask.comment }}"),
        node("drop", text="Dropped"),
        wires=("ask.approved > publish", "ask.rejected > drop"),
        outputs={"decision": "{{ ask.decision }}", "by": "{{ ask.decided_by }}", "data": "{{ ask.data }}"},
        **({"inputs": inputs} if inputs else {}),
    )
