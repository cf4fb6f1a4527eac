"""Workflows that use what the templates do not: every kind, every way of joining, names that Python has already."""

from __future__ import annotations

from typing import Any

from tests.engine.flows import edges, made, step, workflow

INPUTS = {
    "type": "object",
    "properties": {
        "names": {"type": "array", "items": {"type": "string"}, "default": ["Ann", "Bo"]},
        "limit": {"type": "integer", "default": 2},
        "from": {"type": "string", "default": "here"},
    },
    "required": ["names", "limit"],
}
DATA = {
    "type": "object",
    "description": "What was found.",
    "properties": {
        "class": {"enum": ["a", "b", None]},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 20}, "minItems": 1},
        "parts": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer", "minimum": 0}}}},
        "ok": {"type": ["boolean", "null"], "description": "Whether it is fine."},
    },
    "required": ["class", "tags"],
    "additionalProperties": False,
}


def inner(**more: Any) -> dict[str, Any]:
    """A flow for one item, with a question inside."""
    return {
        "nodes": [
            step("list", "{{ index }}: {{ item }} of {{ input.n }}"),
            made("ask", "approval", question="Keep {{ list.text }}?"),
            step("kept", "{{ list.text }} kept"),
            made("gone", "fail", message="{{ item }} is gone: {{ ask.comment }}", code="gone"),
        ],
        "edges": edges("list ask", "ask.approved kept", "ask.rejected gone"),
        "outputs": {"text": "{{ kept.text }}"},
        **more,
    }


def titled(node: dict[str, Any], title: str, **more: Any) -> dict[str, Any]:
    return {**node, "title": title, **more}


EVERY_KIND = workflow(
    titled(step("class", 'Names: {{ input.names }}, "quoted" \\ and {% raw %}; {{ size(input.names) }}'), "A keyword"),
    made("state", "template", json={
        "names": "{{ input.names.map(n, n + '!') }}", "few": "{{ size(input.names) < input.limit }}", "n": 3,
        "text": "{{ has(input.from) ? input.from : 'nowhere' }}", "none": None, "half": 0.5,
    }),
    made("each", "subflow", flow=inner(), over="input.names", concurrency=2, on_item_error="collect",
         **{"with": {"n": "{{ size(input.names) }}"}}),
    made("once", "subflow", flow={
        "nodes": [step("answer", "{{ input.who }}")], "edges": [], "outputs": {"who": "{{ answer.text }}"},
    }, **{"with": {"who": "{{ class.text }}"}}),
    made("nap", "wait", seconds="input.limit * 0"),
    {**made("post", "http", url="http://127.0.0.1:9/{{ input.limit }}", method="POST",
            query={"q": ["a", "{{ input.limit }}"]}, body={"names": "{{ input.names }}"},
            headers={"X-Count": "{{ input.limit }}", "X-Key": {"$secret": "POST_KEY"}},
            auth={"type": "bearer", "token": {"$secret": "TOKEN"}}, max_bytes=5000),
     "retry": {"attempts": 2, "delay_s": 0.1, "factor": 3, "max_delay_s": 60}, "timeout_s": 5},
    made("get", "http", url="http://127.0.0.1:9/",
         auth={"type": "basic", "username": "me", "password": {"$secret": "PASS"}}),
    made("sum", "tool", tool="calculate", args={"expression": "{{ string(input.limit) }} ** 2"}),
    made("print", "template", json={
        "each": "{{ each.items }}", "once": "{{ once.who }}", "sum": "{{ sum.value }}", "got": "{{ get.error.code }}",
        "posted": "{{ post.error.message }}", "state": "{{ state }}", "second": "{{ state.names[1] }}",
        "even": "{{ input.limit % 2 == 0 && !(size(class.text) > 1000) }}", "half": "{{ input.limit / 2 }}",
    }),
    made("remark", "note", text="Nobody \"reads\" this."),
    edges=edges("class state", "state each", "each once", "once nap", "nap post", "post.error get", "post get",
                "get.error sum", "get sum", "sum print"),
    outputs={"all": "{{ print }}", "text": "{{ class.text }} and {{ state.text }}"},
    inputs=INPUTS, description='Every kind, "quoted" \\ and more.',
)  # fmt: skip

