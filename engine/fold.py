"""What a journal says about a run, for every reader: page, REST, canvas, tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from engine.events import TERMINAL, Event, NodeStatus, RunStatus


@dataclass(slots=True)
class NodeView:
    """The latest visit of one step."""

    status: NodeStatus = "idle"
    visits: int = 0
    key: str | None = None
    started_at: int | None = None
    ended_at: int | None = None
    port: str | None = None
    retries: int = 0

    def to_json(self) -> dict[str, Any]:
        return {"status": self.status, "visits": self.visits}


@dataclass(slots=True)
class View:
    """A run, folded from its events. `nodes` is keyed by path: `draft`, `sub/inner`, `sub[2]/inner`."""

    status: RunStatus = "pending"
    nodes: dict[str, NodeView] = field(default_factory=dict[str, NodeView])
    waiting_for: list[str] = field(default_factory=list[str])
    usage: dict[str, float] = field(default_factory=lambda: {"input_tokens": 0, "output_tokens": 0, "cost": 0.0})
    last_seq: int = -1
    parked: list[NodeView] = field(default_factory=list[NodeView])
    """Steps that stand still because another one asked for all of them."""


def fold(events: Iterable[Event], node_ids: Iterable[str] = ()) -> View:
    """`node_ids` are the steps of the drawing, so that those that never ran are listed too."""
    view = View(nodes={node_id: NodeView() for node_id in node_ids})
    for event in events:
        view.last_seq = event.seq
        if event.node_id is not None:
            _fold_node(view, event)
        _fold_run(view, event)
    _lift_waiting(view)
    return view


def _fold_node(view: View, event: Event) -> None:
    node = view.nodes.setdefault(event.node_id or "", NodeView())
    match event.type:
        case "node_started":
            node.status, node.key, node.started_at, node.ended_at = "running", event.key, event.at, None
            node.visits, node.port, node.retries = max(node.visits, event.payload.get("visit", 1)), None, 0
        case "node_completed":
            node.status, node.ended_at, node.port = "completed", event.at, event.payload.get("port")
            node.key, node.visits = event.key, max(node.visits, visit_of(event.key))
        case "node_failed":
            node.status, node.ended_at, node.port = "failed", event.at, event.payload.get("port")
            node.key, node.visits = event.key, max(node.visits, visit_of(event.key))
        case "node_retry":
            node.retries += 1
        case "approval_requested" | "timer_set":
            node.status = "waiting"
        case "approval_decided" | "timer_fired" | "review_resolved":
            node.status = "running"
            _go_on(view)
        case "run_needs_review":
            node.status = "needs_review"
        case _:
            pass


def _fold_run(view: View, event: Event) -> None:
    match event.type:
        case "run_started" | "attempt_lost":
            view.status = "running" if event.type == "run_started" else "pending"
        case "approval_requested":
            view.waiting_for.append(event.payload["approval_id"])
        case "approval_decided":
            view.waiting_for = [a for a in view.waiting_for if a != event.payload["approval_id"]]
        case "run_waiting":
            view.status = "waiting"
            _park(view)
        case "run_needs_review":
            view.status = "needs_review"
        case "model_called" | "tool_called":
            usage: dict[str, Any] = event.payload.get("usage") or {}
            for name in view.usage:
                view.usage[name] += usage.get(name) or 0
        case "node_started" | "node_completed" | "node_failed":
            view.status = "running"
        case _ if event.type in TERMINAL:
            _end(view, event)
        case _:
            pass


def _park(view: View) -> None:
    view.parked = [node for node in view.nodes.values() if node.status == "running"]
    for node in view.parked:
        node.status = "waiting"


def _go_on(view: View) -> None:
    for node in view.parked:
        if node.status == "waiting":
            node.status = "running"
    view.parked = []


def _end(view: View, event: Event) -> None:
    ends: dict[str, RunStatus] = {"run_completed": "completed", "run_failed": "failed", "run_cancelled": "cancelled"}
    view.status = ends[event.type]
    view.waiting_for = []
    for node in view.nodes.values():
        if node.status == "idle":
            node.status = "skipped"
        elif node.status in ("running", "waiting", "needs_review"):
            node.status, node.ended_at = "cancelled", event.at


def _lift_waiting(view: View) -> None:
    """A Call whose inner steps all wait, waits too."""
    inner: dict[str, set[str]] = {}
    for path, node in view.nodes.items():
        parts = path.split("/")
        for depth in range(1, len(parts)):
            parent = "/".join(parts[:depth])
            inner.setdefault(parent[: parent.rindex("[")] if parent.endswith("]") else parent, set()).add(node.status)
    for path, statuses in inner.items():
        node = view.nodes.get(path)
        if node and node.status == "running" and "waiting" in statuses and "running" not in statuses:
            node.status = "waiting"


def visit_of(key: str | None) -> int:
    """The visit in a key: 2 for `sub#1/inner#2`."""
    return int((key or "#1").rsplit("#", 1)[1].split("/", 1)[0].split("[", 1)[0])
