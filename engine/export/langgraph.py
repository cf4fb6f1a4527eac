"""A flow as a LangGraph user would write it: a typed state, a function a step, a `StateGraph` with real edges."""

from __future__ import annotations

from itertools import pairwise

from engine.export.classes import docstring
from engine.export.flows import KINDS, Reading, check_races, in_loops, inner_reads, join_class, written
from engine.export.names import class_name
from engine.export.python import quoted
from engine.export.sheet import FlowSheet
from engine.export.steps import Made
from engine.export.texts import Body
from engine.export.tree import Unwritable
from engine.plan import PlannedNode

ANNOTATIONS = {"langgraph.graph:START", "langgraph.graph:StateGraph"}


class Graph:
    """One flow on its way to code. `parts` is what was written, in order."""

    def __init__(self, flow: FlowSheet) -> None:
        self.flow, self.sheet, self.plan = flow, flow.sheet, flow.plan
        self.title = class_name(flow.prefix) if flow.prefix else ""
        self.state = self.sheet.names.free(f"{self.title}State" if flow.prefix else "State")
        self.reading = Reading(flow, self._read, lambda name: f"state[{quoted(name)}]")
        self.loops = in_loops(self.plan)
        self.joins = {node: join_class(self.plan, node) for node in self.plan.multi}
        self.levels: dict[str, int] = {}
        self.parts: list[str] = []

    @staticmethod
    def _read(name: str) -> tuple[str, str, str]:
        key = quoted(name)
        return f"state[{key}]", f"state.get({key}, {{}})", f"{key} in state"

    def write(self) -> list[str]:
        self.sheet.bring("langgraph.graph:START", "langgraph.graph:StateGraph", "typing:Any", "typing:TypedDict")
        check_races(self.flow)
        steps = [self._step(node) for node in self._in_order()]
        return [self._state(), *self.parts, *steps, self._build(), self._outputs()]

    def _in_order(self) -> list[PlannedNode]:
        return sorted(self.plan.nodes.values(), key=lambda node: self.plan.order[node.id])

    # The state ---------------------------------------------------------------------------------------------------

    def _state(self) -> str:
        lines = [f"class {self.state}(TypedDict):", '    """What the steps made, each under its name."""', ""]
        if self.flow.top and self.plan.inputs:
            lines.append("    inputs: Inputs")
        elif not self.flow.top:
            lines.append("    inputs: dict[str, Any]")
            lines += [f"    {name}: {KINDS[name]}" for name in self.given]
        lines += [f"    {self.flow.keys[node.id]}: {self._type(node)}" for node in self._in_order()]
        if self.loops:
            self.sheet.bring("operator", "typing:Annotated")
            lines.append("    visits: Annotated[dict[str, int], operator.or_]")
        return "\n".join(lines)

    @property
    def given(self) -> list[str]:
        """What a mapped flow is given besides its inputs."""
        reads = inner_reads(self.plan)
        return [name for name in ("item", "index") if self.flow.mapped and name in reads]

    def _type(self, node: PlannedNode) -> str:
        return "Any" if node.kind == "template" and getattr(node.config, "text", None) is None else "dict[str, Any]"

    # The steps ---------------------------------------------------------------------------------------------------

    def _step(self, node: PlannedNode) -> str:
        made, body = written(self.flow, self.reading, node, self._nested)
        name = self.flow.names[node.id]
        lines = [f"async def {name}(state: {self.state}) -> Update:", f"    {docstring(node.title)}"]
        lines += [f"    {line}" for line in self._body(node, made, body, self.flow.keys[node.id])]
        return "\n".join(lines)

    def _body(self, node: PlannedNode, made: Made, body: Body, name: str) -> list[str]:
        before = [*body.lines, *made.lines]
        if "error" not in node.ports:
            end = [f"return {{{quoted(name)}: {made.value}}}"] if made.value else []
            return [*before, *made.after, *end]
        self.sheet.use("fault")
        caught = ["except FAULTS as error:", f"    return {{{quoted(name)}: fault(error)}}"]
        if made.after:
            tried = ["try:", *(f"    {line}" for line in before), *caught]
            return [*tried, *made.after, f"return {{{quoted(name)}: {made.value}}}"]
        end = [f"return {{{quoted(name)}: {made.value}}}"] if made.value else []
        return ["try:", *(f"    {line}" for line in [*before, *end]), *caught]

    def _nested(self, inner: FlowSheet) -> str:
        graph = Graph(inner)
        self.parts += graph.write()
        return graph.run_name

    # The graph ---------------------------------------------------------------------------------------------------

    def _build(self) -> str:
        name = "build" if self.flow.top else self.sheet.names.free(f"build_{self.flow.prefix.rstrip('_')}")
        self.build = name
        self.sheet.bring("langgraph.graph.state:CompiledStateGraph")
        given = "checkpointer: InMemorySaver" if self.flow.top and self.pauses else ""
        if given:
            self.sheet.bring("langgraph.checkpoint.memory:InMemorySaver")
        lines = [f"def {name}({given}) -> CompiledStateGraph:", f'    """{self._about()}"""']
        lines.append(f"    graph = StateGraph({self.state})")
        lines += [f"    graph.add_node({', '.join(self._node(node))})" for node in self._in_order()]
        lines += [f"    {line}" for node in self._in_order() for line in self._gates(node)]
        lines += [f"    graph.add_edge(START, {quoted(entry)})" for entry in self.plan.entries]
        for node in self._in_order():
            lines += [f"    {line}" for line in self._edges(node)]
        lines += [f"    {line}" for line in self._lists()]
        compiled = "checkpointer=checkpointer" if given else "" if self.flow.top else "checkpointer=False"
        return "\n".join([*lines, f"    return graph.compile({compiled})"])

    @property
    def pauses(self) -> bool:
        return any(node.kind == "approval" for node in self.plan.nodes.values())

    def _about(self) -> str:
        return (
            "The steps and what follows what."
            if self.flow.top
            else "The same for one item."
            if self.flow.mapped
            else "The steps inside."
        )

    def _node(self, node: PlannedNode) -> list[str]:
        function = self.flow.names[node.id]
        if node.id in self.loops:
            self.sheet.use("at_most")
            function = f"at_most({node.max_visits}, {function})"
        given = [quoted(node.id), function]
        if self._deferred(node.id):
            given.append("defer=True")
        elif self.joins.get(node.id) == "guarded":
            if node.id in self.loops:
                raise Unwritable(f"{node.title} waits for the first of several branches in a loop")
            self.sheet.use("first_only")
            key = quoted(self.flow.keys[node.id])
            every = sorted(self._way(node.id, target) for target in self.plan.targets(node.id))
            given[1] = f"first_only({key}, {function}, lambda state: {self._follow(node)})"
            given.append(f"destinations=({', '.join(map(quoted, every))}{',' if every else ''})")
        return given

    def _follow(self, node: PlannedNode) -> str:
        """The steps that come next, as code over the state."""
        ports = {p: [quoted(self._way(node.id, t)) for t in ts] for p, ts in self.plan.out[node.id].items()}
        if len(ports) == 1:
            return f"[{', '.join(*ports.values())}]"
        said = ", ".join(f"{quoted(p)}: [{', '.join(targets)}]" for p, targets in ports.items())
        return f"{{{said}}}[{self._port(node)}]"

    def _level(self, node: str) -> int:
        """How many joins that tokens decide stand in a row up to this step, itself included. LangGraph wakes all
        that wait at once; those further down have to let the others go first."""
        if node not in self.levels:
            guarded = [n for n, kind in self.joins.items() if kind == "guarded" and n in self.plan.alls]
            before = [n for n in guarded if n != node and self.plan.reaches(n, node)]
            if any(self.plan.reaches(node, n) for n in before):
                raise Unwritable(f"{self.plan.nodes[node].title} waits in one loop with another step that waits")
            self.levels[node] = max(map(self._level, before), default=0) + (node in guarded)
        return self.levels[node]

    def _gates(self, node: PlannedNode) -> list[str]:
        """Before a join further down: nodes that wait with the joins above it."""
        if not self._deferred(node.id):
            return []
        names = [quoted(self._gate(node.id, level)) for level in range(1, self._level(node.id))]
        lines = [f"graph.add_node({name}, lambda state: {{}}, defer=True)" for name in names]
        return lines + [f"graph.add_edge({a}, {b})" for a, b in pairwise([*names, quoted(node.id)])]

    def _gate(self, node: str, level: int) -> str:
        return f"{node}_waits" if level == 1 else f"{node}_waits_{level}"

    def _deferred(self, node: str) -> bool:
        return self.joins.get(node) == "guarded" and node in self.plan.alls

    def _way(self, source: str, target: str) -> str:
        """Where an edge leads: to the step, or to a gate before it."""
        if not self._deferred(target):
            return target
        level = self._level(source) + 1
        return target if level >= self._level(target) else self._gate(target, level)

    def _edges(self, node: PlannedNode) -> list[str]:
        if self.joins.get(node.id) == "guarded" and not self._deferred(node.id):
            return []
        ports = {p: [self._way(node.id, t) for t in targets] for p, targets in self.plan.out[node.id].items()}
        every = {tuple(targets) for targets in ports.values()}
        if len(every) > 1 or (len(ports) > 1 and not all(every)):
            return self._branch(node, ports)
        drawn = list(next(iter(self.plan.out[node.id].values()), ()))
        if not drawn:
            self.sheet.bring("langgraph.graph:END")
            return [f"graph.add_edge({quoted(node.id)}, END)"]
        plain = [self._way(node.id, t) for t in drawn if self.joins.get(t) != "list"]
        return [f"graph.add_edge({quoted(node.id)}, {quoted(t)})" for t in plain]

    def _port(self, node: PlannedNode) -> str:
        """The code of the port that a step left by."""
        key = f"state[{quoted(self.flow.keys[node.id])}]"
        port = {"condition": f'{key}["port"]', "approval": f'{key}["decision"]'}.get(node.kind, quoted("out"))
        return f'"error" if "error" in {key} else {port}' if "error" in node.ports else port

    def _branch(self, node: PlannedNode, ports: dict[str, list[str]]) -> list[str]:
        if all(len(targets) < 2 for targets in ports.values()):
            ways = {port: quoted(targets[0]) if targets else "END" for port, targets in ports.items()}
            if "END" in ways.values():
                self.sheet.bring("langgraph.graph:END")
            said = ", ".join(f"{quoted(port)}: {way}" for port, way in ways.items())
            return [f"graph.add_conditional_edges({quoted(node.id)}, lambda state: {self._port(node)}, {{{said}}})"]
        said = ", ".join(f"{quoted(p)}: [{', '.join(map(quoted, targets))}]" for p, targets in ports.items())
        every = ", ".join(quoted(t) for t in dict.fromkeys(t for targets in ports.values() for t in targets))
        name = f"after_{self.flow.names[node.id]}"
        return [
            f"{name} = {{{said}}}",
            f"graph.add_conditional_edges({quoted(node.id)}, lambda state: {name}[{self._port(node)}], [{every}])",
        ]

    def _lists(self) -> list[str]:
        found: list[str] = []
        for node in self._in_order():
            if self.joins.get(node.id) == "list":
                sources = ", ".join(quoted(source) for source, _ in self.plan.incoming[node.id])
                found.append(f"graph.add_edge([{sources}], {quoted(node.id)})")
        return found

    # What comes out ----------------------------------------------------------------------------------------------

    def _outputs(self) -> str:
        pairs = "".join(f"        {quoted(name)}: {code},\n" for name, code in self.reading.outputs())
        if self.flow.top:
            about = '    """What the workflow answers."""\n'
            return f"def outputs(state: dict[str, Any]) -> dict[str, Any]:\n{about}    return {{\n{pairs}    }}"
        self.run_name = self.sheet.names.free(f"run_{self.flow.prefix.rstrip('_')}")
        given = "".join(f", {name}: {KINDS[name]}" for name in self.given)
        start = "".join(f", {quoted(name)}: {name}" for name in self.given)
        return (
            f"async def {self.run_name}(inputs: dict[str, Any]{given}) -> dict[str, Any]:\n"
            f'    """The flow inside, from its inputs to its outputs."""\n'
            f'    state = await {self.build}().ainvoke({{"inputs": inputs{start}}})\n'
            f"    return {{\n{pairs}    }}"
        )

    def main(self) -> str:
        """From inputs to outputs; what stops to ask is asked on the terminal."""
        given = "inputs: Inputs" if self.plan.inputs else ""
        start = '{"inputs": inputs}' if self.plan.inputs else "{}"
        lines = [f"async def run({given}) -> dict[str, Any]:", '    """One run, from its inputs to its outputs."""']
        if not self.pauses:
            return "\n".join([*lines, f"    return outputs(await build().ainvoke({start}))"])
        self.sheet.bring("langgraph.types:Command")
        return "\n".join(
            [
                *lines,
                "    graph = build(InMemorySaver())",
                '    config: Any = {"configurable": {"thread_id": "1"}}',
                f"    state = await graph.ainvoke({start}, config)",
                '    while questions := state.get("__interrupt__"):',
                "        answers = {one.id: ask_person(one.value) for one in questions}",
                "        state = await graph.ainvoke(Command(resume=answers), config)",
                "    return outputs(state)",
            ]
        )
