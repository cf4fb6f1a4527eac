"""The mistakes that steps and their wiring can have, as problems, and the plan of a flow that has none.

One pass finds as many as it can: a step with a fault of its own stays in the graph as a stand-in, so that its
neighbours are judged as if it were sound.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from engine import schema
from engine.llm import missing_key, switch
from engine.node import Agent, NodeConfig, NodeType, Pause, Route, Silent, Step, registry
from engine.plan import graph
from engine.plan.edges import sound_edges, wired
from engine.plan.flow import Flow
from engine.plan.layout import Plan, PlannedNode, lay_out
from engine.plan.reads import check_reads
from engine.plan.resolve import fields
from engine.shapes import config_problems, flow_size_problems
from engine.spec import MAX_NODES, NodeSpec, read_flow
from engine.values import is_object

MAX_FLOWS = 4
MANY_FOR_CREWAI = 500
DEFAULT_TIMEOUT = 60.0


class StandIn(Silent):
    """A step whose kind or config cannot be read."""

    kind, title = "", ""


def plan_flow(flow: Flow) -> Plan | None:
    """The plan of a flow, or None with what is wrong with it in `flow.found`."""
    flow.steps[0] += len(flow.spec.nodes)
    if flow.steps[0] > MAX_NODES:
        flow.of_flow("too_large", f"over {MAX_NODES} steps, subflows included.", "Split the workflow.", "nodes")
        return None
    before = flow.errors()
    specs = _distinct(flow)
    nodes = {n: _step(flow, spec) for n, spec in specs.items()}
    edges = sound_edges(flow, specs, nodes)
    plan = lay_out(wired(nodes, edges), edges)
    _check_structure(flow, plan, specs)
    _check_schemas(flow, plan, specs)
    check_reads(flow, plan, specs)
    if flow.errors() > before:
        return None
    spec = flow.spec
    return replace(plan, inputs=spec.inputs, outputs=dict(spec.outputs), target=flow.target, subflows=flow.subflows)


def _distinct(flow: Flow) -> dict[str, NodeSpec]:
    specs: dict[str, NodeSpec] = {}
    for node in flow.spec.nodes:
        if node.id in specs:
            fault = f"the id {node.id} is taken by another step."
            flow.of_step("duplicate_id", node, fault, "Choose another id.", "id")
        specs.setdefault(node.id, node)
    return specs


def _step(flow: Flow, spec: NodeSpec) -> PlannedNode:
    """The step as planned, or a stand-in after a fault."""
    kind = _kind(flow, spec)
    config = _config(flow, spec, kind) if kind else None
    if kind is None or config is None:
        kind, config = (kind if isinstance(kind, Silent) else StandIn()), NodeConfig()
    else:
        _check_inside(flow, spec, config)
        _check_key(flow, spec, config)
    return PlannedNode(
        id=spec.id,
        kind=spec.kind,
        type=kind,
        title=spec.title or spec.id,
        config=config,
        ports=kind.ports(config),
        join=spec.join,
        retry=spec.retry,
        timeout_s=spec.timeout_s or (kind.timeout_s if isinstance(kind, Step | Agent) else DEFAULT_TIMEOUT),
        max_visits=spec.max_visits,
        picks=isinstance(kind, Route | Pause | StandIn),
        known=not isinstance(kind, StandIn),
    )


def _kind(flow: Flow, spec: NodeSpec) -> NodeType | None:
    kind = registry().get(spec.kind)
    if kind is None:
        cure = f"Choose one of {', '.join(sorted(registry()))}."
        flow.of_step("unknown_kind", spec, f"there is no kind {spec.kind!r}.", cure, "kind")
    elif flow.target not in kind.targets:
        cure = f"Switch to {' or '.join(sorted(kind.targets))}, or use another kind."
        flow.of_step("target_unsupported", spec, f"{kind.title} is not available on {flow.target}.", cure, "kind")
    return kind


def _config(flow: Flow, spec: NodeSpec, kind: NodeType) -> NodeConfig | None:
    if spec.v > kind.v:
        fault = f"version {spec.v} of {kind.title} is unknown here; the newest is {kind.v}."
        flow.of_step("unsupported_format", spec, fault, "Open it with a newer Nexod.", "v")
        return None
    raw = kind.upgrade(spec.config, spec.v) if spec.v < kind.v else spec.config
    try:
        return kind.Config.model_validate_json(json.dumps(raw), strict=True)
    except ValidationError as e:
        flow.found += config_problems(e, raw, flow.inner(spec.id), spec.title or spec.id, _labels(kind))
        return None


def _labels(kind: NodeType) -> dict[str, str]:
    return {info.alias or name: info.title for name, info in kind.Config.model_fields.items() if info.title}


def _check_inside(flow: Flow, spec: NodeSpec, config: NodeConfig) -> None:
    """The flow within a step is planned like any other."""
    raw = getattr(config, "flow", None)
    if not is_object(raw):
        return
    if flow.depth >= MAX_FLOWS:
        fault = f"more than {MAX_FLOWS} flows stand inside each other."
        flow.of_step("too_deep", spec, fault, "Flatten it.", "config.flow")
        return
    path = flow.inner(spec.id)
    inner, found = read_flow(raw, path)
    flow.found += [*found, *flow_size_problems(raw, path)]
    if inner is None:
        return
    mapped = getattr(config, "over", None) is not None
    plan = plan_flow(Flow(inner, flow.target, flow.found, path, flow.depth + 1, mapped, flow.steps))
    if plan is not None:
        flow.subflows[spec.id] = plan


def _check_key(flow: Flow, spec: NodeSpec, config: NodeConfig) -> None:
    for field, provider in _providers(config):
        if provider != "auto" and missing_key(provider):
            cure = f"Set {switch(provider)}, or choose auto."
            flow.of_step("missing_key", spec, f"{provider} has no key here.", cure, field, warning=True)


def _providers(config: NodeConfig) -> Iterator[tuple[str, str]]:
    """Every provider that a step names: its own, those of a crew's members and of its manager."""
    members: Sequence[Any] = getattr(config, "members", ())
    asked = [("", config), ("manager.", getattr(config, "manager", None))]
    for where, one in [*asked, *((f"members.{at}.", member) for at, member in enumerate(members))]:
        provider = getattr(one, "provider", None)
        if isinstance(provider, str):
            yield f"config.{where}provider", provider


