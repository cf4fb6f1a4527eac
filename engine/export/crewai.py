"""A flow as a CrewAI user would write it: a `Flow` class with `@start`, `@listen` and `@router`.

Two habits of CrewAI decide the form (docs/facts in the backend): a bare `or_` of methods fires once and cancels the
slower, so that in loops `any_of` stands in its place; and of two routers that hear one event only the last is heard
on, so that a router that shares its event becomes a step with a router of its own.
"""

from __future__ import annotations

from engine.export.classes import docstring
from engine.export.flows import KINDS, Reading, check_races, in_loops, inner_reads, join_class, written
from engine.export.names import class_name
from engine.export.python import quoted
from engine.export.sheet import FlowSheet
from engine.export.steps import Made
from engine.export.texts import Body
from engine.export.tree import Unwritable
from engine.plan import PlannedNode

HOME = "crewai.flow.flow"


class Flow:
    """One flow on its way to code. `parts` is what was written for the flows inside."""

    def __init__(self, flow: FlowSheet) -> None:
        self.flow, self.sheet, self.plan = flow, flow.sheet, flow.plan
        title = class_name(flow.prefix) if flow.prefix else ""
        self.state = self.sheet.names.free(f"{title}State")
        self.name = self.sheet.names.free(self._title(title))
        self.reading = Reading(flow, lambda name: self._read(name, "self.state"), lambda name: f"self.state.{name}")
        self.final = Reading(flow, lambda name: self._read(name, "state"), lambda name: f"state.{name}")
        self.loops = in_loops(self.plan)
        self.joins = {node: join_class(self.plan, node) for node in self.plan.multi}
        self.guarded = frozenset(node for node, kind in self.joins.items() if kind == "guarded")
        self.tracked = frozenset(n for n in self.plan.nodes if any(self.plan.reaches(n, j) for j in self.guarded))
        self.order = sorted(self.plan.nodes.values(), key=lambda node: self.plan.order[node.id])
        self.direct = frozenset(node.id for node in self.order if self._is_direct(node))
        self.parts: list[str] = []

    def _title(self, inner: str) -> str:
        title = inner or self.sheet.title
        return f"{title}Flow" if inner or title in self.sheet.names.taken else title

    @staticmethod
    def _read(name: str, state: str) -> tuple[str, str, str]:
        return f"{state}.{name}", "", f"{state}.{name}"

    def write(self) -> list[str]:
        self.sheet.bring(f"{HOME}:Flow", "pydantic:BaseModel", "typing:Any")
        check_races(self.flow)
        if met := sorted(self.guarded & self.loops):
            raise Unwritable(f"{self.plan.nodes[met[0]].title} waits, in a loop, for branches that may not come")
        methods = [self._method(node) for node in self.order]
        about = self.plan.nodes and '"""The steps and what each of them listens to."""'
        body = "\n\n".join("\n".join(f"    {line}" if line else "" for line in part) for part in methods)
        return [
            *self.parts,
            self._state(),
            f"class {self.name}(Flow[{self.state}]):\n    {about}\n\n{body}",
            self._outputs(),
        ]

    def _state(self) -> str:
        lines = [f"class {self.state}(BaseModel):", '    """What the steps made, each under its name."""', ""]
        if not self.flow.top or self.plan.inputs:
            lines.append("    inputs: dict[str, Any] = {}")
        lines += [f"    {name}: Any = None" for name in self.given]
        lines += [f"    {self.flow.keys[node.id]}: {self._type(node)} = {{}}" for node in self.order]
        if self.guarded:
            self.sheet.use("Branches")
            at = ", ".join(f"{quoted(self.flow.keys[entry])}: 1" for entry in self.plan.entries)
            lines.append(f"    branches: Branches = Branches(at={{{at}}})")
        if self.loops:
            lines.append("    visits: dict[str, int] = {}")
        return "\n".join(lines)

    @property
    def given(self) -> list[str]:
        reads = inner_reads(self.plan)
        return [name for name in ("item", "index") if self.flow.mapped and name in reads]

    def _type(self, node: PlannedNode) -> str:
        return "Any" if node.kind == "template" and getattr(node.config, "text", None) is None else "dict[str, Any]"

    # The methods -------------------------------------------------------------------------------------------------

    def _method(self, node: PlannedNode) -> list[str]:
        made, body = written(self.flow, self.reading, node, self._nested)
        name = self.flow.keys[node.id]
        answers = "str" if node.id in self.direct else "bool" if node.id in self.guarded else "None"
        lines = [self._decorator(node), f"async def {name}(self) -> {answers}:", f"    {docstring(node.title)}"]
        lines += [f"    {line}" for line in self._start(node, name)]
        lines += [f"    {line}" for line in self._body(node, made, body, name)]
        if self._routes(node) and node.id not in self.direct:
            lines += ["", *self._router(node)]
        return lines

    def _start(self, node: PlannedNode, name: str) -> list[str]:
        """What stands above the work: whether it is time, and how often it was."""
        lines: list[str] = []
        if node.id in self.guarded:
            before = [n.id for n in self.order if n.id != node.id and self.plan.reaches(n.id, node.id)]
            given = [name, *(self.flow.keys[n] for n in before)] if node.id in self.plan.alls else [name]
            asked = "all_at" if node.id in self.plan.alls else "first_at"
            lines.append(f"if not self.state.branches.{asked}({', '.join(map(quoted, given))}):")
            lines.append("    return False")
        elif node.id in self.tracked and self.joins.get(node.id) == "list":
            lines.append(f"self.state.branches.join({quoted(name)})")
        if node.id in self.loops:
            self.sheet.use("count_visit")
            lines.append(f"count_visit(self.state.visits, {quoted(name)}, {node.max_visits})")
        return lines

    def _body(self, node: PlannedNode, made: Made, body: Body, name: str) -> list[str]:
        end = [f"self.state.{name} = {made.value}"] if made.value else []
        before = [*body.lines, *made.lines]
        last = self._last(node, name) if made.value else []
        if "error" in node.ports:
            self.sheet.use("fault")
            caught = ["except FAULTS as error:", f"    self.state.{name} = fault(error)"]
            if not made.after:
                return ["try:", *(f"    {line}" for line in [*before, *end]), *caught, *last]
            # Nobody is asked in vain: only what comes before the question can fail.
            asked = [*made.after, *end]
            return [
                "try:",
                *(f"    {line}" for line in before),
                *caught,
                "else:",
                *(f"    {line}" for line in asked),
                *last,
            ]
        return [*before, *made.after, *end, *last]

    def _last(self, node: PlannedNode, name: str) -> list[str]:
        """What a method says in the end."""
        if node.id in self.direct:
            return [f'return f"{name}:{{port}}"']
        lines: list[str] = []
        if node.id in self.tracked and len(node.ports) == 1:
            lines.append(self._move(name, sorted(self.plan.targets(node.id))))
        return [*lines, "return True"] if node.id in self.guarded else lines

    def _move(self, name: str, targets: list[str]) -> str:
        told = ", ".join(quoted(self.flow.keys[n]) for n in [*targets] if n in self.tracked | self.guarded)
        return f"self.state.branches.move({quoted(name)}{', ' if told else ''}{told})"

    def _nested(self, inner: FlowSheet) -> str:
        flow = Flow(inner)
        self.parts += flow.write()
        return flow.run_name

    # What is heard -----------------------------------------------------------------------------------------------

    def _routes(self, node: PlannedNode) -> bool:
        waits = node.id in self.guarded
        return bool(self.plan.targets(node.id)) and (len(node.ports) > 1 or waits)

    def _is_direct(self, node: PlannedNode) -> bool:
        """Whether a condition is a router itself: nothing else hears what it hears."""
        if node.kind != "condition" or "error" in node.ports or not self._routes(node):
            return False
        if node.id in self.guarded | self.tracked:
            return False
        heard = self.plan.incoming[node.id]
        return bool(heard) and all(self.plan.out[source][port] == (node.id,) for source, port in heard)

    def _decorator(self, node: PlannedNode) -> str:
        ways = self.plan.incoming[node.id]
        if node.id in self.guarded and node.id in self.plan.alls:
            ways = [way for way, joins in self.plan.wakes.items() if node.id in joins]
        heard = list(dict.fromkeys(self._label(source, port, node) for source, port in ways))
        if not heard:
            self.sheet.bring(f"{HOME}:start")
            return "@start()"
        if len(heard) == 1:
            event = heard[0]
        else:
            event = self._several(node, heard)
        if node.id in self.direct:
            self.sheet.bring(f"{HOME}:router")
            return f"@router({event}, emit={self._emits(node)})"
        self.sheet.bring(f"{HOME}:listen")
        return f"@listen({event})"

    def _several(self, node: PlannedNode, heard: list[str]) -> str:
        kind = self.joins[node.id]
        if kind == "list":
            self.sheet.bring(f"{HOME}:and_")
            return f"and_({', '.join(heard)})"
        if node.id in self.loops | self.guarded:
            self.sheet.use("any_of")
            return f"any_of({', '.join(event if event.startswith(chr(34)) else quoted(event) for event in heard)})"
        self.sheet.bring(f"{HOME}:or_")
        return f"or_({', '.join(heard)})"

    def _label(self, source: str, port: str, node: PlannedNode) -> str:
        """What is heard of a step: its own name, or the way that it took. A method above is named as such."""
        name = self.flow.keys[source]
        if self._routes(self.plan.nodes[source]):
            return quoted(f"{name}:{port}")
        return name if self.plan.order[source] < self.plan.order[node.id] else quoted(name)

    def _emits(self, node: PlannedNode) -> str:
        name = self.flow.keys[node.id]
        return f"[{', '.join(quoted(f'{name}:{port}') for port in node.ports)}]"

    def _router(self, node: PlannedNode) -> list[str]:
        """The way that a step took, told by a router of its own."""
        self.sheet.bring(f"{HOME}:router")
        name = self.flow.keys[node.id]
        key = f"self.state.{name}"
        port = {"condition": f'{key}["port"]', "approval": f'{key}["decision"]'}.get(node.kind, quoted("out"))
        if "error" in node.ports:
            port = f'"error" if "error" in {key} else {port}'
        after = self.sheet.names.free(f"after_{name}")
        waits = node.id in self.guarded
        answers = "ran: bool) -> str | None" if waits else ") -> str"
        lines = [
            f"@router({name}, emit={self._emits(node)})",
            f"async def {after}(self{', ' if waits else ''}{answers}:",
        ]
        if waits:
            lines += ["    if not ran:", "        return None"]
        if len(node.ports) == 1:
            return [*lines, f'    return "{name}:{node.ports[0]}"']
        lines.append(f"    port = {port}")
        if node.id in self.tracked and len(node.ports) > 1:
            ways = ", ".join(
                f"{quoted(p)}: [{', '.join(quoted(self.flow.keys[t]) for t in ts if t in self.tracked | self.guarded)}]"
                for p, ts in self.plan.out[node.id].items()
            )
            lines.append(f"    self.state.branches.move({quoted(name)}, *{{{ways}}}[port])")
        return [*lines, f'    return f"{name}:{{port}}"']

    # What comes out ----------------------------------------------------------------------------------------------

    def _outputs(self) -> str:
        pairs = "".join(f"        {quoted(name)}: {code},\n" for name, code in self.final.outputs())
        if self.flow.top:
            about = '    """What the workflow answers."""\n'
            return f"def outputs(state: {self.state}) -> dict[str, Any]:\n{about}    return {{\n{pairs}    }}"
        self.run_name = self.sheet.names.free(f"run_{self.flow.prefix.rstrip('_')}")
        given = "".join(f", {name}: {KINDS[name]}" for name in self.given)
        start = "".join(f", {quoted(name)}: {name}" for name in self.given)
        return (
            f"async def {self.run_name}(inputs: dict[str, Any]{given}) -> dict[str, Any]:\n"
            f'    """The flow inside, from its inputs to its outputs."""\n'
            f"    flow = {self.name}({self._options()})\n"
            f'    await flow.kickoff_async(inputs={{"inputs": inputs{start}}})\n'
            f"    state = flow.state\n"
            f"    return {{\n{pairs}    }}"
        )

    def _options(self) -> str:
        most = ", max_method_calls=1_000_000" if self.loops else ""
        return f"suppress_flow_events=True{most}"

    def main(self) -> str:
        """From inputs to outputs."""
        given = "inputs: Inputs" if self.plan.inputs else ""
        start = 'inputs={"inputs": inputs}' if self.plan.inputs else ""
        return "\n".join(
            [
                f"async def run({given}) -> dict[str, Any]:",
                '    """One run, from its inputs to its outputs."""',
                f"    flow = {self.name}({self._options()})",
                f"    await flow.kickoff_async({start})",
                "    return outputs(flow.state)",
            ]
        )
