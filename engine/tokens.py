"""Where the tokens of one attempt are: decides what may run, for every backend alike.

Pure bookkeeping of one event loop, rebuilt by replay and stored nowhere. A token waits at a node or is held by
a running or paused one, and carries its causal past `{node: highest visit}`. Two rules need a word:

- an `all` join takes everything that waits at it once no other live token can still reach it; of two such joins
  on one cycle the earlier in reverse post-order goes first, else they would wait for each other for ever;
- an `any` join runs for an arrival that knows all its runs so far and absorbs the others.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.errors import NodeError
from engine.plan import Plan

Past = dict[str, int]


@dataclass(frozen=True, slots=True)
class Taken:
    """One visit that may run now. `source` is where the (first) token came from, None at an entry."""

    node: str
    visit: int
    past: Past
    source: str | None

    @property
    def key(self) -> str:
        return f"{self.node}#{self.visit}"


class Tokens:
    """`winners` maps `node#visit` of an `any` join to the source that won in an earlier attempt."""

    def __init__(self, plan: Plan, winners: Mapping[str, str]) -> None:
        self.plan = plan
        self.winners = winners
        self.waiting: dict[str, deque[tuple[Past, str | None]]] = {}
        self.held: dict[str, list[tuple[Past, str]]] = {}
        self.busy: dict[str, Past] = {}
        self.paused: set[str] = set()
        self.visits: Counter[str] = Counter()
        self.claimed: Counter[str] = Counter()
        self.stopped = False

    def start(self) -> Sequence[str]:
        """One token for each entry node; answers the entries."""
        for entry in self.plan.entries:
            self._arrive(entry, {}, None)
        return self.plan.entries

    def stop(self) -> None:
        """Nothing new starts from here on."""
        self.stopped = True

    def idle(self) -> bool:
        """Whether no token is left, neither waiting nor held."""
        return not self.waiting and not self.busy

    def ready(self, node: str) -> bool:
        if self.stopped or node not in self.waiting or node in self.busy:
            return False
        return node not in self.plan.alls or not self._blocked(node)

    def take(self, node: str) -> Taken | None:
        """The next visit of `node`, or None when it may not run. Raises NodeError(too_many_visits)."""
        if not self.ready(node):
            return None
        queue = self.waiting[node]
        tokens = list(queue) if node in self.plan.alls else [queue[0]]
        if len(tokens) == len(queue):
            del self.waiting[node]
        else:
            queue.popleft()
        past = dict(tokens[0][0])
        for other, _ in tokens[1:]:
            for name, visit in other.items():
                past[name] = max(visit, past.get(name, 0))
        self.visits[node] += 1
        limit = self.plan.nodes[node].max_visits
        if self.visits[node] > limit:
            raise NodeError(
                f"This step ran {limit} times.", code="too_many_visits", hint="Let the loop end, or raise its visits."
            )
        self.busy[node] = past
        return Taken(node, self.visits[node], past, tokens[0][1])

    def block(self, node: str) -> None:
        """`node` keeps its token: a person or the clock has to answer."""
        self.paused.add(node)

    def complete(self, node: str, port: str) -> list[str]:
        """Move the token of `node` on through `port`; answers the nodes that may run now."""
        past = {**self.busy.pop(node), node: self.visits[node]}
        fired: list[str] = []
        for target in self.plan.out[node].get(port, ()):
            if target in self.plan.anys and not self._wins(target, past, node):
                continue
            self._arrive(target, past, node)
            if target not in self.plan.alls:
                fired.append(target)
        fired += [join for join in self.plan.wakes[node, port] if self.ready(join)]
        return fired

    def _arrive(self, node: str, past: Past, source: str | None) -> None:
        self.waiting.setdefault(node, deque()).append((past, source))

    def _wins(self, join: str, past: Past, source: str) -> bool:
        """Whether an arrival starts the next run of an `any` join; a recorded winner's rivals are held for it."""
        runs = self.claimed[join]
        if past.get(join, 0) < runs:
            return False
        if self.winners.get(f"{join}#{runs + 1}", source) != source:
            self.held.setdefault(join, []).append((past, source))
            return False
        self.held.pop(join, None)
        self.claimed[join] += 1
        return True

    def _blocked(self, join: str) -> bool:
        plan = self.plan
        bit = 1 << plan.bit[join]
        if any(plan.reach[node] & bit for node in self.busy):
            return True
        if any(plan.reach[node] & bit for node in self.held):
            return True
        return any(node != join and plan.blocks(node, join) for node in self.waiting)
