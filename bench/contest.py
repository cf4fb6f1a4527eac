"""One side of row g, as a process of its own: `python -m bench.contest ours-crew URL`.

Says `ready` when everything that it needs is imported. For each line that it is sent it does the work once, and
answers with the milliseconds that took.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from engine.tools.calculate import calculate

Once = Callable[[], Awaitable[float]]
"""Does the work; answers the seconds."""

TOPIC = "heat pumps"
MEMBERS = [
    ("researcher", "Researcher", "Facts with their sources"),
    ("analyst", "Analyst", "Figures that are right"),
    ("writer", "Writer", "A text that anybody understands"),
]
TASKS = [
    ("facts", "Find the facts about {topic}.", "researcher", []),
    ("figures", "Work out the figures.", "analyst", ["facts"]),
    ("text", "Write it up in three paragraphs.", "writer", ["facts", "figures"]),
]
CLERK = ("Clerk", "Figures that are right", "Work out what {topic} cost.")


# Ours: a durable run, from the claim to the terminal event --------------------------------------------------------


def crew_spec() -> dict[str, Any]:
    tools = [{"name": "calculate"}]
    members = [
        {"id": id_, "role": role, "goal": goal, "provider": "openai", "model": "world",
         "tools": [] if id_ == "writer" else tools}
        for id_, role, goal in MEMBERS
    ]  # fmt: skip
    tasks = [
        {"id": id_, "description": text.format(topic="{{ input.topic }}"), "expected_output": "A text.",
         "member": member, "context": context}
        for id_, text, member, context in TASKS
    ]  # fmt: skip
    return _spec("crewai", "crew", {"members": members, "tasks": tasks})


def agent_spec() -> dict[str, Any]:
    role, goal, task = CLERK
    config = {"role": role, "goal": goal, "task": task.format(topic="{{ input.topic }}"), "provider": "openai",
              "model": "world", "tools": [{"name": "calculate"}]}  # fmt: skip
    return _spec("langgraph", "agent", config)


def _spec(target: str, kind: str, config: dict[str, Any]) -> dict[str, Any]:
    return {
        "nexod": 1, "name": kind, "target": target, "nodes": [{"id": "it", "kind": kind, "config": config}],
        "edges": [], "inputs": {"type": "object", "properties": {"topic": {"type": "string"}}},
        "outputs": {"text": "{{ it.text }}"},
    }  # fmt: skip


async def ours(spec: dict[str, Any]) -> Once:
    from engine.backends import load
    from engine.runner import Runner
    from engine.services import runs, workflows
    from engine.store.database import Database
    from engine.store.migrate import migrate
    from engine.store.models import DEFAULT_WORKSPACE
    from engine.store.session import Workspace

    load(spec["target"])
    db = Database.open(f"sqlite:///{Path(tempfile.mkdtemp()) / 'ours.db'}")
    migrate(db)
    ws = Workspace(db, DEFAULT_WORKSPACE)
    workflow = workflows.create(ws, spec)["id"]
    runner = Runner(db, "bench", 60)

    async def once() -> float:
        run = runs.start(ws, workflow, {"topic": TOPIC})["run_id"]
        began = time.perf_counter()
        await runner.wake(run)
        while not (tasks := [task for task in asyncio.all_tasks() if task.get_name() == run]):
            if runs.get(ws, run)["status"] == "completed":  # the runner looks for work after each run as well
                return time.perf_counter() - began
            await asyncio.sleep(0)
        await tasks[0]
        took = time.perf_counter() - began
        ended = runs.get(ws, run)
        assert ended["status"] == "completed", ended
        return took

    return once


# Theirs: what a person would write with the framework alone -------------------------------------------------------


async def plain_crew(url: str) -> Once:
    os.environ |= {"CREWAI_DISABLE_TELEMETRY": "true", "CREWAI_TRACING_ENABLED": "false", "OTEL_SDK_DISABLED": "true",
                   "CREWAI_DISABLE_VERSION_CHECK": "true", "CREWAI_STORAGE_DIR": tempfile.mkdtemp()}  # fmt: skip
    from crewai import LLM, Agent, Crew, Task
    from crewai.tools import tool

    @tool("calculate")
    def work_out(expression: str) -> str:
        """Works out an arithmetic expression and answers the number."""
        return str(asyncio.run(calculate(expression)))

    def kickoff() -> float:
        began = time.perf_counter()
        model = LLM(model="openai/world", base_url=url, api_key="k")
        agents = {
            id_: Agent(role=role, goal=goal, backstory="", llm=model, tools=[] if id_ == "writer" else [work_out])
            for id_, role, goal in MEMBERS
        }
        tasks: dict[str, Any] = {}
        for id_, text, member, context in TASKS:
            tasks[id_] = Task(
                description=text.format(topic=TOPIC), expected_output="A text.", agent=agents[member],
                context=[tasks[other] for other in context],
            )  # fmt: skip
        Crew(agents=list(agents.values()), tasks=list(tasks.values())).kickoff()
        return time.perf_counter() - began

    async def once() -> float:
        return await asyncio.to_thread(kickoff)

    return once


async def plain_agent(url: str) -> Once:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, convert_to_openai_messages
    from langchain_core.output_parsers.openai_tools import parse_tool_call
    from langchain_core.outputs import ChatGeneration, ChatResult
    from langchain_core.tools import tool
    from langchain_core.utils.function_calling import convert_to_openai_tool
    from langgraph.prebuilt import create_react_agent
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=url, api_key="k")

    class Model(BaseChatModel):
        """As small as a chat model can be: no streaming, no callbacks of its own."""

        @property
        def _llm_type(self) -> str:
            return "plain"

        def bind_tools(self, tools: Any, **more: Any) -> Any:
            return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **more)

        def _generate(self, *_: Any, **__: Any) -> ChatResult:
            raise NotImplementedError

        async def _agenerate(self, messages: Any, stop: Any = None, run_manager: Any = None, **more: Any) -> ChatResult:
            sent: Any = convert_to_openai_messages(messages)
            said = (await client.chat.completions.create(model="world", messages=sent, **more)).choices[0].message
            raw = [call.to_dict() for call in said.tool_calls or []]
            calls: Any = [parse_tool_call(call, return_id=True) for call in raw]
            answer = AIMessage(content=said.content or "", tool_calls=calls)
            return ChatResult(generations=[ChatGeneration(message=answer)])

    role, goal, task = CLERK
    work_out = tool("calculate", description="Works out an arithmetic expression and answers the number.")(calculate)

    async def once() -> float:
        began = time.perf_counter()
        app = create_react_agent(Model(), [work_out], prompt=f"You are {role}.\nYour goal: {goal}")
        await app.ainvoke({"messages": [("user", task.format(topic=TOPIC))]})
        return time.perf_counter() - began

    return once


async def main(side: str, url: str) -> None:
    os.environ |= {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "k"}
    sides: dict[str, Callable[[], Awaitable[Once]]] = {
        "ours-crew": lambda: ours(crew_spec()), "plain-crew": lambda: plain_crew(url),
        "ours-agent": lambda: ours(agent_spec()), "plain-agent": lambda: plain_agent(url),
    }  # fmt: skip
    once = await sides[side]()
    print("ready", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(f"{await once() * 1000:.3f}", flush=True)
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
