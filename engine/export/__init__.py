"""A workflow as one Python file that runs without Nexod, as a LangGraph or CrewAI user would have written it."""

from __future__ import annotations

from typing import Any

from engine.errors import Invalid, Problem
from engine.export import crewai, langgraph
from engine.export.file import compose
from engine.export.names import class_name
from engine.export.sheet import FlowSheet, Sheet
from engine.export.tree import Unwritable
from engine.plan import Plan, build
from engine.spec import WorkflowSpec


def used_tools(plan: Plan) -> frozenset[str]:
    """The tools that the steps of a flow name, those of flows inside too."""
    found = {tool for inner in plan.subflows.values() for tool in used_tools(inner)}
    for node in plan.nodes.values():
        config: Any = node.config
        holders = [config, *getattr(config, "members", ())]
        found |= {use.name for one in holders for use in getattr(one, "tools", ())}
        found |= {config.tool} if node.kind == "tool" else set()
    return frozenset(found)


TARGETS = ("langgraph", "crewai")


def code(spec: WorkflowSpec, target: str | None = None) -> str:
    """The file, for the workflow's own target or another. Raises Invalid: errors of the workflow, and what cannot be
    written."""
    spec = spec.model_copy(update={"target": target or spec.target})
    plan, problems = build(spec)
    if plan is None:
        raise Invalid(
            "The workflow has errors.", hint="Correct what is listed.", details=[p.to_json() for p in problems]
        )
    if not plan.nodes:
        raise Invalid.of([Problem("missing_field", "There is no step yet.", "Add one.", field="nodes")])
    flow = FlowSheet(Sheet(spec.target, class_name(spec.name), used_tools(plan)), plan)
    writer = {"langgraph": langgraph.Graph, "crewai": crewai.Flow}[spec.target](flow)
    try:
        parts = writer.write()
    except Unwritable as unwritable:
        flow.fault(None, "edges", unwritable)
        parts = []
    if flow.sheet.problems:
        found = flow.sheet.problems
        raise Invalid.of(found, "This workflow cannot be written as code.")
    return compose(spec, flow, writer, parts)
