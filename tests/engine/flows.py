"""Short ways to write workflows in tests, and random ones."""

from __future__ import annotations

import random
from typing import Any

from engine.plan import Plan, build, problems
from engine.spec import WorkflowSpec, read


def step(id: str, text: str = "x", **more: Any) -> dict[str, Any]:
    return {"id": id, "kind": "template", "config": {"text": text}, **more}


def made(id: str, kind: str, /, **config: Any) -> dict[str, Any]:
    return {"id": id, "kind": kind, "config": config}


def route(id: str, *ports: str, **more: Any) -> dict[str, Any]:
    return {**made(id, "condition", cases=[{"port": p, "when": "true"} for p in ports]), **more}


def edge(source: str, target: str, port: str = "out") -> dict[str, Any]:
    return {"source": source, "port": port, "target": target}


def edges(*drawn: str) -> list[dict[str, Any]]:
    """`"a b"` or `"a.port b"`."""
    made = []
    for text in drawn:
        start, target = text.split()
        source, _, port = start.partition(".")
        made.append(edge(source, target, port or "out"))
    return made


def workflow(*nodes: dict[str, Any], edges: Any = (), **more: Any) -> dict[str, Any]:
    return {"nexod": 1, "name": "Test", "nodes": list(nodes), "edges": list(edges), **more}


def spec_of(raw: Any) -> WorkflowSpec:
    spec, found = read(raw)
    assert spec is not None, found
    return spec


def plan_of(raw: Any) -> Plan:
    plan, found = build(spec_of(raw))
    assert plan is not None, found
    return plan


def codes(raw: Any) -> list[str]:
    return [p.code for p in problems(raw)]


def random_raw(seed: int, most: int = 14, any_joins: bool = True) -> dict[str, Any]:
    """A random workflow of steps, routes, approvals, joins, loops; every node is reachable, some are refused."""
    r = random.Random(seed)
    ids = [f"n{i}" for i in range(r.randint(2, most))]
    ports: dict[str, list[str]] = {}
    nodes: list[dict[str, Any]] = []
    p_route, p_any, p_back = r.choice([0.15, 0.3, 0.45]), r.choice([0, 0.3]) * any_joins, r.choice([0, 0.2, 0.5])
    for n in ids:
        kind = r.random()
        if kind < p_route:
            nodes.append(route(n, *"ab"[: r.choice([1, 2])]))
            ports[n] = [*(c["port"] for c in nodes[-1]["config"]["cases"]), "else"]
        elif kind < p_route + 0.1:
            nodes.append(made(n, "approval", question="?"))
            ports[n] = ["approved", "rejected"]
        else:
            nodes.append(step(n))
            ports[n] = ["out", "error"] if r.random() < 0.1 else ["out"]
        nodes[-1]["join"] = "any" if r.random() < p_any else "all"
    drawn = set()
    entries = r.choice([1, 1, 1, 2])
    for i in range(entries, len(ids)):
        for source in r.sample(ids[:i], min(i, r.choice([1, 1, 2, 2, 3]))):
            drawn.add((source, r.choice(ports[source]), ids[i]))
    for i, n in enumerate(ids):
        for port in ports[n]:
            if i > entries and len(ports[n]) > 1 and r.random() < p_back:
                drawn.add((n, port, ids[r.randint(entries, i)]))
    return workflow(*nodes, edges=[edge(s, t, p) for s, p, t in sorted(drawn)])
