"""How an engine may carry a join without our tokens: for code export, which should read as a person would write it.

plain    at most one token can be before the join: bare edges will do
list     one fork whose branches all come: one edge from the list of sources
guarded  anything else: tokens decide
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.plan.layout import Plan


def join_class(plan: Plan, join: str) -> str:
    if join in plan.anys:
        return "guarded"
    if solo(plan, join):
        return "plain"
    return "list" if any(_forks(plan, fork, join) for fork in _dominators(plan, join)) else "guarded"


def _before(plan: Plan, node: str) -> set[str]:
    return {n for n in plan.nodes if plan.reaches(n, node)}


def solo(plan: Plan, node: str) -> bool:
    """At most one token can ever be in the part of the graph that leads to `node`."""
    part = _before(plan, node) | {node}
    return sum(e in part for e in plan.entries) == 1 and all(
        sum(t in part for t in targets) < 2 for n in part for targets in plan.out[n].values()
    )


def _steady(plan: Plan, node: str) -> bool:
    """Leaves by one port, whatever happens."""
    return not plan.nodes[node].picks and len(plan.nodes[node].ports) == 1


def _dominators(plan: Plan, join: str) -> list[str]:
    """The nodes that every path to `join` passes, nearest first."""
    before = _before(plan, join)
    starts = [e for e in plan.entries if e in before]
    through = [n for n in before - {join} if all(join not in _walk(plan, [e], n) for e in starts)]
    return sorted(through, key=lambda n: -plan.order[n])


def _walk(plan: Plan, starts: list[str], avoided: str) -> set[str]:
    """What can be reached from `starts`, themselves included, without passing `avoided`."""
    work = [n for n in starts if n != avoided]
    seen = set(work)
    while work:
        for target in plan.targets(work.pop()):
            if target != avoided and target not in seen:
                seen.add(target)
                work.append(target)
    return seen


def _forks(plan: Plan, fork: str, join: str) -> bool:
    """Whether each run of `fork` sends exactly one token from each source of `join`."""
    if not solo(plan, fork):
        return False
    between = {n for n in _before(plan, join) if n not in (fork, join) and plan.reaches(fork, n)}
    between = {n for n in between if join in _walk(plan, [n], fork)}
    sources = [s for s, _ in plan.incoming[join]]
    ports = {p for p, ts in plan.out[fork].items() for t in ts if t in between or t == join}
    rules: list[Callable[[], bool]] = [
        lambda: all(_steady(plan, n) and n not in plan.anys for n in between),
        lambda: all(s in between or s == fork for s in sources),
        lambda: len(ports) == 1 and len(set(sources)) == len(sources),
        lambda: fork not in _walk(plan, [t for t in plan.targets(fork) if t != join], join),
        lambda: fork not in sources or _steady(plan, fork),
    ]
    return all(rule() for rule in rules)
