"""The edges of a flow: those that join a port that exists to a step that exists, each once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.plan.flow import Flow
from engine.plan.layout import PlannedNode
from engine.spec import EdgeSpec, NodeSpec

ERROR = "error"
Edge = tuple[str, str, str]
"""Source, port, target."""


def sound_edges(flow: Flow, specs: Mapping[str, NodeSpec], nodes: Mapping[str, PlannedNode]) -> list[Edge]:
    """The good ones; what is wrong with the others goes to `flow.found`."""
    kept: dict[Edge, None] = {}
    for n, edge in enumerate(flow.spec.edges):
        key = (edge.source, edge.port, edge.target)
        if key in kept:
            fault = f"the edge {edge.source}.{edge.port} to {edge.target} is there twice."
            flow.of_flow("duplicate_edge", fault, "Remove one of them.", f"edges.{n}")
        elif _ends_exist(flow, n, edge, nodes) and _port_exists(flow, n, edge, specs, nodes):
            kept[key] = None
    return list(kept)


def _ends_exist(flow: Flow, n: int, edge: EdgeSpec, nodes: Mapping[str, PlannedNode]) -> bool:
    for end, name, verb in (("source", edge.source, "starts at"), ("target", edge.target, "leads to")):
        if name not in nodes:
            fault = f"an edge {verb} {name}, which is no step."
            flow.of_flow("dangling_edge", fault, "Remove the edge, or add the step.", f"edges.{n}.{end}")
            return False
    return True


def _port_exists(
    flow: Flow, n: int, edge: EdgeSpec, specs: Mapping[str, NodeSpec], nodes: Mapping[str, PlannedNode]
) -> bool:
    source, target = nodes[edge.source], nodes[edge.target]
    if target.silent:
        fault = "an edge leads here, but a note never runs."
        flow.of_step("unknown_port", specs[edge.target], fault, "Remove the edge.", f"edges.{n}.target")
        return False
    known = source.ports if source.silent else (*source.ports, ERROR)
    if edge.port in known or not source.known:
        return True
    cure = f"It has {', '.join(known)}." if known else "Remove the edge: a note never runs."
    flow.of_step("unknown_port", specs[edge.source], f"there is no port {edge.port}.", cure, f"edges.{n}.port")
    return False


def wired(nodes: Mapping[str, PlannedNode], edges: list[Edge]) -> dict[str, PlannedNode]:
    """The steps that run, with their port `error` where an edge starts there."""
    more: dict[str, dict[str, None]] = {}
    for source, port, _ in edges:
        if port not in nodes[source].ports:
            more.setdefault(source, {})[port] = None
    return {
        n: replace(node, ports=(*node.ports, *more[n]), picks=True) if n in more else node
        for n, node in nodes.items()
        if not node.silent
    }
