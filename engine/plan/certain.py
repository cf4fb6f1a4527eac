"""Which steps have surely run when a step runs, by the drawing alone: so that others are read with `has()`.

A step is certain when every path passes it (it dominates the reader), or when it lies on a branch that a join of
`all` surely waits for. Where the drawing does not prove it, the answer is no.
"""

from __future__ import annotations

from functools import cached_property

from engine.plan.graph import bits
from engine.plan.layout import Plan

ROOT = -1
MOST_WORK = 60_000


class Certain:
    """One plan, asked as often as there are references; what it found out is kept."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.ids = list(plan.nodes)
        self.work = 0
        self.known: dict[int, int] = {}
        self.before: list[list[int]] = [[plan.bit[s] for s, _ in plan.incoming[n]] for n in self.ids]

    def has_run(self, name: str, reader: str) -> bool:
        """Whether `name` is in the past of every visit of `reader`. Yes as well where the graph is too intricate
        to say, and where something is unreachable, which is told as such."""
        if len(self.plan.order) < len(self.ids):
            return True
        return self.work > MOST_WORK or bool(self._past(self.plan.bit[reader]) >> self.plan.bit[name] & 1)

    @cached_property
    def dominator(self) -> dict[int, int]:
        """The nearest node that every path to a node passes; ROOT before the entries (Cooper, Harvey, Kennedy)."""
        plan = self.plan
        order = sorted(plan.order, key=plan.order.__getitem__)
        rank = {plan.bit[n]: i for i, n in enumerate(order)} | {ROOT: -1}
        near: dict[int, int] = {ROOT: ROOT}
        changed = True
        while changed:
            changed = False
            for name in order:
                node = plan.bit[name]
                found = None if self.before[node] else ROOT
                for source in self.before[node]:
                    if source in near:
                        found = source if found is None else _meet(near, rank, source, found)
                if found is not None and near.get(node) != found:
                    near[node] = found
                    changed = True
        return near

    def _past(self, node: int) -> int:
        """The certain past of `node`: its dominators, and what the joins among them and itself wait for."""
        path: list[int] = []
        while node != ROOT and node not in self.known:
            path.append(node)
            node = self.dominator.get(node, ROOT)
        past = 0 if node == ROOT else self.known[node] | 1 << node
        for node in reversed(path):
            if self.ids[node] in self.plan.alls:
                past |= self._gain(node)
            self.known[node] = past & ~(1 << node)
            past |= 1 << node
        return self.known[path[0]] if path else self.known[node]

    def _gain(self, join: int) -> int:
        """The nodes between the nearest dominator and the join that have surely run when it does."""
        fork = self.dominator.get(join, ROOT)
        if self._overtaken(fork, join):
            return 0
        region = self._region(fork, join)
        must = self._must(self._sure(region, join))
        ports = [t for t in self._ports(fork) if any(n == join or region >> n & 1 for n in t)]
        return _every(ports, must)

    def _overtaken(self, fork: int, join: int) -> bool:
        """Whether the join may run, the tie-break of loops deciding, while a token of the fork waits at a later
        join of its loop: that token then comes to it alone."""
        order, name = self.plan.order, self.ids[join]
        if not self.plan.reaches(name, name):
            return False
        loop = [j for j in self.plan.alls if order[j] > order[name] and self.plan.reaches(name, j)]
        rivals = sum(1 << self.plan.bit[j] for j in loop if self.plan.reaches(j, name))
        seen, work = 1 << join, [n for targets in self._ports(fork) for n in targets] if rivals else []
        while work:
            node = work.pop()
            if not seen >> node & 1:
                seen |= 1 << node
                work += [n for targets in self._ports(node) for n in targets]
                self.work += 1
        return bool(seen & rivals)

    def _region(self, fork: int, join: int) -> int:
        """What lies on the ways from the fork to the join."""
        seen, work = 0, list(self.before[join])
        while work:
            node = work.pop()
            if node not in (fork, join) and not seen >> node & 1:
                seen |= 1 << node
                work += self.before[node]
                self.work += 1
        return seen

    def _ports(self, node: int) -> list[list[int]]:
        """The targets of each port; before the entries, one port that leads to all of them."""
        if node == ROOT:
            return [[self.plan.bit[e] for e in self.plan.entries]]
        return [[self.plan.bit[t] for t in targets] for targets in self.plan.out[self.ids[node]].values()]

    def _sure(self, region: int, join: int) -> int:
        """The nodes whose token surely comes to the join, by whatever port they leave."""
        sure = sum(1 << n for n in bits(region) if self.ids[n] not in self.plan.anys)
        goal = 1 << join
        while True:
            lost = 0
            for node in bits(sure):
                ports = self._ports(node)
                self.work += 1
                if not ports or not all(any((sure | goal) >> t & 1 for t in port) for port in ports):
                    lost |= 1 << node
            if not lost:
                return sure
            sure &= ~lost

    def _must(self, sure: int) -> dict[int, int]:
        """For each of them: what a token there surely passes before the join, itself included."""
        order = self.plan.order
        nodes = sorted(bits(sure), key=lambda n: -order[self.ids[n]])
        must = dict.fromkeys(nodes, sure)
        changed = True
        while changed:
            changed = False
            for node in nodes:
                self.work += 1
                found = 1 << node | _every(self._ports(node), must)
                if found != must[node]:
                    must[node] = found
                    changed = True
        return must


def _every(ports: list[list[int]], must: dict[int, int]) -> int:
    """What is passed whichever port is taken; a port sends to all its targets."""
    found = -1
    for targets in ports:
        one = 0
        for target in targets:
            one |= must.get(target, 0)
        found &= one
    return max(found, 0)


def _meet(near: dict[int, int], rank: dict[int, int], a: int, b: int) -> int:
    while a != b:
        while rank[a] > rank[b]:
            a = near[a]
        while rank[b] > rank[a]:
            b = near[b]
    return a
