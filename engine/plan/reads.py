"""What the steps of a flow read of each other: every text and expression compiled, every name looked up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from engine.expressions.text import BadExpression, known_type
from engine.plan.certain import Certain
from engine.expressions import Template, compile_expression, compile_template
from engine.plan.layout import Plan
from engine.plan.resolve import fields
from engine.spec import NodeSpec

if TYPE_CHECKING:
    from engine.plan.checks import Flow

ALWAYS = frozenset({"input", "run"})
IN_A_MAP = frozenset({"item", "index"})


@dataclass(frozen=True, slots=True)
class Source:
    """One text of a step: `place` is its field."""

    place: str
    text: str
    bare: bool
    """An expression, not a text with segments."""


def check(flow: Flow, plan: Plan, specs: Mapping[str, NodeSpec]) -> None:
    """Bad expressions, unknown names, and names that may not have run, in the steps and in the flow's outputs."""
    certain = Certain(plan)
    for name, node in plan.nodes.items():
        for place, mark, value in fields(node.config):
            names = ALWAYS | (IN_A_MAP if flow.mapped or mark == "lazy_values" else frozenset())
            for source in _sources(f"config.{place}", mark, value):
                _one(flow, plan, source, names, specs[name], certain)
            for secret in _secrets(f"config.{place}", value) if mark in ("values", "lazy_values") else ():
                flow.say("bad_value", "a secret has no place here.", "Name it where the step signs in.", specs[name], secret)
    names = ALWAYS | (IN_A_MAP if flow.mapped else frozenset())
    for source in _sources("outputs", "values", flow.spec.outputs):
        _one(flow, plan, source, names, None, certain)
    for secret in _secrets("outputs", flow.spec.outputs):
        flow.say("bad_value", "a secret is no output.", "Remove it.", place=secret)


def _sources(place: str, mark: str | None, value: Any) -> Iterator[Source]:
    if mark in ("expr", "lazy"):
        if isinstance(value, str):
            yield Source(place, value, True)
    elif mark is not None:
        for where, leaf in _leaves(place, value):
            if isinstance(leaf, str):
                yield Source(where, leaf, False)


def _leaves(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        if "$secret" in value:
            return
        for key, inner in value.items():
            yield from _leaves(f"{place}.{key}", inner)
    elif isinstance(value, list | tuple):
        for n, inner in enumerate(value):
            yield from _leaves(f"{place}.{n}", inner)
    else:
        yield place, value


def _secrets(place: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if "$secret" in value:
            yield place
        for key, inner in value.items():
            yield from _secrets(f"{place}.{key}", inner)
    elif isinstance(value, list | tuple):
        for n, inner in enumerate(value):
            yield from _secrets(f"{place}.{n}", inner)


def _one(
    flow: Flow, plan: Plan, source: Source, names: frozenset[str], node: NodeSpec | None, certain: Certain
) -> None:
    label = source.place.removeprefix("config.")
    try:
        template = Template((compile_expression(source.text),)) if source.bare else compile_template(source.text)
    except BadExpression as e:
        flow.say("bad_expression", f"{label}: {e.fault}.", e.cure, node, source.place)
        return
    for name in sorted(template.references - names):
        if name not in plan.nodes:
            if not known_type(name):
                flow.say("unknown_reference", f"there is no step {name}.", _near(name, plan), node, source.place)
        elif node is None:
            continue
        elif not plan.reaches(name, node.id):
            hint = f"Lead a way from {name} to here, or read another step."
            flow.say("unknown_reference", f"{name} never runs before this.", hint, node, source.place)
        elif name in template.unguarded and not certain.has_run(name, node.id):
            hint = f"Ask first with `has({template.example(name)})`, or wire {plan.nodes[name].title} on every path."
            flow.say("may_not_have_run", f"reads {name}, which may not have run.", hint, node, source.place, warning=True)


def _near(name: str, plan: Plan) -> str:
    if name in IN_A_MAP:
        return f"{name} exists only inside a subflow that runs over a list."
    close = get_close_matches(name, plan.nodes, 1)
    return f"Did you mean {close[0]}?" if close else "Read input, run, or a step before this one."