def _check_structure(flow: Flow, plan: Plan, specs: Mapping[str, NodeSpec]) -> None:
    """Islands, loops without an end, joins that no order decides."""
    ids = list(plan.nodes)
    for name in ids:
        if name not in plan.order:
            cure = "Lead an edge to it from outside its loop, or remove it."
            flow.of_step("unreachable", specs[name], "no way leads here from a start.", cure)
    after = [sorted({plan.bit[t] for t in plan.targets(n)}) for n in ids]
    pickers = sum(1 << plan.bit[n] for n in ids if plan.nodes[n].picks)
    for part in graph.cycles(after, without=pickers):
        cure = "Put a Condition into it, or an Approval."
        flow.of_step("cycle_without_route", specs[ids[part[0]]], "this loop never ends by itself.", cure)
    for part in graph.cycles(after):
        joins = [ids[n] for n in part if ids[n] in plan.anys]
        if len(joins) > 1:
            fault = f"{' and '.join(joins[:3])} wait for any in one loop; which goes first is left to chance."
            flow.of_step("ambiguous_join", specs[joins[1]], fault, "Let only one of them wait for any.", "join")
    if flow.target == "crewai" and len(ids) > MANY_FOR_CREWAI:
        fault = f"{len(ids)} steps are slow on crewai; up to {MANY_FOR_CREWAI} go well."
        flow.of_flow("target_unsupported", fault, "Switch to langgraph, or split it.", "target", warning=True)


def _check_schemas(flow: Flow, plan: Plan, specs: Mapping[str, NodeSpec]) -> None:
    cure = "Correct the JSON Schema."
    if flow.spec.inputs is not None:
        wrong = ["its type is not object."] if flow.spec.inputs.get("type", "object") != "object" else []
        for fault in wrong or schema.check(flow.spec.inputs):
            flow.of_flow("bad_schema", f"inputs: {fault}", cure, "inputs")
    for name, node in plan.nodes.items():
        for place, value in _given_schemas(node.config):
            for fault in schema.check(value):
                flow.of_step("bad_schema", specs[name], f"{place}: {fault}", cure, f"config.{place}")


def _given_schemas(config: NodeConfig) -> Iterator[tuple[str, dict[str, object]]]:
    for place, _, value in fields(config):
        if place.rsplit(".", 1)[-1] in ("output_schema", "schema") and is_object(value):
            yield place, value
