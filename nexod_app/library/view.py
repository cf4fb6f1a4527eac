"""From kinds of step, tools and agents to the words of their pages. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from components.form import sentence

ORDER = ("AI", "Logic", "People", "Data", "Integration", "Canvas", "Tools", "Agents", "Crews")
PLAIN = {
    "string": "text", "integer": "whole number", "number": "number", "boolean": "yes or no", "object": "object",
    "array": "list", "null": "nothing",
}  # fmt: skip
EFFECTS = {
    "pure": "changes nothing", "keyed": "sends an idempotency key", "unsafe": "never repeated unasked",
    "varies": "depends on its settings",
}  # fmt: skip


@dataclass(frozen=True)
class Field:
    """One field of a kind's config."""

    name: str
    type: str
    required: bool
    default: str
    text: str


@dataclass(frozen=True)
class Entry:
    """One page of the library: `id` in its address, `name` in a workflow; `chips` is a heading with words."""

    id: str
    name: str
    title: str
    group: str
    tone: str
    icon: str
    help: str
    tables: tuple[tuple[str, list[Field]], ...]
    chips: tuple[str, list[str]]
    sample: tuple[str, Any]

    @property
    def words(self) -> str:
        """What the search looks through."""
        return f"{self.title} {self.name} {self.group} {first_line(self.help)}".lower()


def of_kind(kind: Mapping[str, Any]) -> Entry:
    return Entry(
        kind["kind"], kind["kind"], kind["title"], kind["group"], kind["group"].lower(), kind["icon"], kind["help"],
        (("Fields", fields(kind["config"])),), ("Ports", kind["ports"]), ("Sample", kind["sample"]),
    )  # fmt: skip


def of_tool(tool: Mapping[str, Any]) -> Entry:
    tables = (("Arguments", fields(tool["parameters"])), ("Settings", fields(tool["config"])))
    use = {"name": tool["name"], "config": {}, "approve": False}
    return Entry(
        f"tool-{tool['name']}", tool["name"], tool["title"], "Tools", "integration", tool["icon"], tool["help"],
        tables, ("Effect", [EFFECTS[tool["effect"]]]), ("In an agent", use),
    )  # fmt: skip


def of_agent(agent: Mapping[str, Any]) -> Entry:
    config = agent["config"]
    members = config.get("members", [config])
    tools = list(dict.fromkeys(tool["name"] for one in members for tool in one["tools"]))
    group = "Agents" if agent["kind"] == "agent" else "Crews"
    return Entry(
        f"agent-{agent['name']}", agent["name"], agent["title"], group, "ai", agent["kind"], _brief(agent),
        (), ("Tools", tools or ["none"]), ("Settings of the step", config),
    )  # fmt: skip


def _brief(agent: Mapping[str, Any]) -> str:
    """Its help with what it is told, as Markdown."""
    config = agent["config"]
    if agent["kind"] == "crew":
        lines = [
            f"- **{one['member'].replace('_', ' ').capitalize()}**: {one['description']}" for one in config["tasks"]
        ]
        return "\n\n".join([agent["help"], *(line.replace("\n\n", " ") for line in lines)])
    goal, backstory = config["goal"], config["backstory"]
    task = "\n".join(f"> {line}" for line in config["task"].splitlines())
    return f"{agent['help']}\n\n**Goal.** {goal}.\n\n{backstory}\n\n**Task**\n\n{task}"


def grouped(entries: Iterable[Entry]) -> list[tuple[str, list[Entry]]]:
    """The entries by group, in the palette's order; groups of plugins follow."""
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.group, []).append(entry)
    rank = {name: at for at, name in enumerate(ORDER)}
    return sorted(found.items(), key=lambda item: (rank.get(item[0], len(rank)), item[0]))


def first_line(help_text: str) -> str:
    """What a kind is for, in one sentence."""
    return " ".join(help_text.replace("*", "").replace("`", "").split("\n\n")[0].split())


def fields(schema: Mapping[str, Any]) -> list[Field]:
    required = schema.get("required", [])
    return [
        Field(
            name,
            type_words(one, schema),
            name in required,
            _default(one, name in required),
            sentence(one.get("description", "")),
        )
        for name, one in schema.get("properties", {}).items()
    ]


def _default(schema: Mapping[str, Any], required: bool) -> str:
    if required or schema.get("default") in (None, "", [], {}):
        return ""
    return json.dumps(schema["default"], ensure_ascii=False).strip('"')


def type_words(schema: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    """A JSON Schema's type as people say it."""
    if "$ref" in schema:
        target = root.get("$defs", {}).get(schema["$ref"].rsplit("/", 1)[-1], {})
        return type_words(target, root)
    if "enum" in schema or "const" in schema:
        return " or ".join(str(one) for one in schema.get("enum", [schema.get("const")]))
    if options := schema.get("anyOf") or schema.get("oneOf"):
        words = dict.fromkeys(type_words(one, root) for one in options if one.get("type") != "null")
        return " or ".join(words)
    if schema.get("type") == "array":
        items = schema.get("items", {})
        return f"list of {type_words(items, root)}" if items else "list"
    return PLAIN.get(schema.get("type", ""), "any value")


def sample(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
