"""Random workflows for the comparison of engines, and the node kinds they are made of.

The kinds answer with a hash of node, visit and causal past, so that any change of order, visit or input shows.
"""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar

from hypothesis import strategies as st

from engine.errors import NodeError
from engine.node import Group, NodeConfig, Outcome, Pause, Question, Route, Step, node
from engine.spec import WorkflowSpec, read


def stable(*parts: Any) -> int:
    """A small number that is the same in every process."""
    return int(hashlib.blake2b(repr(parts).encode(), digest_size=6).hexdigest(), 16)


def value_of(node_id: str, visit: int, past: dict[str, int]) -> int:
    return stable(node_id, visit, sorted(past.items()))


def port_of(seed: int, node_id: str, visit: int, ports: tuple[str, ...]) -> str:
    return ports[stable(seed, node_id, visit) % len(ports)]


class ProbeConfig(NodeConfig):
    seed: int = 0
    fails_at: int = 0
    flaky: int = 0


@node
class Probe(Step):
    """Tells what it knew when it ran; fails at one visit, or as often as `flaky` says before it succeeds."""

    kind, title, group, icon = "probe", "Probe", Group.LOGIC, "template"
    Config = ProbeConfig
    sample: ClassVar[dict[str, Any]] = {}

    async def run(self, config: ProbeConfig, inputs: Any, ctx: Any) -> Any:
        if config.fails_at == ctx.visit:
            raise NodeError("told to fail", code="told")
        if len(ctx.failures()) < config.flaky:
            raise NodeError("flaky", code="flaky", retryable=True)
        return {"v": value_of(ctx.node_id.rsplit("/")[-1], ctx.visit, ctx.scope.past)}


class ForkConfig(NodeConfig):
    seed: int = 0
    ways: int = 2


@node
class Fork(Route):
    """Picks a port by its seed and visit."""

    kind, title, group, icon = "fork", "Fork", Group.LOGIC, "condition"
    Config = ForkConfig
    sample: ClassVar[dict[str, Any]] = {}

    def ports(self, config: ForkConfig) -> tuple[str, ...]:
        return tuple("abc"[: config.ways])

    def choose(self, config: ForkConfig, inputs: Any, ctx: Any) -> str:
        return port_of(config.seed, ctx.node_id.rsplit("/")[-1], ctx.visit, self.ports(config))


@node
class Ask(Pause):
    """A question that the test answers."""

    kind, title, group, icon = "ask", "Ask", Group.PEOPLE, "approval"
    Config = ProbeConfig
    sample: ClassVar[dict[str, Any]] = {}

    def ports(self, config: ProbeConfig) -> tuple[str, ...]:
        return ("approved", "rejected")

    def ask(self, config: ProbeConfig, inputs: Any, ctx: Any) -> Question:
        return Question(text=f"{ctx.key}?")

    def answer(self, config: ProbeConfig, decision: dict[str, Any]) -> Outcome:
        return Outcome(decision["decision"], {"decision": decision["decision"]})


PORTS = {"probe": ("out",), "ask": ("approved", "rejected"), "subflow": ("out",)}


@st.composite
def workflows(draw: st.DrawFn, *, anys: bool = False, fails: bool = False, nested: bool = True) -> WorkflowSpec:
    """Splits, routes, unequal and nested joins, loops, pauses, errors, retries and maps over 3 to 12 steps."""
    rnd = draw(st.randoms(use_true_random=False))
    seed = rnd.randrange(10**6)
    size = rnd.randint(3, 12)
    ids = [f"n{i}" for i in range(size)]
    p_route, p_pause, p_back = rnd.choice([0.15, 0.3, 0.45]), rnd.choice([0, 0, 0.1, 0.2]), rnd.choice([0, 0.2, 0.5])
    p_extra, p_any, p_map = rnd.choice([0.1, 0.3, 0.6]), rnd.choice([0.3, 0.6]) if anys else 0, 0.1 if nested else 0
    nodes: list[dict[str, Any]] = []
    for i in ids:
        nodes.append(_node(rnd, i, seed, p_route, p_pause, p_map, fails))
        if rnd.random() < p_any:
            nodes[-1]["join"] = "any"
    of = [(*ports(n), *(("error",) if n.pop("wired", False) else ())) for n in nodes]
    edges = edges_of(rnd, ids, of, [n["kind"] in ("fork", "ask") for n in nodes], p_extra, p_back)
    reached = reached_by(ids, edges)
    nodes = [n for n in nodes if n["id"] in reached]
    edges = {e for e in edges if e[0] in reached}
    visits = rnd.choice([3, 6, 6, 25])
    for n in nodes:
        n["max_visits"] = visits
    raw = {"nexod": 1, "name": "random", "nodes": nodes,
           "edges": [{"source": s, "port": p, "target": t} for s, p, t in sorted(edges)]}  # fmt: skip
    spec, faults = read(raw)
    assert spec is not None, faults
    return spec


