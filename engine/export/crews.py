"""Agents, crews and their tools as code.

An agent alone is a loop of model and tools on LangGraph, and CrewAI's own Agent with its Task on CrewAI; a crew is
CrewAI's on either target, as in Nexod. Tools that need nothing but the web are written out; others are left to fill in.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, get_type_hints

from engine import tools
from engine.export.classes import docstring
from engine.export.helpers import TOOLS
from engine.export.names import class_name, python_name
from engine.export.python import quoted
from engine.export.steps import WORK, Made, Step, aside, call, model_options
from engine.plan.resolve import FLOW

PLAIN = ("calculate",)
"""Tools that answer something else than an object."""
HOME = "crewai"
__all__ = ["FLOW", "agent", "crew", "tool"]


# Tools -------------------------------------------------------------------------------------------------------


def tool(step: Step, name: str, approve: bool = False) -> str:
    """The function of a tool, which is brought along or left to fill in."""
    sheet = step.flow.sheet
    if name in TOOLS:
        sheet.use(name)
        function = name
    else:
        function = sheet.stubs.setdefault(name, sheet.names.free(python_name(name, sheet.target)))
        sheet.tools[name] = _stub(name, function)
        sheet.bring("typing:Any")
    if not approve:
        return function
    sheet.use("asked_first")
    return f"asked_first({function})"


def _stub(name: str, function: str) -> str:
    """A tool that lives in Nexod: what it takes and says stays, what it does is to be filled in."""
    kind = tools.registry()[name]
    hints = get_type_hints(kind.function)
    parameters = inspect.signature(kind.function).parameters
    given = [_parameter(p, hints.get(n)) for n, p in parameters.items() if n not in tools.GIVEN]
    about = textwrap.indent(docstring(inspect.getdoc(kind.function) or kind.title), "    ").strip()
    fault = quoted(f"Fill in {function}: what Nexod does there is not part of this file.")
    return f"async def {function}({', '.join(given)}) -> Any:\n    {about}\n    raise NotImplementedError({fault})"


def _parameter(parameter: inspect.Parameter, kind: Any) -> str:
    plain = kind.__name__ if kind in (str, int, float, bool) else "Any"
    default = "" if parameter.default is inspect.Parameter.empty else f" = {parameter.default!r}"
    return f"{parameter.name}: {plain}{default}"


def called(step: Step) -> Made:
    """The step `tool`."""
    config = step.config
    function = tool(step, config.tool, config.approve)
    args = ", ".join(f"{key}={step.value(value, f'args.{key}').code}" for key, value in config.args.items())
    value = f'{{"value": {WORK}}}' if config.tool in PLAIN else WORK
    return Made(value, work=f"{function}({args})")


# One agent ---------------------------------------------------------------------------------------------------


def agent(step: Step) -> Made:
    return _loop(step) if step.flow.sheet.target == "langgraph" else _alone(step)


def _loop(step: Step) -> Made:
    config = step.config
    who = [f"You are {config.role}.", f"Your goal: {config.goal}", config.backstory]
    what = step.text(_expecting(config.task, config.expected_output), "task", prompt=True)
    options = {"instructions": aside(step, "instructions", step.plain("\n".join(part for part in who if part)))}
    held = _hands(step, config.tools)
    if held:
        options["tools"] = f"[{', '.join(held)}]"
    if config.max_turns != 10:
        options["max_turns"] = str(config.max_turns)
    options |= model_options(step, config.provider, config.model)
    task = aside(step, "task", what)
    lines = _limits(config)
    if config.output_schema is None:
        step.flow.sheet.use("work_on")
        return Made(WORK, lines, work=call("work_on", task, **options))
    step.flow.sheet.use("work_for_data")
    options["form"] = step.form(config.output_schema, class_name(f"{step.flow.prefix}{step.node.id}"), "output_schema")
    return Made(WORK, lines, work=call("work_for_data", task, **options))


def _alone(step: Step) -> Made:
    config = step.config
    agent_ = step.body.local("agent", _agent(step, config, config.max_turns))
    name = class_name(f"{step.flow.prefix}{step.node.id}")
    form = step.form(config.output_schema, name, "output_schema") if config.output_schema else ""
    text = _told(step, config.task, "task", form)
    task = step.body.local("task", _task(step, "task", text, config.expected_output, agent_, form))
    step.flow.sheet.bring(f"{HOME}:Crew")
    crew_ = call("Crew", agents=f"[{agent_}]", tasks=f"[{task}]")
    return _worked(step, crew_, {"task": form} if form else {}, _limits(config))


def _told(step: Step, text: str, place: str, form: str) -> str:
    """The description of a task, and how its answer has to look."""
    more = [("\n\nWhen you are done: ", ""), ("", f"json_only({form})")] if form else []
    return step.text(text, place, prompt=True, more=more)


def _expecting(task: str, expected: str) -> str:
    return f"{task}\n\nExpected: {_literally(expected)}" if expected else task


def _literally(text: str) -> str:
    return text.replace("{{", '{{ "{{" }}')


def _hands(step: Step, uses: Sequence[Any]) -> list[str]:
    return [tool(step, use.name, use.approve) for use in uses]


def _limits(config: Any) -> list[str]:
    """What only Nexod can watch over is said, not dropped in silence."""
    said = [
        f"{config.max_tokens_total:,} tokens" if config.max_tokens_total else "",
        f"${config.max_cost_usd:g}" if config.max_cost_usd else "",
    ]
    found = " and ".join(part for part in said if part)
    return [f"# In Nexod it may take {found}; here, limit the key."] if found else []


# Crews -------------------------------------------------------------------------------------------------------


def crew(step: Step) -> Made:
    config, body = step.config, step.body
    agents: dict[str, str] = {}
    for n, member in enumerate(config.members):
        code = _agent(step, member, config.max_turns, f"members.{n}.")
        agents[member.id] = body.local(python_name(member.id, step.flow.sheet.target), code)
    tasks: dict[str, str] = {}
    forms: dict[str, str] = {}
    for n, task in enumerate(config.tasks):
        place = f"tasks.{n}."
        if task.output_schema:
            name = class_name(f"{step.flow.prefix}{step.node.id}", task.id)
            forms[task.id] = step.form(task.output_schema, name, f"{place}output_schema")
        reads = [tasks[other] for other in task.context] or list(tasks.values())[-1:]
        text = _told(step, task.description, f"{place}description", forms.get(task.id, ""))
        code = _task(
            step, task.id, text, task.expected_output, agents.get(task.member, ""), forms.get(task.id, ""), reads
        )
        tasks[task.id] = body.local(python_name(task.id, step.flow.sheet.target), code)
    options = {"agents": f"[{', '.join(agents.values())}]", "tasks": f"[{', '.join(tasks.values())}]"}
    if config.process == "hierarchical":
        step.flow.sheet.bring(f"{HOME}:Process")
        options["process"] = "Process.hierarchical"
        options["manager_llm"] = _llm(step, config.manager, "manager.")
    if config.max_rpm:
        options["max_rpm"] = str(config.max_rpm)
    step.flow.sheet.bring(f"{HOME}:Crew")
    return _worked(step, call("Crew", **options), forms, _limits(config))


def _worked(step: Step, crew_: str, forms: dict[str, str], lines: list[str]) -> Made:
    step.flow.sheet.use("work_of")
    name = step.body.local("crew", crew_)
    told = ", ".join(f"{quoted(task)}: {form}" for task, form in forms.items())
    return Made(WORK, lines, work=call("work_of", name, *([f"{{{told}}}"] if told else [])))


def _agent(step: Step, config: Any, max_turns: int, place: str = "") -> str:
    sheet = step.flow.sheet
    sheet.bring(f"{HOME}:Agent")
    options = {name: step.plain(getattr(config, name)) for name in ("role", "goal", "backstory")}
    held = _hands(step, config.tools)
    if held:
        sheet.use("crew_tool")
        options["tools"] = f"[{', '.join(f'crew_tool({name})' for name in held)}]"
    options |= {"llm": _llm(step, config, place), "max_iter": str(max_turns)}
    return call("Agent", **options)


def _llm(step: Step, config: Any, place: str) -> str:
    step.flow.sheet.use("MODEL")
    step.flow.sheet.bring(f"{HOME}:LLM")
    options = model_options(step, config.provider, config.model, f"{place}provider")
    return step.body.local("llm", call("LLM", **{"model": "MODEL", "provider": quoted("openai"), **options}))


def _task(
    step: Step, name: str, text: str, expected: str, agent_: str, form: str, reads: Sequence[str] = ()
) -> str:  # fmt: skip
    sheet = step.flow.sheet
    sheet.bring(f"{HOME}:Task")
    if form:
        sheet.use("fits", "json_only")
    options = {
        "name": quoted(name),
        "description": text,
        "expected_output": step.plain(expected or "The complete result."),
    }
    options |= {"agent": agent_} if agent_ else {}
    options |= {"context": f"[{', '.join(reads)}]"} if reads else {}
    options |= {"guardrail": f"fits({form})", "guardrail_max_retries": "1"} if form else {}
    return call("Task", **options)


Refuse = Callable[[str, str], None]
