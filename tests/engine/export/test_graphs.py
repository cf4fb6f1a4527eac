"""Random graphs, exported, run as in Nexod: forks, routes, joins of every class, loops, and what each step may read."""

from __future__ import annotations

import contextlib
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Invalid
from engine.plan import build
from tests.engine.export.cases import TARGETS, Case, as_scripts, on_the_platform, spec_of
from tests.engine.flows import edge, made, random_raw, step, workflow
from tests.world.models import ModelServer

COUNT = int(os.environ.get("EXPORT_GRAPHS", "40"))


class Drawing:
    """A graph as people draw them: sequences, forks that meet, routes that merge, loops, one within the other."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.nodes: list[dict[str, Any]] = []
        self.edges: list[dict[str, Any]] = []
        self.sequence([self.add(step)], 3)

    def raw(self) -> dict[str, Any]:
        return workflow(*self.nodes, edges=self.edges)

    def add(self, make: Any, *ends: tuple[str, str]) -> tuple[str, str]:
        name = f"n{len(self.nodes)}"
        self.nodes.append(make(name))
        self.edges += [edge(source, name, port) for source, port in ends]
        return name, "out"

    def sequence(self, ends: list[tuple[str, str]], depth: int) -> list[tuple[str, str]]:
        for _ in range(self.random.randint(1, 2)):
            ends = self.block(ends, depth)
        return ends

    def block(self, ends: list[tuple[str, str]], depth: int) -> list[tuple[str, str]]:
        kind = "step" if depth == 0 else self.random.choices(["step", "fork", "route", "loop"], [40, 20, 25, 15])[0]
        if kind == "step":
            return [self.add(step, *ends)]
        if kind == "fork":
            fork = self.add(step, *ends)
            return [self.add(step, *(end for _ in range(2) for end in self.sequence([fork], depth - 1)))]
        if kind == "route":
            route, _ = self.add(condition("a", "b"), *ends)
            ways = [end for port in "ab" for end in self.sequence([(route, port)], depth - 1)]
            return [self.add(step, *ways, *([(route, "else")] if self.random.random() < 0.5 else []))]
        head = self.add(step, *ends)
        gate, _ = self.add(condition("again"), *self.sequence([head], depth - 1))
        self.edges.append(edge(gate, head[0], "again"))
        return [(gate, "else")]


def condition(*ports: str) -> Any:
    return lambda name: made(name, "condition", cases=[{"port": port, "when": ""} for port in ports])


GRAPHS = {"any": lambda seed: random_raw(seed, most=10), "drawn": lambda seed: Drawing(seed).raw()}


def random_case(seed: int, graphs: str) -> Case | None:
    """A random workflow whose texts tell what each step has read; None for one that is refused."""
    raw = GRAPHS[graphs](seed)
    r = random.Random(seed)
    for node in raw["nodes"]:
        if node["kind"] == "approval":
            node |= condition("approved", "rejected")(node["id"])
        node["max_visits"] = 6
    plan, _ = build(spec_of(blank(raw)))
    if plan is None:
        return None
    texts = [node["id"] for node in raw["nodes"] if node["kind"] == "template"]
    for node in raw["nodes"]:
        before = [n for n in texts if plan.reaches(n, node["id"])]
        read = r.sample(before, min(len(before), 2))
        if node["kind"] == "template":
            told = " ".join(f"{{{{ has({n}.text) ? string(size({n}.text)) : '-' }}}}" for n in read)
            node["config"] = {"text": f"{node['id']} {told}"}
        else:
            for n, case in enumerate(node["config"]["cases"]):
                asked = [f"(has({b}.text) ? size({b}.text) : {n})" for b in read] or [str(r.randint(0, 9))]
                case["when"] = f"({' + '.join(asked)}) % {r.randint(2, 3)} == {r.randint(0, 1)}"
    raw["outputs"] = {n: f"{{{{ has({n}.text) ? {n}.text : null }}}}" for n in texts}
    return Case(raw) if build(spec_of(raw))[0] else None


def blank(raw: dict[str, Any]) -> dict[str, Any]:
    raw = json.loads(json.dumps(raw))
    for node in raw["nodes"]:
        for case in node["config"].get("cases", []):
            case["when"] = "true"
    return raw


@pytest.mark.parametrize("graphs", GRAPHS)
@pytest.mark.parametrize("target", TARGETS)
async def test_random_graphs_run_as_in_nexod(target: str, graphs: str, tmp_path: Path):
    """What cannot be written without a race is refused, and nothing that is written answers otherwise."""
    found: list[tuple[int, Case, str]] = []
    seed = 0
    while len(found) < COUNT:
        seed += 1
        case = random_case(seed, graphs)
        if case is None or not 4 <= len(case.raw["nodes"]) <= 40:
            continue
        with contextlib.suppress(Invalid):
            found.append((seed, case, case.export(target)))
    with ModelServer() as models:
        done = as_scripts([(case, text, models) for _, case, text in found], tmp_path)
    wrong = {}
    for (seed, case, _), played in zip(found, done, strict=True):
        (folder := tmp_path / str(seed)).mkdir()
        try:
            wanted = await on_the_platform(case, folder, target)
        except AssertionError as fault:
            assert "too_many_visits" in str(fault) and "too_many_visits" in played.err, (seed, fault, played.err)
            continue
        if played.code or json.loads(played.out) != wanted:
            wrong[seed] = (wanted, played.out, played.err[-300:])
    assert not wrong, json.dumps(wrong, indent=1)
    assert seed < 8 * COUNT, "many of them can be written"
