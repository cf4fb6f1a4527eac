"""What there is to build with: the kinds of step, the tools, the agent library, and the gallery of templates."""

from __future__ import annotations

import copy
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from engine import agents
from engine import tools as toolbox
from engine.node import Agent, Call, NodeType, Pause, Route, Step, registry

_HOME = Path(__file__).parents[1] / "templates"
_SHAPES: tuple[type[NodeType], ...] = (Step, Route, Pause, Agent, Call)


def node_types() -> list[dict[str, Any]]:
    """Every kind, as the palette, the inspector, the library and `GET /node-types` show it."""
    return [copy.deepcopy(_described(kind)) for kind in sorted(registry())]


def tools() -> list[dict[str, Any]]:
    """Every tool: what a model is told of it, and what a step may set. Nothing is opened."""
    return [
        {
            "name": kind.name, "title": kind.title, "icon": kind.icon, "help": kind.help,
            "parameters": kind.parameters, "config": kind.Config.model_json_schema(by_alias=True),
            "effect": "varies" if callable(kind.effects) else str(kind.effects),
            "max_output_bytes": kind.cap,
        }
        for _, kind in sorted(toolbox.registry().items())
    ]  # fmt: skip


def agent_library() -> list[dict[str, Any]]:
    """The specialists, then the crews; `config` is that of a whole step of `kind`, `inputs` what its task reads."""
    presets = sorted(agents.registry().values(), key=lambda one: (one.kind != "agent", one.title))
    return [
        {
            "name": one.name, "title": one.title, "kind": one.kind, "help": one.help,
            "config": copy.deepcopy(one.config()),
            "inputs": {name: {"type": "string", "title": title} for name, title in one.inputs.items()},
        }
        for one in presets
    ]  # fmt: skip


def templates() -> list[dict[str, Any]]:
    """The gallery, in the order of its files."""
    return copy.deepcopy(_gallery())


def slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


@cache
def _described(kind: str) -> dict[str, Any]:
    node = registry()[kind]
    shape = next((base.__name__.lower() for base in _SHAPES if isinstance(node, base)), "silent")
    return {
        "kind": node.kind, "title": node.title, "group": str(node.group), "icon": node.icon, "summary": node.summary,
        "v": node.v, "shape": shape, "help": node.help, "ports": _ports(node),
        "timeout_s": getattr(node, "timeout_s", None), "config": node.Config.model_json_schema(), "sample": node.sample,
    }  # fmt: skip


def _ports(node: NodeType) -> list[str]:
    """The ports of the sample; a working kind has `error` besides."""
    ports = list(node.ports(node.Config.model_validate(node.sample)))
    return [*ports, "error"] if isinstance(node, _SHAPES) and ports else ports


@cache
def _gallery() -> list[dict[str, Any]]:
    specs = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(_HOME.glob("*.json"))]
    return [
        {"slug": slug(spec["name"]), "name": spec["name"], "description": spec["description"], "spec": spec}
        for spec in specs
    ]
