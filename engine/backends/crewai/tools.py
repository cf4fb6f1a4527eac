"""What an agent of CrewAI has in its hands: our tools, whose calls go over the desk, and its colleagues."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError

from engine import llm
from engine.backends.crewai.vendor import I18N_DEFAULT, BaseAgentTool, BaseTool, Task, sanitize_tool_name
from engine.backends.desk import Hand


class Anything(BaseModel):
    """Arguments as the model wrote them: the desk checks them against what was offered."""

    model_config = ConfigDict(extra="allow")


class DeskTool(BaseTool):
    args_schema: type[BaseModel] = Anything
    _spec: llm.ToolSpec = PrivateAttr()

    @classmethod
    def of(cls, hand: Hand) -> DeskTool:
        tool = cls(name=hand.offer.name, description=hand.offer.description)
        tool._spec = llm.ToolSpec(hand.offer.name, hand.offer.description, hand.offer.parameters)
        return tool

    @property
    def spec(self) -> llm.ToolSpec:
        return self._spec

    def _run(self, **arguments: Any) -> Any:
        raise RuntimeError("the agent's loop takes the calls of a turn to the desk, all at once")


def spec_of(tool: Any) -> llm.ToolSpec:
    """What the model is told of it."""
    if isinstance(tool, DeskTool):
        return tool.spec
    return llm.ToolSpec(sanitize_tool_name(tool.name), tool.description, tool.args_schema.model_json_schema())


async def hand_over(tool: BaseAgentTool, arguments: dict[str, Any] | None, task: Task) -> str:
    """A manager gives work to a colleague, or asks one: CrewAI's own tools for that would block the event loop."""
    try:
        given: Any = tool.args_schema.model_validate(arguments)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:3])
        return f"Error: the arguments do not fit: {wrong}."
    wanted = tool.sanitize_agent_name(given.coworker)
    agent: Any = next((a for a in tool.agents if tool.sanitize_agent_name(a.role) == wanted), None)
    if agent is None:
        roles = "\n".join(f"- {tool.sanitize_agent_name(a.role)}" for a in tool.agents)
        return I18N_DEFAULT.errors("agent_tool_unexisting_coworker").format(coworkers=roles, error="").strip()
    handed = Task(
        name=task.name, description=getattr(given, "task", "") or given.question, agent=agent,
        expected_output=I18N_DEFAULT.slice("manager_request"),
    )  # fmt: skip
    return str(await agent.aexecute_task(handed, given.context))
