"""Where a file could answer otherwise than Nexod: what a step reads there is what its own branch has seen, in a file
it is what is there by then. Where the two can differ, nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from engine.plan import Plan
from engine.plan.certain import Certain
from engine.plan.joins import solo

MANY = 600
"""Steps, beyond which nobody looks: pairs of steps are compared."""


class Pairs:
    """Which two steps can have a branch each at the same time; rather too many than too few."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.live = dict.fromkeys(plan.nodes, 0)
        """For each step the others, as masks."""
        self.work: list[tuple[str, str]] = []
        self._apart(plan.entries)
        for ports in plan.out.values():
            for targets in ports.values():
                self._apart(targets)
        while self.work:
            one, other = self.work.pop()
            self._step(one, other)
            self._step(other, one)

    def _apart(self, nodes: tuple[str, ...]) -> None:
        for one, other in combinations(nodes, 2):
            self._meet(one, other)

    def _step(self, node: str, other: str) -> None:
        """A branch goes on while the other stays, unless it has to wait for it."""
        if self.may_run(node, other):
            for target in self.plan.targets(node):
                self._meet(target, other)

    def may_run(self, node: str, other: str) -> bool:
        return node not in self.plan.alls or not self.plan.blocks(other, node)

    def _meet(self, one: str, other: str) -> None:
        bit = self.plan.bit
        if (one == other and one in self.plan.alls) or self.live[one] >> bit[other] & 1:
            return
        self.live[one] |= 1 << bit[other]
        self.live[other] |= 1 << bit[one]
        self.work.append((one, other))

    def runs_beside(self, node: str, others: set[str]) -> bool:
        """Whether a step can run while a branch is at one of the others."""
        return any(self.live[node] >> self.plan.bit[other] & 1 and self.may_run(node, other) for other in others)


def races(plan: Plan, reads: dict[str, frozenset[str]]) -> Iterator[tuple[str, str]]:
    """(reader, step): what is read of the step depends on which branch was faster, or on one that ended."""
    if len(plan.nodes) > MANY:
        return
    pairs, certain = Pairs(plan), Certain(plan)
    for reader, names in reads.items():
        if not solo(plan, reader):
            yield from ((reader, name) for name in sorted(names) if _differs(pairs, certain, name, reader))


def _differs(pairs: Pairs, certain: Certain, name: str, reader: str) -> bool:
    if name not in pairs.plan.nodes or name == reader:
        return False
    if pairs.live[name] >> pairs.plan.bit[reader] & 1 and pairs.may_run(reader, name):
        return True
    return not certain.has_run(name, reader) and _may_end(pairs, name, reader)


def _may_end(pairs: Pairs, name: str, reader: str) -> bool:
    """Whether the branch of `name` may end before the reader while another one, which knows nothing of it, comes."""
    plan = pairs.plan
    comes = {n for n in plan.nodes if n == reader or plan.reaches(n, reader)}
    if not pairs.runs_beside(name, comes):
        return False
    seen: set[str] = set()
    work = [name]
    while work:
        node = work.pop()
        if node in seen or node == reader:
            continue
        seen.add(node)
        if node in plan.anys and not solo(plan, node):
            return True
        if any(not targets for targets in plan.out[node].values()) and pairs.runs_beside(node, comes):
            return True
        work += plan.targets(node)
    return False
