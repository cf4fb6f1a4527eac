"""The kinds of step as the editor wants them: in palette order, with icon names of the sprite. Pure."""

from __future__ import annotations

from typing import Any

from components.icons import sign
from engine.services import catalog

GROUPS = ("AI", "Logic", "People", "Data", "Integration", "Canvas")
ORDER = (
    "llm", "agent", "crew", "condition", "wait", "subflow", "fail", "approval", "template", "retrieve", "http", "tool",
    "note",
)  # fmt: skip


def kinds() -> list[dict[str, Any]]:
    """Every kind, groups in their fixed order, the unknown ones of a group last."""
    return sorted((client_kind(kind) for kind in catalog.node_types()), key=_place)


def presets() -> list[dict[str, Any]]:
    """The agent library as further rows of the palette: a kind with a config and a name of its own."""
    known = {kind["kind"]: kind for kind in kinds()}
    return [
        {
            **known[one["kind"]], "kind": f"{one['kind']}:{one['name']}", "of": one["kind"], "name": one["name"],
            "title": one["title"], "group": "Agents" if one["kind"] == "agent" else "Crews", "tone": "ai",
            "help": one["help"], "sample": one["config"], "inputs": one["inputs"],
        }
        for one in catalog.agent_library()
        if one["kind"] in known
    ]  # fmt: skip


def client_kind(kind: dict[str, Any]) -> dict[str, Any]:
    """What the browser needs of a kind; the schema stays here, where the forms are made of it."""
    defaults = {
        name: part["default"]
        for name, part in kind["config"].get("properties", {}).items()
        if isinstance(part.get("default"), str | int | float)
    }
    kept = {key: kind[key] for key in ("kind", "title", "group", "summary", "v", "shape", "help", "ports", "sample")}
    return {**kept, "icon": sign(kind["kind"], kind["icon"]), "defaults": defaults}


def by_group(all_kinds: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    groups = [*GROUPS, *sorted({kind["group"] for kind in all_kinds} - set(GROUPS))]
    found = [(group, [kind for kind in all_kinds if kind["group"] == group]) for group in groups]
    return [(group, members) for group, members in found if members]


def _place(kind: dict[str, Any]) -> tuple[int, int, str]:
    group = GROUPS.index(kind["group"]) if kind["group"] in GROUPS else len(GROUPS)
    return group, ORDER.index(kind["kind"]) if kind["kind"] in ORDER else len(ORDER), kind["title"]


def first_sentence(help_text: str) -> str:
    """The tooltip of a palette row."""
    return " ".join(help_text.replace("*", "").replace("`", "").split("\n\n")[0].split())
