"""Random workflows of every kind there is. A step works out a number from those of steps before it, so that any change
of order, visit or input shows; what the kind makes of its number is said here once as a config and once for the oracle.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from engine.expressions import evaluate
from engine.plan import Plan, build
from engine.spec import read
from tests.engine.backends.graphs import after, edges_of, reached_by
from tests.engine.backends.reference import Game, Record

MODULUS = 997
UNKNOWN = 1
"""The number of a step that has not run in the reader's past, or left by `error`."""


@dataclass(frozen=True, slots=True)
class Kind:
    """`config` is made of the step's number as an expression; `makes` says what others read of it: as the oracle knows
    it from the number and the port, and, in `shows`, as an expression over the output `x`."""

    config: Callable[[str], dict[str, Any]]
    shows: str = "int(x.text)"
    makes: Callable[[int, str], int] = lambda number, port: number
    ports: tuple[str, ...] = ("out",)
    asks: str | None = None
    """What is added to its key where it asks a person, or the clock."""


def demo(*answers: Any) -> str:
    return f"x-demo: {json.dumps([one if isinstance(one, str) else json.dumps(one) for one in answers])}"


def text(number: str) -> str:
    return f"{{{{ {number} }}}}"


USE = {"tool_calls": [{"name": "calculate", "arguments": {"expression": "1 + 1"}}]}
WHO = {"role": "Clerk", "goal": "Done"}
FLOW = {
    "nodes": [{"id": "t", "kind": "template", "config": {"json": "{{ input.n + 1 }}"}}],
    "outputs": {"v": "{{ t }}"},
}
FLOW["edges"] = []


def agent(number: str) -> dict[str, Any]:
    return {**WHO, "task": demo(USE, text(number)), "tools": [{"name": "calculate", "approve": True}]}


def crew(number: str) -> dict[str, Any]:
    said = {"one": "One.", "two": text(number)}
    tasks = [{"id": id_, "member": "m", "description": demo(answer)} for id_, answer in said.items()]
    return {"members": [{"id": "m", **WHO}], "tasks": tasks}


def kinds(origin: str) -> dict[str, Kind]:
    """`origin` answers what it is sent."""
    return {
        "template": Kind(lambda n: {"json": {"v": text(n)}}, "x.v"),
        "condition": Kind(
            lambda n: {"cases": [{"port": "odd", "when": f"{n} % 2 == 1"}]}, "x.port == 'odd' ? 3 : 4",
            lambda _, port: 3 if port == "odd" else 4, ("odd", "else"),
        ),
        "approval": Kind(
            lambda n: {"question": text(n)}, "x.decision == 'approved' ? 3 : 4",
            lambda _, port: 3 if port == "approved" else 4, ("approved", "rejected"), asks="",
        ),
        "wait": Kind(
            lambda n: {"until": f"string(2000 + {n}) + '-01-01T00:00:00Z'"}, "timestamp(x.until).getFullYear()",
            lambda number, _: 2000 + number, asks="",
        ),
        "fail": Kind(lambda n: {"message": text(n)}, "0", ports=()),
        "llm": Kind(lambda n: {"prompt": demo(text(n))}),
        "agent": Kind(agent, asks="/task/agent/tool:1.0"),
        "crew": Kind(crew),
        "tool": Kind(
            lambda n: {"tool": "calculate", "args": {"expression": f"{text(n)} + 1"}}, "x.value",
            lambda number, _: number + 1,
        ),
        "http": Kind(lambda n: {"method": "PUT", "url": origin, "body": {"n": text(n)}}, "x.body.n"),
        "subflow": Kind(
            lambda n: {"flow": FLOW, "with": {"n": text(n)}}, "x.v", lambda number, _: number + 1
        ),
        "retrieve": Kind(
            lambda n: {"collection": "notes", "query": f"Seven {text(n)}"}, "size(x.matches)", lambda *_: 1
        ),
        "ingest": Kind(lambda n: {"collection": "notes", "text": "Seven"}, "x.chunks", lambda *_: 1),
        "remember": Kind(lambda n: {"text": text(n)}),
        "recall": Kind(lambda n: {"query": "", "subject": "pinned"}, "int(x.items[0].text)", lambda *_: 7),
    }  # fmt: skip


