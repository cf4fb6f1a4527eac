"""What both targets need of a flow: how its names are read, which joins it has, what it answers in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from engine.export.helpers import HELPERS
from engine.export.known import output_of
from engine.export.names import OF_A_BODY, RESERVED
from engine.export.python import ANY, INTEGER, OR, Root, Shape, quoted, within
from engine.export.races import races
from engine.export.sheet import FlowSheet
from engine.export.steps import WORK, Made, Step, write
from engine.export.texts import Body
from engine.export.tree import Binary, Call, Choice, Item, Member, Name, Unwritable, parse, parts_of
from engine.expressions import compile_expression, compile_template
from engine.plan import Plan, PlannedNode
from engine.plan.certain import Certain
from engine.plan.graph import cycles
from engine.plan.joins import solo
from engine.plan.resolve import fields
from engine.values import is_list, is_object

KINDS = {"item": "Any", "index": "int"}
ReadsAs = Callable[[str], tuple[str, str, str]]
"""From the name of a step in the file: the code that reads it, that reads it or nothing, that asks for it."""


class Reading:
    """How names are read in the functions of one flow. `of` says it for a step, `given` for what it is given."""

    def __init__(self, flow: FlowSheet, of: ReadsAs, given: Callable[[str], str]) -> None:
        self.flow, self.of, self.given = flow, of, given
        self.certain = Certain(flow.plan)
        self.at_end = surely_run(flow.plan)

    def root(self, name: str, reader: str | None) -> Root | None:
        """`reader` is the step that reads, none for the outputs."""
        flow = self.flow
        if name == "input":
            return Root(self.given("inputs"), input_shape(flow))
        if name in ("item", "index") and flow.mapped:
            return Root(self.given(name), INTEGER if name == "index" else flow.item or ANY)
        if name not in flow.plan.nodes:
            return None
        code, maybe, there = self.of(flow.keys[name])
        shape = output_of(flow.plan, flow.plan.nodes[name])
        sure = name in self.at_end if reader is None else self.certain.has_run(name, reader)
        return Root(code, shape, "" if sure else maybe, there if " in " in there else "")

    def body(self, reader: str | None) -> Body:
        sheet = self.flow.sheet
        taken = RESERVED | OF_A_BODY | HELPERS.keys() | {name for name in sheet.names.taken if name[:1].isupper()}
        return Body(lambda name: self.root(name, reader), sheet.helpers, sheet.secrets, set(taken))

    def outputs(self) -> Iterator[tuple[str, str]]:
        """(name, code) of each output, over the latest visit of every step; null where a step has not run."""
        for name, value in self.flow.plan.outputs.items():
            body = self.body(None)
            body.alone = True
            try:
                piece = body.value(value, name)
            except Unwritable as unwritable:
                self.flow.fault(None, f"outputs.{name}", unwritable)
                continue
            surely, maybe = needed(value)
            asked = [self.of(self.flow.keys[one])[2] for one in sorted(surely) if self._may_lack(one)]
            if any(self._may_lack(one) for one in maybe - surely):
                self.flow.sheet.use("or_none")
                yield name, f"or_none(lambda: {piece.code})"
            else:
                yield name, f"{piece.at(OR)} if {' and '.join(asked)} else None" if asked else piece.code

    def _may_lack(self, name: str) -> bool:
        return name in self.flow.plan.nodes and name not in self.at_end


def needed(value: Any) -> tuple[set[str], set[str]]:
    """The names whose members a JSON value with texts reads: in any case, and in some cases only."""
    surely: set[str] = set()
    maybe: set[str] = set()
    if isinstance(value, str):
        for part in compile_template(value).parts:
            if not isinstance(part, str):
                _reads(parse(part.source), surely, maybe)
        return surely, maybe
    for inner in list(value.values()) if is_object(value) else value if is_list(value) else []:
        for found, more in zip((surely, maybe), needed(inner), strict=True):
            found |= more
    return surely, maybe


def _reads(tree: Any, surely: set[str], maybe: set[str]) -> None:
    match tree:
        case Call(name="has"):
            return
        case Member(of=Name(name)) | Item(of=Name(name)):
            surely.add(name)
        case Choice(when, then, other):
            asked = {one.of.name for one in _asked(when)}
            _reads(when, surely, maybe)
            for branch, known in ((then, asked), (other, set[str]())):
                inner: set[str] = set()
                _reads(branch, inner, inner)
                maybe |= inner - known
            return
        case Binary(sign="&&" | "||", left=left, right=right):
            asked = {one.of.name for one in _asked(left)}
            _reads(left, surely, maybe)
            inner = set[str]()
            _reads(right, inner, inner)
            maybe |= inner - asked
            return
        case _:
            pass
    for part in parts_of(tree):
        _reads(part, surely, maybe)


def _asked(tree: Any) -> list[Any]:
    """The members that a condition asks for with `has()`."""
    match tree:
        case Call(name="has", args=(Member(of=Name()) as member,)):
            return [member]
        case _:
            return [found for part in parts_of(tree) for found in _asked(part)]


def input_shape(flow: FlowSheet) -> Shape:
    """What the inputs surely are. Those of a subflow are what its step gives."""
    if flow.inputs is not None:
        return flow.inputs
    declared = flow.plan.inputs or {}
    properties: dict[str, Any] = declared.get("properties") or {}
    given = [name for name, part in properties.items() if is_object(part) and "default" in part]
    return {"type": "object", "properties": properties, "required": [*(declared.get("required") or []), *given]}


def surely_run(plan: Plan) -> frozenset[str]:
    """The steps that have run when a run completes, whichever ways it took."""
    sure, work = set(plan.entries), list(plan.entries)
    while work:
        ports = list(plan.out[work.pop()].values())
        common: set[str] = set(ports[0]).intersection(*ports[1:]) if ports else set()
        for target in common:
            if target not in sure:
                sure.add(target)
                work.append(target)
    return frozenset(sure)


def in_loops(plan: Plan) -> frozenset[str]:
    """The steps that may run more than once."""
    ids = list(plan.nodes)
    after = [sorted({plan.bit[t] for t in plan.targets(n)}) for n in ids]
    return frozenset(ids[n] for part in cycles(after) for n in part)


def reads_of(node: PlannedNode) -> frozenset[str]:
    """Every name that a step reads."""
    found: set[str] = set()
    for _, mark, value in fields(node.config):
        if mark in ("expr", "lazy") and isinstance(value, str):
            found |= compile_expression(value).names
        elif mark is not None:
            found |= _names(value)
    return frozenset(found)


def check_races(flow: FlowSheet) -> None:
    plan = flow.plan
    for reader, name in races(plan, {node: reads_of(plan.nodes[node]) for node in plan.nodes}):
        fault = f"reads {plan.nodes[name].title}, which another branch may have run, or may run meanwhile"
        cure = "Read it before the branches part, or after they have met."
        flow.fault(plan.nodes[reader], "config", Unwritable(fault, cure))


def join_class(plan: Plan, node: str) -> str:
    """As the plan says; an `any` join that only one token can come to is a plain one, too."""
    if node in plan.anys and solo(plan, node):
        return "plain"
    return plan.join_class.get(node, "plain")


def written(
    flow: FlowSheet, reading: Reading, node: PlannedNode, nested: Callable[[FlowSheet], str]
) -> tuple[Made, Body]:
    """The body of a step, subflows by `nested`."""
    body = reading.body(node.id)
    step = Step(flow, node, body)
    made = called(step, nested) if node.kind == "subflow" else write(step)
    return retried(step, made), body


def retried(step: Step, made: Made) -> Made:
    """With its tries around it."""
    policy = step.node.retry
    if policy.attempts > 1 and made.work:
        step.flow.sheet.use("retried")
        given = [("delay", policy.delay_s, 1), ("factor", policy.factor, 2), ("longest", policy.max_delay_s, 60)]
        more = "".join(f", {name}={value:g}" for name, value, usual in given if value != usual)
        made.work = f"retried(lambda: {made.work}, {policy.attempts}{more})"
    made.value = made.value.replace(WORK, f"await {made.work}")
    return made


def called(step: Step, nested: Callable[[FlowSheet], str]) -> Made:
    """A subflow: a function of its own, called once or for each item."""
    flow, config, node = step.flow, step.config, step.node
    over = None if config.over is None else step.expression(config.over, "over")
    items: Any = over.shape.get("items") if over is not None else None
    item: Shape = items if is_object(items) else ANY
    local = {"item": Root("item", item), "index": Root("index", INTEGER)} if over is not None else {}
    outside = step.body.root
    step.body.root = lambda name: local.get(name) or outside(name)
    given = step.value(config.with_, "with")
    step.body.root = outside
    inner = FlowSheet(
        flow.sheet, flow.plan.subflows[node.id], f"{flow.path}{node.id}/", f"{flow.prefix}{node.id}_",
        over is not None, given.shape, item,
    )  # fmt: skip
    run = nested(inner)
    if over is None:
        return Made(WORK, work=f"{run}({given.code})")
    uses = inner_reads(inner.plan)
    more = "".join(f", {name}={name}" for name in ("item", "index") if name in uses)
    one = f"{run}({given.code}{more})"
    if config.on_item_error == "collect":
        flow.sheet.use("or_fault")
        one = f"or_fault({one})"
    flow.sheet.use("side_by_side")
    numbered = "index" in uses or "index" in _names(config.with_)
    loop = f"for index, item in enumerate({over.code})" if numbered else f"for item in {over.code}"
    return Made(f'{{"items": {WORK}}}', work=f"side_by_side([{one} {loop}], {config.concurrency})")


def _names(value: Any) -> frozenset[str]:
    if isinstance(value, str):
        return compile_template(value).references
    parts: Iterable[Any] = list(value.values()) if is_object(value) else value if is_list(value) else []
    return frozenset(name for part in parts for name in _names(part))


def inner_reads(plan: Plan) -> frozenset[str]:
    """Every name that the steps and outputs of a flow read."""
    return _names(plan.outputs).union(*(reads_of(node) for node in plan.nodes.values()))


__all__ = ["quoted", "within"]