AGENTS = workflow(
    made("agent", "agent", role="Staff \"writer\"", goal="A draft", backstory="You mind {braces}.",
         task="Write about {{ input.names }}.", expected_output="A text", max_turns=4, max_cost_usd=0.5,
         tools=[{"name": "calculate"}, {"name": "now", "approve": True},
                {"name": "api_call", "config": {"hosts": ["example.com"]}}]),
    made("sorter", "agent", role="Sorter", goal="Right", task="Sort {{ agent.text }}.", output_schema=DATA,
         provider="openrouter"),
    made("crew", "crew", process="hierarchical", manager={"model": "gpt-5"}, max_rpm=9,
         members=[{"id": "a", "role": "A", "goal": "g", "provider": "deepinfra",
                   "tools": [{"name": "search"}, {"name": "browse"}]},
                  {"id": "text", "role": "B", "goal": "g", "model": "small"}],
         tasks=[{"id": "one", "description": "Find {{ sorter.data.tags }}."},
                {"id": "two", "description": "Tell.", "member": "a", "context": ["one"], "output_schema": DATA}]),
    edges=edges("agent sorter", "sorter crew"),
    outputs={"text": "{{ crew.text }}", "tag": "{{ sorter.data.tags[0] }}", "turns": "{{ agent.turns }}"},
    inputs=INPUTS,
)  # fmt: skip


def gate(id: str, *cases: tuple[str, str]) -> dict[str, Any]:
    return made(id, "condition", cases=[{"port": port, "when": when} for port, when in cases])


JOINS = workflow(
    step("start", "s"), step("left", "l"), step("right", "r"), gate("way", ("yes", "input.limit > 1")),
    step("extra", "e"), step("inner", "i {{ has(extra.text) ? extra.text : '-' }}"),
    gate("again", ("more", "size(list.text) < 4")),
    step("list", "l{{ has(again.port) ? list.text : '' }}"), {**step("first", "f"), "join": "any"},
    step("last", "{{ left.text }} {{ inner.text }} {{ list.text }}"),
    edges=edges("start left", "start way", "start list", "way.yes extra", "way.yes right", "extra inner", "right inner",
                "way.else inner", "list again", "again.more list", "left last", "inner last", "again.else last",
                "start first", "left first", "first last"),
    outputs={"text": "{{ last.text }}", "way": "{{ has(extra.text) ? extra.text : right.text }}"},
    inputs=INPUTS,
)  # fmt: skip

PAUSES = workflow(
    step("start", "Which?"),
    made("choose", "approval", question="{{ start.text }}", content={"text": "{{ start.text }}"},
         data={"class": "a", "tags": ["x"]}, schema=DATA, deadline_s=0.4),
    made("second", "approval", question="And this?"),
    step("yes", "yes {{ choose.data.tags[0] }}"), step("no", "no {{ choose.comment }}"), step("late", "late"),
    step("both", "{{ second.decision }}"),
    edges=edges("start choose", "start second", "choose.approved yes", "choose.rejected no", "choose.timeout late",
                "second.approved both", "second.rejected both"),
    outputs={"yes": "{{ yes.text }}", "no": "{{ no.text }}", "late": "{{ late.text }}", "both": "{{ both.text }}"},
)  # fmt: skip
COUNT = {"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]}
NAMES = workflow(
    made("agent", "agent", role="Clerk", goal="g", task="Count {{ input.names.map(class, class + '!') }}.",
         output_schema=COUNT, tools=[{"name": "calculate"}]),
    made("task", "crew", members=[{"id": "calculate", "role": "A", "goal": "g", "tools": [{"name": "calculate"}]}],
         tasks=[{"id": "crew", "description": "Note {{ agent.data.n }}.", "member": "calculate"},
                {"id": "class", "description": "Tell it.", "member": "calculate", "output_schema": COUNT}]),
    made("power", "template", json={
        "round": "{{ ceil(agent.data.n) }}", "is": "{{ input.from.matches('^h') }}", "less": "{{ -(-input.limit) }}",
        "long": "{{ input.names.filter(state, size(state) > input.limit) }}",
    }),
    edges=edges("agent task", "task power"),
    outputs={"all": "{{ power }}", "told": "{{ task.data.n }}", "turns": "{{ agent.turns }}"},
    inputs=INPUTS, name="Crew",
)  # fmt: skip
"""Called what the file calls something else."""
WORKFLOWS = {"every_kind": EVERY_KIND, "agents": AGENTS, "joins": JOINS, "pauses": PAUSES, "names": NAMES}
