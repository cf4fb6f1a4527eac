"""Every mistake a workflow can have, as problems: its steps, its wiring, what they read of each other.

One pass finds as many as it can. A step with a fault of its own stays in the graph as a stand-in, so that its
neighbours are judged as if it were sound.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from engine import schema
from engine.plan import graph, reads
from engine.errors import Problem
from engine.plan.layout import Plan, PlannedNode, lay_out
from engine.node import Agent, NodeConfig, NodeType, Pause, Route, Silent, Step, registry
from engine.plan.resolve import fields
from engine.shapes import config_problems
from engine.spec import MAX_NODES, EdgeSpec, FlowSpec, NodeSpec, read_flow

MAX_FLOWS = 4
MAX_PROBLEMS = 500
DEFAULT_TIMEOUT = 60.0


class StandIn(Silent):
    """A step whose kind or config cannot be read."""

    kind, title = "", ""


@dataclass
class Flow:
    """One graph under examination: the workflow, or the inside of the subflow step `path`."""

    spec: FlowSpec
    target: str
    found: list[Problem]
    path: str = ""
    depth: int = 0
    mapped: bool = False
    count: list[int] = field(default_factory=lambda: [0])
    subflows: dict[str, Plan] = field(default_factory=dict[str, Plan])

    def say(
        self,
        code: str,
        message: str,
        hint: str,
        node: NodeSpec | None = None,
        place: str | None = None,
        warning: bool = False,
    ) -> None:
        """A problem of a step, or of the flow itself; `place` is the field."""
        if node is not None:
            owner, message = self.inner(node.id), f"{node.title or node.id}: {message}"
        else:
            owner = self.path or None
            place = f"config.flow.{place}" if self.path and place else place
            message = message[:1].upper() + message[1:]
        severity = "warning" if warning else "error"
        self.found.append(Problem(code, message, hint, owner, place, severity))

    def inner(self, node_id: str) -> str:
        return f"{self.path}/{node_id}" if self.path else node_id


def check_flow(flow: Flow) -> Plan | None:
    """The plan of a flow; what is wrong with it goes to `flow.found`."""
    flow.count[0] += len(flow.spec.nodes)
    if flow.count[0] > MAX_NODES:
        flow.say("too_large", f"over {MAX_NODES} steps, subflows included.", "Split the workflow.", place="nodes")
        return None
    before = sum(p.severity == "error" for p in flow.found)
    specs = _distinct(flow)
    nodes = {n: _node(flow, spec) for n, spec in specs.items()}
    edges = _edges(flow, specs, nodes)
    planned = _wired(nodes, edges)
    plan = lay_out(planned, edges)
    _structure(flow, plan, specs)
    _schemas(flow, specs, planned)
    reads.check(flow, plan, specs)
    sound = sum(p.severity == "error" for p in flow.found) == before
    return _finish(flow, plan) if sound else None


def _finish(flow: Flow, plan: Plan) -> Plan:
    spec = flow.spec
    return replace(plan, inputs=spec.inputs, outputs=dict(spec.outputs), target=flow.target, subflows=flow.subflows)


def _distinct(flow: Flow) -> dict[str, NodeSpec]:
    specs: dict[str, NodeSpec] = {}
    for n, node in enumerate(flow.spec.nodes):
        if node.id in specs:
            flow.say("duplicate_id", f"the id {node.id} is taken by another step.", "Choose another id.", node, "id")
        specs.setdefault(node.id, node)
    return specs


def _node(flow: Flow, spec: NodeSpec) -> PlannedNode:
    """The step as planned, or a stand-in after a fault."""
    kind = registry().get(spec.kind)
    config = _config(flow, spec, kind) if kind else None
    if kind is None:
        hint = f"Choose one of {', '.join(sorted(registry()))}."
        flow.say("unknown_kind", f"there is no kind {spec.kind!r}.", hint, spec, "kind")
    elif flow.target not in kind.targets:
        hint = f"Switch to {' or '.join(sorted(kind.targets))}, or use another kind."
        flow.say("target_unsupported", f"{kind.title} is not available on {flow.target}.", hint, spec, "kind")
    if kind is None or config is None:
        kind, config, ports = (kind if isinstance(kind, Silent) else StandIn()), NodeConfig(), ()
    else:
        ports = kind.ports(config)
        _inside(flow, spec, config)
        _key(flow, spec, config)
    return PlannedNode(
        id=spec.id,
        kind=spec.kind,
        type=kind,
        title=spec.title or spec.id,
        config=config,
        ports=ports,
        join=spec.join,
        retry=spec.retry,
        timeout_s=spec.timeout_s or (kind.timeout_s if isinstance(kind, Step | Agent) else DEFAULT_TIMEOUT),
        max_visits=spec.max_visits,
        picks=isinstance(kind, Route | Pause | StandIn),
    )


def _config(flow: Flow, spec: NodeSpec, kind: NodeType) -> NodeConfig | None:
    if spec.v > kind.v:
        said = f"version {spec.v} of {kind.title} is unknown here; the newest is {kind.v}."
        flow.say("unsupported_format", said, "Open it with a newer Nexod.", spec, "v")
        return None
    raw = kind.upgrade(spec.config, spec.v) if spec.v < kind.v else spec.config
    try:
        return kind.Config.model_validate_json(json.dumps(raw), strict=True)
    except ValidationError as e:
        flow.found += config_problems(e, raw, flow.inner(spec.id), spec.title or spec.id)
        return None


def _inside(flow: Flow, spec: NodeSpec, config: NodeConfig) -> None:
    """The flow within a step, planned like any other."""
    raw = getattr(config, "flow", None)
    if not isinstance(raw, dict):
        return
    if flow.depth >= MAX_FLOWS:
        flow.say("too_deep", f"more than {MAX_FLOWS} flows stand inside each other.", "Flatten it.", spec, "config.flow")
        return
    inner, found = read_flow(raw, flow.inner(spec.id))
    flow.found += found
    if inner is None:
        return
    mapped = getattr(config, "over", None) is not None
    plan = check_flow(
        Flow(inner, flow.target, flow.found, flow.inner(spec.id), flow.depth + 1, mapped, count=flow.count)
    )
    if plan is not None:
        flow.subflows[spec.id] = plan


def _key(flow: Flow, spec: NodeSpec, config: NodeConfig) -> None:
    provider = getattr(config, "provider", None)
    if not isinstance(provider, str) or provider == "auto":
        return
    from engine.llm import missing_key

    if missing_key(provider):
        hint = f"Set {provider.upper()}_API_KEY, or choose auto."
        flow.say("missing_key", f"{provider} has no key here.", hint, spec, "config.provider", warning=True)


def _silent(node: PlannedNode) -> bool:
    return isinstance(node.type, Silent) and not isinstance(node.type, StandIn)


def _edges(
    flow: Flow, specs: Mapping[str, NodeSpec], nodes: Mapping[str, PlannedNode]
) -> list[tuple[str, str, str]]:
    """The edges that join ports that exist to steps that exist, each once."""
    kept: dict[tuple[str, str, str], None] = {}
    for n, edge in enumerate(flow.spec.edges):
        key = (edge.source, edge.port, edge.target)
        if key in kept:
            said = f"the edge {edge.source}.{edge.port} to {edge.target} is there twice."
            flow.say("duplicate_edge", said, "Remove one of them.", place=f"edges.{n}")
        elif _joins(flow, n, edge, specs, nodes):
            kept[key] = None
    return list(kept)


def _joins(
    flow: Flow, n: int, edge: EdgeSpec, specs: Mapping[str, NodeSpec], nodes: Mapping[str, PlannedNode]
) -> bool:
    for end, name in (("source", edge.source), ("target", edge.target)):
        if name not in nodes:
            said = f"an edge {'starts at' if end == 'source' else 'leads to'} {name}, which is no step."
            flow.say("dangling_edge", said, "Remove the edge, or add the step.", place=f"edges.{n}.{end}")
            return False
    source, target = nodes[edge.source], nodes[edge.target]
    if _silent(target):
        said = f"an edge leads to {target.title}, which is a note."
        flow.say("unknown_port", said, "Remove the edge: notes never run.", place=f"edges.{n}.target")
        return False
    known = source.ports if _silent(source) else (*source.ports, "error")
    if edge.port not in known and not isinstance(source.type, StandIn):
        hint = f"It has {', '.join(known)}." if known else "Remove the edge: notes never run."
        flow.say("unknown_port", f"there is no port {edge.port}.", hint, specs[edge.source], f"edges.{n}.port")
        return False
    return True


def _wired(nodes: Mapping[str, PlannedNode], edges: list[tuple[str, str, str]]) -> dict[str, PlannedNode]:
    """The steps that run, with their port `error` where an edge starts there."""
    more: dict[str, dict[str, None]] = {}
    for source, port, _ in edges:
        if port not in nodes[source].ports:
            more.setdefault(source, {})[port] = None
    return {
        n: replace(node, ports=(*node.ports, *more[n]), picks=True) if n in more else node
        for n, node in nodes.items()
        if not _silent(node)
    }


def _structure(flow: Flow, plan: Plan, specs: Mapping[str, NodeSpec]) -> None:
    """Islands, loops without an end, joins that no order decides."""
    ids = list(plan.nodes)
    for name in ids:
        if name not in plan.order:
            said = "no way leads here from a start."
            flow.say("unreachable", said, "Lead an edge to it from outside its loop, or remove it.", specs[name])
    after = [sorted({plan.bit[t] for t in plan.targets(n)}) for n in ids]
    pickers = sum(1 << plan.bit[n] for n in ids if plan.nodes[n].picks)
    for part in graph.cycles(after, without=pickers):
        node = specs[ids[part[0]]]
        hint = "Put a Condition into it, or an Approval."
        flow.say("cycle_without_route", "this loop never ends by itself.", hint, node)
    for part in graph.cycles(after):
        joins = [ids[n] for n in part if ids[n] in plan.anys]
        if len(joins) > 1:
            said = f"{' and '.join(joins[:3])} wait for any in one loop; which runs first is left to chance."
            flow.say("ambiguous_join", said, "Let only one of them wait for any.", specs[joins[1]], "join")


def _schemas(flow: Flow, specs: Mapping[str, NodeSpec], planned: Mapping[str, PlannedNode]) -> None:
    if flow.spec.inputs is not None:
        for fault in _input_faults(flow.spec.inputs):
            flow.say("bad_schema", f"inputs: {fault}", "Correct the JSON Schema.", place="inputs")
    for name, node in planned.items():
        for place, value in _given_schemas(node.config):
            for fault in schema.check(value):
                flow.say("bad_schema", f"{place}: {fault}", "Correct the JSON Schema.", specs[name], f"config.{place}")


def _input_faults(inputs: dict[str, Any]) -> list[str]:
    if inputs and inputs.get("type", "object") != "object":
        return ["its type is not object."]
    return schema.check(inputs)


def _given_schemas(config: NodeConfig) -> Iterator[tuple[str, dict[str, Any]]]:
    """Fields drawn with the schema widget, and those called `output_schema`."""
    for place, _, value in fields(config):
        last = place.rsplit(".", 1)[-1]
        if last in ("output_schema", "schema") and isinstance(value, dict):
            yield place, value