Sums = dict[str, tuple[int, tuple[tuple[str, int], ...]]]
"""Of each step: its own part, and the steps it reads with their factors."""


@dataclass(frozen=True, slots=True)
class Drawing:
    plan: Plan
    sums: Sums
    kinds: dict[str, Kind]

    def shown(self, key: str, port: str, output: Any) -> Any:
        """What a recorded outcome lets others read."""
        if port == "error":
            return output["message"]
        kind = self.plan.nodes[key.partition("#")[0]].kind
        return output if "/" in key else evaluate(self.kinds[kind].shows, {"x": output})


@st.composite
def drawings(draw: st.DrawFn, known: dict[str, Kind]) -> Drawing:
    """Three to nine steps, each of any kind; a note beside them."""
    rnd = draw(st.randoms(use_true_random=False))
    ids = [f"n{i}" for i in range(rnd.randint(3, 9))]
    of = {i: rnd.choice(sorted(known)) for i in ids}
    ports = [(*known[of[i]].ports, *(("error",) if of[i] == "fail" or rnd.random() < 0.1 else ())) for i in ids]
    edges = edges_of(rnd, ids, ports, [len(known[of[i]].ports) > 1 for i in ids], 0.3, rnd.choice([0, 0.3]))
    left = reached_by(ids, edges)
    edges = {e for e in edges if e[0] in left}
    sums: Sums = {}
    nodes: list[dict[str, Any]] = [{"id": "aside", "kind": "note", "config": {"text": "Not run."}}]
    for i in sorted(left):
        before = [other for other in sorted(left) if i in after(other, edges)]
        read_ = rnd.sample(before, min(len(before), rnd.choice([1, 2])))
        sums[i] = (rnd.randrange(MODULUS), tuple((other, rnd.randint(2, 99)) for other in read_))
        config = known[of[i]].config(expression(sums[i], {other: known[of[other]] for other in read_}))
        nodes.append({"id": i, "kind": of[i], "config": config, "max_visits": 4})
    raw = {"nexod": 1, "name": "random", "nodes": nodes,
           "edges": [{"source": s, "port": p, "target": t} for s, p, t in sorted(edges)]}  # fmt: skip
    spec, faults = read(raw)
    assert spec is not None, faults
    plan, faults = build(spec)
    assume(plan is not None)
    assert plan is not None, faults
    return Drawing(plan, sums, known)


def expression(sum_: tuple[int, tuple[tuple[str, int], ...]], of: dict[str, Kind]) -> str:
    own, parts = sum_
    said = [str(own)]
    for other, factor in parts:
        shows = of[other].shows.replace("x.", f"{other}.")
        said.append(f"{factor} * (!has({other}.error) && size({other}) > 0 ? ({shows}) : {UNKNOWN})")
    return f"(({' + '.join(said)}) % {MODULUS})"


class Sum(Game):
    """The oracle of a `Drawing`: how each kind leaves, and what it lets others read."""

    def __init__(self, drawing: Drawing, record: Record) -> None:
        super().__init__(drawing.plan, record, "")
        self.drawing = drawing

    def run(self, n: str, visit: int, past: dict[str, int]) -> str | None:
        key, node = f"{n}#{visit}", self.plan.nodes[n]
        kind = self.drawing.kinds[node.kind]
        own, parts = self.drawing.sums[n]
        number = (own + sum(factor * self._read(other, past) for other, factor in parts)) % MODULUS
        if kind.asks is not None:
            self.record.asked.add(key + kind.asks)
            if key + kind.asks not in self.record.answers:
                return None
        if node.kind == "fail":
            return self._failed(key, number, wired="error" in node.ports)
        if node.kind == "subflow":
            self.record.done[f"{key}/t#1"] = ("out", number + 1)
        port = kind.ports[0]
        if node.kind == "condition":
            port = "odd" if number % 2 else "else"
        if node.kind == "approval":
            port = self.record.answers[key]
        self.record.done[key] = (port, kind.makes(number, port))
        return port

    def _read(self, other: str, past: dict[str, int]) -> int:
        port, known = self.record.done[f"{other}#{past[other]}"] if other in past else ("error", None)
        return UNKNOWN if port == "error" else known

    def _failed(self, key: str, number: int, wired: bool) -> str:
        if not wired:
            return "FAILED"
        self.record.done[key] = ("error", str(number))
        return "error"
