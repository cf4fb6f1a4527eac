"""The words of a model–tool conversation: what an agent is told, and how its last answer becomes a result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine import llm
from engine.backends.desk import Desk, Hand
from engine.errors import NodeError
from engine.llm import structured
from engine.node import Member, Task

LAST = "This is your last turn. Answer now with what you have, without tools."


def opening(member: Member, task: Task, hands: Mapping[str, Hand], context: str = "") -> llm.Request:
    """The first request: who the agent is, what is to be done, which tools it has."""
    who = [f"You are {member.role}.", f"Your goal: {member.goal}", member.backstory]
    what = [task.description, context and f"What is known so far:\n{context}"]
    if task.expected_output:
        what.append(f"Expected: {task.expected_output}")
    if task.output_schema and hands:
        what.append(f"When you are done: {structured.instruction(task.output_schema)}")
    offered = tuple(llm.ToolSpec(h.offer.name, h.offer.description, h.offer.parameters) for h in hands.values())
    return llm.Request(
        (llm.Message("user", "\n\n".join(part for part in what if part)),),
        model=member.model,
        system="\n".join(part for part in who if part),
        output_schema=None if hands else task.output_schema,
        tools=offered,
    )


async def finish(desk: Desk, member: Member, task: Task, request: llm.Request, said: llm.Reply) -> dict[str, Any]:
    """{text, data?} of the last answer; with a schema one repair turn is made before it is an error."""
    if task.output_schema is None:
        return {"text": said.text}
    data, faults = structured.read(said.text, task.output_schema)
    if faults:
        told = request.then(said.text, structured.repair(task.output_schema, faults))
        again = replace(told, tools=(), output_schema=task.output_schema)
        said = await desk.model(task.id, member.id, again, member.provider, repairs=True)
        data, faults = structured.read(said.text, task.output_schema)
    if faults:
        raise NodeError(
            f"The answer does not fit the output schema, also after one repair: {faults[0]}", code="model_bad_output",
            hint="Simplify the schema, say more in the task, or choose a stronger model.", retryable=True,
        )  # fmt: skip
    return {"text": said.text, "data": data}