def _node(rnd: Any, i: str, seed: int, p_route: float, p_pause: float, p_map: float, fails: bool) -> dict[str, Any]:
    x = rnd.random()
    if x < p_route:
        return {"id": i, "kind": "fork", "config": {"seed": seed, "ways": rnd.choice([2, 2, 3])}}
    if x < p_route + p_pause:
        return {"id": i, "kind": "ask", "config": {"seed": seed}}
    if x < p_route + p_pause + p_map:
        return {"id": i, "kind": "subflow", "config": _map(rnd, seed)}
    probe: dict[str, Any] = {"id": i, "kind": "probe", "config": {"seed": seed}}
    if fails and rnd.random() < 0.2:
        probe["config"]["fails_at"] = rnd.choice([1, 1, 2])
        probe["wired"] = rnd.random() < 0.5
    elif rnd.random() < 0.1:
        probe["config"]["flaky"] = 1
        probe["retry"] = {"attempts": 2, "delay_s": 0, "factor": 1}
    return probe


def _map(rnd: Any, seed: int) -> dict[str, Any]:
    inner = [{"id": "a", "kind": "probe", "config": {"seed": seed}}]
    kind = rnd.choice(["probe", "ask"])
    inner.append({"id": "b", "kind": kind, "config": {"seed": seed}})
    flow = {"nodes": inner, "edges": [{"source": "a", "port": "out", "target": "b"}], "outputs": {"a": "{{ a.v }}"}}
    return {"flow": flow, "over": "[1, 2, 3]", "concurrency": rnd.choice([1, 2, 4])}


def ports(raw: dict[str, Any]) -> tuple[str, ...]:
    if raw["kind"] == "fork":
        return tuple("abc"[: raw["config"]["ways"]])
    return PORTS[raw["kind"]]


Edge = tuple[str, str, str]
"""Source, port, target."""


def edges_of(
    rnd: Any, ids: list[str], of: list[tuple[str, ...]], picks: list[bool], p_extra: float, p_back: float
) -> set[Edge]:
    """`of`: each node's ports; from those that pick one, some lead back."""
    edges: set[Edge] = set()
    entries = rnd.choice([1, 1, 1, 2])
    for i in range(entries, len(ids)):
        for s in rnd.sample(range(i), min(i, rnd.choice([1, 1, 1, 2, 2, 3]))):
            edges.add((ids[s], rnd.choice(of[s]), ids[i]))
    for _ in range(int(p_extra * len(ids))):
        a, b = sorted(rnd.sample(range(len(ids)), 2))
        if b >= entries:
            edges.add((ids[a], rnd.choice(of[a]), ids[b]))
    for i, ports in enumerate(of):
        for port in ports if picks[i] and i else ():
            if rnd.random() < p_back:
                target = rnd.randint(min(entries, i), i)
                if target != i or rnd.random() < 0.5:
                    edges.add((ids[i], port, ids[target]))
    return edges


def reached_by(ids: list[str], edges: set[Edge]) -> set[str]:
    """What can be reached from the entries."""
    entries = {i for i in ids if not any(t == i for _, _, t in edges)}
    return entries.union(*(after(entry, edges) for entry in entries))


def after(node: str, edges: set[Edge]) -> set[str]:
    """What can be reached from a node."""
    work, seen = [node], set[str]()
    while work:
        here = work.pop()
        new = {t for s, _, t in edges if s == here} - seen
        seen |= new
        work += new
    return seen
