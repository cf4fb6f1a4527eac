"""What the steps of a flow read of each other: every text and expression compiled, every name looked up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from engine.expressions import Template, compile_expression, compile_template, is_secret
from engine.expressions.text import BadExpression, known_type
from engine.plan.certain import Certain
from engine.plan.flow import Flow
from engine.plan.layout import Plan
from engine.plan.resolve import fields
from engine.spec import NodeSpec
from engine.values import is_list, is_object

ALWAYS = frozenset({"input", "run"})
IN_A_MAP = frozenset({"item", "index"})
SECRET_NAME = re.compile(r"[A-Z][A-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class Source:
    """One text of a step, or of the outputs. `bare`: an expression, not a text with segments."""

    place: str
    text: str
    bare: bool


def check_reads(flow: Flow, plan: Plan, specs: Mapping[str, NodeSpec]) -> None:
    """Bad expressions, unknown names, and names that may not have run, in the steps and in the flow's outputs."""
    certain = Certain(plan)
    always = ALWAYS | IN_A_MAP if flow.mapped else ALWAYS
    for name, node in plan.nodes.items():
        spec = specs[name]
        for place, mark, value in fields(node.config):
            names = always | IN_A_MAP if mark == "lazy_values" and getattr(node.config, "over", None) else always
            for source in _sources(f"config.{place}", mark, value):
                template = _compiled(flow, source, spec)
                if template is not None:
                    _check_names(flow, plan, template, names, source.place, spec, certain)
            if mark in ("values", "lazy_values"):
                _check_secrets(flow, spec, place in node.type.secret_fields, f"config.{place}", value)
    for source in _sources("outputs", "values", flow.spec.outputs):
        template = _compiled(flow, source, None)
        for name in sorted(template.references - always - plan.nodes.keys()) if template else ():
            if not known_type(name):
                flow.of_flow("unknown_reference", f"there is no step {name}.", _near(name, plan), source.place)
    for secret, _ in _secrets("outputs", flow.spec.outputs):
        flow.of_flow("bad_value", "a secret is no output.", "Remove it.", secret)


def _check_secrets(flow: Flow, node: NodeSpec, taken: bool, place: str, value: Any) -> None:
    """Secrets stand only where a field takes them, and by a name that the environment can hold."""
    for where, reference in _secrets(place, value):
        name = reference.get("$secret")
        if not taken:
            flow.of_step("bad_value", node, "a secret has no place here.", "Name it where a step signs in.", where)
        elif len(reference) != 1 or not isinstance(name, str) or not SECRET_NAME.fullmatch(name):
            cure = 'Write {"$secret": "NAME"}, in capitals, digits and _.'
            flow.of_step("bad_value", node, "this names no secret.", cure, where)


def _compiled(flow: Flow, source: Source, node: NodeSpec | None) -> Template | None:
    try:
        return Template((compile_expression(source.text),)) if source.bare else compile_template(source.text)
    except BadExpression as e:
        fault = f"{source.place.removeprefix('config.')}: {e.fault}."
        if node is None:
            flow.of_flow("bad_expression", fault, e.cure, source.place)
        else:
            flow.of_step("bad_expression", node, fault, e.cure, source.place)
        return None


def _check_names(
    flow: Flow, plan: Plan, template: Template, names: frozenset[str], place: str, node: NodeSpec, certain: Certain
) -> None:
    for name in sorted(template.references - names):
        if name not in plan.nodes:
            if not known_type(name):
                flow.of_step("unknown_reference", node, f"there is no step {name}.", _near(name, plan), place)
        elif not plan.reaches(name, node.id):
            cure = f"Lead a way from {name} to here, or read another step."
            flow.of_step("unknown_reference", node, f"{name} never runs before this.", cure, place)
        elif name in template.unguarded and not certain.has_run(name, node.id):
            fault = f"reads {name}, which may not have run."
            cure = f"Ask first with `has({template.example(name)})`, or wire {plan.nodes[name].title} on every path."
            flow.of_step("may_not_have_run", node, fault, cure, place, warning=True)


def _near(name: str, plan: Plan) -> str:
    if name in IN_A_MAP:
        return f"{name} exists only in a subflow that runs over a list."
    close = get_close_matches(name, plan.nodes, 1)
    return f"Did you mean {close[0]}?" if close else "Read input, run, or a step before this one."


def _sources(place: str, mark: str | None, value: Any) -> Iterator[Source]:
    if mark in ("expr", "lazy"):
        if isinstance(value, str):
            yield Source(place, value, bare=True)
    elif mark is not None:
        for where, leaf in _leaves(place, value):
            if isinstance(leaf, str):
                yield Source(where, leaf, bare=False)


def _parts(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    if is_object(value):
        yield from ((f"{place}.{key}", inner) for key, inner in value.items())
    elif is_list(value):
        yield from ((f"{place}.{n}", inner) for n, inner in enumerate(value))


def _leaves(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not is_object(value) and not is_list(value):
        yield place, value
    elif not is_secret(value):
        for where, inner in _parts(place, value):
            yield from _leaves(where, inner)


def _secrets(place: str, value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if is_object(value) and "$secret" in value:
        yield place, value
    else:
        for where, inner in _parts(place, value):
            yield from _secrets(where, inner)
