"""The oracle: a list of tokens, one executed at a time, written apart from `engine.tokens`.

`interpret` plays a plan to quiescence over a record `{key: (port, value)}` and open questions, and reads nothing
but the plan's drawing (nodes, edges, entries, order).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.plan import Plan
from tests.engine.backends.graphs import port_of, value_of

FAILED = {"code": "told", "message": "told to fail"}


@dataclass
class Record:
    """What has been decided so far: `done` outcomes, `asked` questions, `answers` by the test, `firsts` that won."""

    done: dict[str, tuple[str, Any]] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    answers: dict[str, str] = field(default_factory=dict)
    firsts: dict[str, str] = field(default_factory=dict)


@dataclass
class Token:
    place: str
    past: dict[str, int]
    source: str | None
    paused: bool = False


def interpret(plan: Plan, record: Record, prefix: str = "") -> str:
    """completed, failed or waiting; `record` gains what happened."""
    return play(Game(plan, record, prefix))


def play(game: Game) -> str:
    """`interpret`, for steps that answer as `game` says."""
    plan, record, prefix = game.plan, game.record, game.prefix
    tokens = [Token(entry, {}, None) for entry in plan.entries]
    visits: dict[str, int] = {}
    while True:
        ready = [(n, mine) for n in plan.nodes if (mine := game.ready(n, tokens, visits))]
        if not ready:
            return "waiting" if any(t.paused for t in tokens) else "completed" if not tokens else "DEADLOCK"
        node, mine = ready[0]
        tokens = [t for t in tokens if not any(t is m for m in mine)]
        past: dict[str, int] = {}
        for token in mine:
            for name, visit in token.past.items():
                past[name] = max(visit, past.get(name, 0))
        visits[node] = visits.get(node, 0) + 1
        if visits[node] > plan.nodes[node].max_visits:
            return "failed"
        if game.is_any(node):
            record.firsts.setdefault(f"{prefix}{node}#{visits[node]}", mine[0].source or "")
            tokens = [t for t in tokens if t.place != node or t.past.get(node, 0) >= visits[node]]
        port = game.run(node, visits[node], past)
        if port == "FAILED":
            return "failed"
        if port is None:
            tokens.append(Token(node, past, None, paused=True))
            continue
        onward = {**past, node: visits[node]}
        for target in plan.out[node].get(port, ()):
            if not (game.is_any(target) and onward.get(target, 0) < visits.get(target, 0)):
                tokens.append(Token(target, onward, node))


class Game:
    def __init__(self, plan: Plan, record: Record, prefix: str) -> None:
        self.plan, self.record, self.prefix = plan, record, prefix
        self._reach: dict[tuple[str, str], bool] = {}

    def is_all(self, n: str) -> bool:
        return len(self.plan.incoming[n]) > 1 and self.plan.nodes[n].join == "all"

    def is_any(self, n: str) -> bool:
        return len(self.plan.incoming[n]) > 1 and self.plan.nodes[n].join == "any"

    def reach(self, a: str, b: str) -> bool:
        if (a, b) not in self._reach:
            work, seen = [a], set[str]()
            while work:
                for targets in self.plan.out[work.pop()].values():
                    new = [t for t in targets if t not in seen]
                    seen.update(new)
                    work += new
            self._reach.update({(a, n): n in seen for n in self.plan.nodes})
        return self._reach[a, b]

    def ready(self, n: str, tokens: list[Token], visits: dict[str, int]) -> list[Token]:
        here = [t for t in tokens if t.place == n and not t.paused]
        if not here or any(t.place == n and t.paused for t in tokens):
            return []
        if self.is_all(n):
            return [] if any(self._blocks(t, n) for t in tokens) else here
        if self.is_any(n):
            first = self.record.firsts.get(f"{self.prefix}{n}#{visits.get(n, 0) + 1}")
            return [t for t in here if first in (None, t.source)][:1]
        return here[:1]

    def _blocks(self, token: Token, n: str) -> bool:
        m = token.place
        if m == n or not self.reach(m, n):
            return False
        if not token.paused and self.is_all(m):
            return not self.reach(n, m) or self.plan.order[m] < self.plan.order[n]
        return True

    def run(self, n: str, visit: int, past: dict[str, int]) -> str | None:
        """The port, None when it waits, FAILED when the run ends here."""
        node, key = self.plan.nodes[n], f"{self.prefix}{n}#{visit}"
        config: Any = node.config
        if node.kind == "ask":
            return self._ask(key)
        if node.kind == "subflow":
            return self._map(n, key)
        if node.kind == "fork":
            port = port_of(config.seed, n, visit, tuple("abc"[: config.ways]))
            self.record.done[key] = (port, {"port": port})
            return port
        if config.fails_at == visit:
            if "error" not in node.ports:
                return "FAILED"
            self.record.done[key] = ("error", FAILED)
            return "error"
        self.record.done[key] = ("out", {"v": value_of(n, visit, past)})
        return "out"

    def _ask(self, key: str) -> str | None:
        self.record.asked.add(key)
        answer = self.record.answers.get(key)
        if answer is not None:
            self.record.done[key] = (answer, {"decision": answer})
        return answer

    def _map(self, n: str, key: str) -> str | None:
        inner = self.plan.subflows[n]
        ends = [interpret(inner, self.record, f"{key}[{i}]/") for i in range(3)]
        if "waiting" in ends:
            return None
        items = [{"a": self.record.done[f"{key}[{i}]/a#1"][1]["v"]} for i in range(3)]
        self.record.done[key] = ("out", {"items": items})
        return "out"
