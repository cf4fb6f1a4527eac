"""What a plan is: target-independent pure data that says what follows what, and when a join may run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from engine.node import NodeConfig, NodeType, Silent
from engine.plan import graph
from engine.plan.joins import join_class
from engine.spec import Retry


@dataclass(frozen=True)
class PlannedNode:
    """A step that may run. `ports` holds `error` only when it is wired; `picks`: it leaves by one of several."""

    id: str
    kind: str
    type: NodeType
    title: str
    config: NodeConfig
    ports: tuple[str, ...]
    join: str
    retry: Retry
    timeout_s: float
    max_visits: int
    picks: bool
    known: bool = True
    """False for a stand-in, which is in no finished plan."""

    @property
    def silent(self) -> bool:
        """A note: drawn, never run, in no plan either."""
        return self.known and isinstance(self.type, Silent)


@dataclass(frozen=True)
class Plan:
    """`reach[n]` is the set of nodes after `n`, as a mask over `bit`; `order` is reverse post-order from the entries.

    `wakes[n, port]`: the `all` joins that may turn ready when `n` leaves by `port`, drawn edge or not.
    """

    nodes: dict[str, PlannedNode]
    out: dict[str, dict[str, tuple[str, ...]]]
    incoming: dict[str, tuple[tuple[str, str], ...]]
    entries: tuple[str, ...]
    order: dict[str, int]
    bit: dict[str, int]
    reach: dict[str, int]
    multi: frozenset[str]
    alls: frozenset[str]
    anys: frozenset[str]
    wakes: dict[tuple[str, str], tuple[str, ...]]
    inputs: dict[str, Any] | None = None
    outputs: dict[str, Any] = field(default_factory=dict[str, Any])
    target: str = "langgraph"
    subflows: dict[str, Plan] = field(default_factory=dict[str, "Plan"])

    @cached_property
    def engine(self) -> str:
        """The heaviest engine that a run needs: the target's, or one that some kind brings along."""
        inner = [flow.engine for flow in self.subflows.values()]
        return (
            "crewai"
            if "crewai" in (self.target, *inner, *(n.type.engine for n in self.nodes.values()))
            else "langgraph"
        )

    def reaches(self, n: str, m: str) -> bool:
        return bool(self.reach[n] >> self.bit[m] & 1)

    def blocks(self, m: str, j: str) -> bool:
        """Whether a token that waits at `m` keeps the `all` join `j` from running."""
        if not self.reaches(m, j):
            return False
        if m in self.alls:
            return not self.reaches(j, m) or self.order[m] < self.order[j]
        return True

    def targets(self, n: str) -> set[str]:
        return {t for ts in self.out[n].values() for t in ts}

    @cached_property
    def join_class(self) -> dict[str, str]:
        """How an engine may carry each join: `plain` edges, one `list` edge, or `guarded` by tokens."""
        return {n: join_class(self, n) for n in self.nodes if n in self.multi}


def lay_out(nodes: Mapping[str, PlannedNode], edges: list[tuple[str, str, str]], **more: Any) -> Plan:
    """The plan of sound nodes and (source, port, target) edges."""
    ids = list(nodes)
    bit = {n: i for i, n in enumerate(ids)}
    ports: dict[str, dict[str, list[str]]] = {n: {p: [] for p in nodes[n].ports} for n in ids}
    incoming: dict[str, list[tuple[str, str]]] = {n: [] for n in ids}
    for source, port, target in edges:
        ports[source][port].append(target)
        incoming[target].append((source, port))
    out = {n: {p: tuple(ts) for p, ts in by_port.items()} for n, by_port in ports.items()}
    after = [sorted({bit[t] for ts in out[n].values() for t in ts}) for n in ids]
    entries = tuple(n for n in ids if not incoming[n])
    order = graph.topological(after, [bit[n] for n in entries])
    multi = frozenset(n for n in ids if len(incoming[n]) > 1)
    alls = frozenset(n for n in multi if nodes[n].join == "all")
    reach = graph.reach(after)
    return Plan(
        nodes=dict(nodes),
        out=out,
        incoming={n: tuple(pairs) for n, pairs in incoming.items()},
        entries=entries,
        order={ids[n]: i for i, n in enumerate(order)},
        bit=bit,
        reach=dict(zip(ids, reach, strict=True)),
        multi=multi,
        alls=alls,
        anys=multi - alls,
        wakes=_wakes(ids, bit, out, after, reach, order, alls, multi - alls),
        **more,
    )


def _wakes(
    ids: list[str],
    bit: dict[str, int],
    out: dict[str, dict[str, tuple[str, ...]]],
    after: graph.Successors,
    reach: list[int],
    order: list[int],
    alls: frozenset[str],
    anys: frozenset[str],
) -> dict[tuple[str, str], tuple[str, ...]]:
    """Joins after a port that no token just sent by that port surely keeps waiting."""
    blocked = _blocked(ids, after, reach, order, alls, anys)
    joins = sum(1 << bit[j] for j in alls)
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for n, by_port in out.items():
        for port, targets in by_port.items():
            still = 0
            for t in targets:
                still |= blocked[bit[t]] & ~(1 << bit[t])
            found[n, port] = tuple(ids[j] for j in graph.bits(joins & reach[bit[n]] & ~still))
    return found


def _blocked(
    ids: list[str],
    after: graph.Successors,
    reach: list[int],
    order: list[int],
    alls: frozenset[str],
    anys: frozenset[str],
) -> list[int]:
    """For each node the joins that a token waiting there surely blocks: `Plan.blocks` as masks."""
    before = graph.reach(graph.reverse(after))
    later, rest = [0] * len(ids), 0
    for n in reversed(order):
        later[n] = rest
        rest |= 1 << n
    blocked: list[int] = []
    for n, name in enumerate(ids):
        if name in anys:
            blocked.append(0)
        elif name in alls:
            blocked.append(reach[n] & (~before[n] | later[n]))
        else:
            blocked.append(reach[n])
    return blocked
