"""Directed graphs as lists of ints, sets of nodes as bit masks; nothing here recurses, so size is no danger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Successors = Sequence[Sequence[int]]


def bits(mask: int) -> Iterator[int]:
    """The members of a set, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def components(after: Successors) -> list[list[int]]:
    """Strongly connected components, each one before those that lead to it (Tarjan)."""
    number, low = [0] * len(after), [0] * len(after)
    found: list[list[int]] = []
    stack: list[int] = []
    on_stack = [False] * len(after)
    count = 0
    for root in range(len(after)):
        if number[root]:
            continue
        work = [(root, iter(after[root]))]
        count += 1
        number[root] = low[root] = count
        stack.append(root)
        on_stack[root] = True
        while work:
            node, rest = work[-1]
            for target in rest:
                if not number[target]:
                    count += 1
                    number[target] = low[target] = count
                    stack.append(target)
                    on_stack[target] = True
                    work.append((target, iter(after[target])))
                    break
                if on_stack[target]:
                    low[node] = min(low[node], number[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == number[node]:
                    part: list[int] = []
                    while not part or part[-1] != node:
                        part.append(stack.pop())
                        on_stack[part[-1]] = False
                    found.append(part)
    return found


def cycles(after: Successors, without: int = 0) -> list[list[int]]:
    """The components that hold a cycle, ignoring the nodes of `without`."""
    kept = [() if without >> n & 1 else [t for t in ts if not without >> t & 1] for n, ts in enumerate(after)]
    return [sorted(part) for part in components(kept) if len(part) > 1 or part[0] in kept[part[0]]]


def reach(after: Successors) -> list[int]:
    """For each node the set of nodes that a path of at least one edge leads to."""
    masks = [0] * len(after)
    for part in components(after):
        own = sum(1 << n for n in part)
        beyond = 0
        for node in part:
            for target in after[node]:
                beyond |= 1 << target if own >> target & 1 else masks[target] | 1 << target
        if len(part) > 1:
            beyond |= own
        for node in part:
            masks[node] = beyond
    return masks


def reverse(after: Successors) -> list[list[int]]:
    before: list[list[int]] = [[] for _ in after]
    for node, targets in enumerate(after):
        for target in targets:
            before[target].append(node)
    return before


def topological(after: Successors, entries: Sequence[int]) -> list[int]:
    """Reverse post-order from the entries: a node before what it leads to, but for edges that close a cycle."""
    post: list[int] = []
    seen = [False] * len(after)
    for entry in reversed(entries):
        if seen[entry]:
            continue
        seen[entry] = True
        work = [(entry, iter(sorted(after[entry], reverse=True)))]
        while work:
            node, rest = work[-1]
            target = next((t for t in rest if not seen[t]), None)
            if target is None:
                post.append(node)
                work.pop()
            else:
                seen[target] = True
                work.append((target, iter(sorted(after[target], reverse=True))))
    return post[::-1]
