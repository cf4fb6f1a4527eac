"""An agent's loop: CrewAI's own, but for its two waits. Those it does in threads that nothing could cancel, and that
would be taken from everybody else; here model and tools are awaited where the run lives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine import llm
from engine.backends.crewai.tools import hand_over, spec_of
from engine.backends.crewai.vendor import (
    I18N_DEFAULT,
    PRINTER,
    AgentExecutor,
    AgentFinish,
    BaseAgentTool,
    Inline,
    aget_llm_response,
    sanitize_tool_name,
)

BLANKS = frozenset(I18N_DEFAULT.slice(name) for name in ("native_task", "task_no_tools"))
"""The prompts that a task is put into."""


class Loop(Inline, AgentExecutor):
    @classmethod
    def flow_definition(cls) -> Any:
        return AgentExecutor.flow_definition()  # who calls whom stays as it is

    @staticmethod
    def _format_prompt(prompt: str, inputs: dict[str, str]) -> str:
        """CrewAI would also fill in the `{tools}` and `{input}` that somebody wrote into a task or a role."""
        return prompt.replace("{input}", inputs["input"]) if prompt in BLANKS else prompt

    def _check_native_tool_support(self) -> bool:
        return True  # also without tools: the other way searches a plain answer for "Action:" and "Final Answer:"

    def _setup_native_tools(self) -> None:
        """The desk has them."""

    def call_llm_native_tools(self) -> Any:
        return self._ask()

    def execute_native_tool(self) -> Any:
        return self._use()

    async def _ask(self) -> str:
        if self.state.is_finished:
            return "native_finished"
        offered: Any = [spec_of(tool) for tool in self.original_tools]
        said: Any = await aget_llm_response(
            llm=self._model, messages=list(self.state.messages), callbacks=[], printer=PRINTER, tools=offered,
            from_task=self.task, from_agent=self._member, executor_context=self, verbose=False,
        )  # fmt: skip
        if isinstance(said, llm.Reply):
            asked = [_sent(call) for call in said.tool_calls]
            self._say("assistant", said.text, tool_calls=asked, kept=list(said.kept))
            self.state.pending_tool_calls = list(said.tool_calls)
            return "native_tool_calls"
        self._say("assistant", said)
        self.state.current_answer = AgentFinish(thought="", output=said, text=said)
        return "native_finished"

    async def _use(self) -> str:
        calls: list[llm.ToolCall] = list(self.state.pending_tool_calls)
        self.state.pending_tool_calls.clear()
        for call, told in zip(calls, await self._answers(calls), strict=True):
            self._say("tool", told, tool_call_id=call.id, name=call.name)
        return "native_tool_completed"

    async def _answers(self, calls: Sequence[llm.ToolCall]) -> list[str]:
        """A manager's calls go to its colleagues, one after the other: nobody does two things at a time."""
        colleagues = {sanitize_tool_name(t.name): t for t in self.original_tools if isinstance(t, BaseAgentTool)}
        if not colleagues:
            return await self._model.seat.use(calls, self._task.name)
        told: list[str] = []
        for call in calls:
            tool = colleagues.get(call.name)
            if tool is None:
                told.append(f"Error: there is no tool {call.name!r}. Yours are: {', '.join(colleagues)}.")
            else:
                told.append(await hand_over(tool, call.arguments, self._task))
        return told

    def _say(self, role: str, text: str, **more: Any) -> None:
        message: Any = {"role": role, "content": text, **more}
        self.state.messages.append(message)

    @property
    def _model(self) -> Any:
        return self.llm

    @property
    def _task(self) -> Any:
        return self.task

    @property
    def _member(self) -> Any:
        return self.agent


def _sent(call: llm.ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.raw}}
