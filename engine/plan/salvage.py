"""What is left of a workflow whose shape has faults, so that the rest of it is judged in the same pass."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from engine.errors import Problem
from engine.shapes import place, size_problems
from engine.spec import WorkflowSpec
from engine.values import is_object

OF_THE_WIRING = frozenset(
    [
        "dangling_edge",
        "unknown_port",
        "unreachable",
        "cycle_without_route",
        "ambiguous_join",
        "unknown_reference",
        "may_not_have_run",
    ]
)


def salvage(raw: Any) -> tuple[WorkflowSpec | None, Callable[[Problem], bool]]:
    """A spec without the faulty parts, and which problems of it are worth telling: with a step or an edge gone,
    those of the wiring may be owed to that."""
    if not is_object(raw) or size_problems(raw):
        return None, bool
    rest, whole = copy.deepcopy(raw), True
    for _ in range(3):
        try:
            spec = WorkflowSpec.model_validate(rest)
            return spec, bool if whole else lambda problem: problem.code not in OF_THE_WIRING
        except ValidationError as e:
            places = [place(error, rest) for error in e.errors(include_url=False)]
            whole = _drop(rest, places) and whole
    return None, bool


def _drop(raw: dict[str, Any], places: list[tuple[str | int, ...]]) -> bool:
    """Take the faults out. False when that cost a step or an edge."""
    gone: dict[str, set[int]] = {"nodes": set(), "edges": set()}
    for where in places:
        match where:
            case (("nodes" | "edges") as part, int(n), *more):
                if part == "nodes" and more and more[0] not in ("id", "kind", "config"):
                    raw[part][n] = {key: value for key, value in raw[part][n].items() if key != more[0]}
                else:
                    gone[str(part)].add(n)
            case ("nexod", *_):
                raw["nexod"] = 1
            case ("name", *_):
                raw["name"] = "?"
            case ("nodes",):
                raw["nodes"] = []
                gone["nodes"].add(0)
            case (str(field), *_):
                raw.pop(field, None)
            case _:
                pass
    for part, numbers in gone.items():
        if numbers:
            raw[part] = [item for n, item in enumerate(raw[part]) if n not in numbers]
    return not any(gone.values())
