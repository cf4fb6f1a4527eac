"""From a workflow to its plan: every mistake a graph can have is found here, before a run starts."""

from __future__ import annotations

from typing import Any

from engine.errors import Problem
from engine.plan.checks import plan_flow
from engine.plan.flow import Flow
from engine.plan.layout import Plan as Plan
from engine.plan.layout import PlannedNode as PlannedNode
from engine.plan.resolve import resolve as resolve
from engine.plan.salvage import salvage
from engine.spec import WorkflowSpec, read

MAX_PROBLEMS = 500


def build(spec: WorkflowSpec) -> tuple[Plan | None, list[Problem]]:
    """The plan, and the problems of the graph; no plan exactly when one of them is an error."""
    found: list[Problem] = []
    plan = plan_flow(Flow(spec, spec.target, found))
    return plan, found[:MAX_PROBLEMS]


def problems(raw: Any) -> list[Problem]:
    """Everything that is wrong with a workflow: the one validation that REST, editor and CLI share."""
    spec, found = read(raw)
    if spec is not None:
        return build(spec)[1]
    rest, keep = salvage(raw)
    if rest is not None:
        found = [*found, *(p for p in build(rest)[1] if keep(p))]
    return list(dict.fromkeys(found))[:MAX_PROBLEMS]
