"""CrewAI itself, without what its import does to a process; the other files of this folder take it from here.

The import reads the working directory's `.env`, takes over `warnings.warn` and puts its locks into `REDIS_URL`'s
Redis; later its listeners draw panels, report to its vendor, and hold on to every task that did not end.
"""

from __future__ import annotations

import inspect
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel

QUIET = {
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "CREWAI_DISABLE_VERSION_CHECK": "true",
    "OTEL_SDK_DISABLED": "true",
    "CREWAI_STORAGE_DIR": str(Path(tempfile.gettempdir()) / "nexod-crewai"),
}
"""Stays set: CrewAI asks again and again. Nothing of ours is stored; the folder is for what we failed to see."""


@contextmanager
def _unharmed() -> Iterator[None]:
    """Environment and `warnings.warn` are afterwards what they were before."""
    before, warn = dict(os.environ), warnings.warn
    os.environ.pop("REDIS_URL", None)
    os.environ["PYTHON_DOTENV_DISABLED"] = "true"
    try:
        yield
    finally:
        warnings.warn = warn
        for name in [name for name in os.environ if name not in before]:
            del os.environ[name]
        os.environ.update(before)


os.environ.update(QUIET)
with _unharmed():
    from crewai import Agent, BaseLLM, Crew, Process, Task
    from crewai.agents.agent_executor import AgentExecutor
    from crewai.agents.parser import AgentFinish
    from crewai.events.event_bus import crewai_event_bus
    from crewai.flow.flow import Flow
    from crewai.flow.flow_context import current_flow_method_name
    from crewai.tasks.task_output import TaskOutput
    from crewai.tools import BaseTool
    from crewai.tools.agent_tools.base_agent_tools import BaseAgentTool
    from crewai.utilities.agent_utils import aget_llm_response
    from crewai.utilities.i18n import I18N_DEFAULT
    from crewai.utilities.string_utils import sanitize_tool_name
    from crewai_core.printer import PRINTER


class Inline:
    """Goes before a kind of `Flow`: methods run where the flow runs, and attributes are set without a warning each.

    Flow itself sends every method through two threads, for hooks and stores that are not used here.
    """

    async def _execute_method(self, name: Any, method: Callable[..., Any], *args: Any, **more: Any) -> tuple[Any, None]:
        flow: Any = self
        token = current_flow_method_name.set(name)
        try:
            result = method(*args, **more)
        finally:
            current_flow_method_name.reset(token)
        if inspect.isawaitable(result):
            result = await result
        flow._method_outputs.append({"method": str(name), "output": result})
        flow._method_execution_counts[name] = flow._method_execution_counts.get(name, 0) + 1
        flow._completed_methods.add(name)
        return result, None

    def __setattr__(self, name: str, value: Any) -> None:
        kind: Any = type(self)
        known = name in kind.__pydantic_fields__ or name in kind.__private_attributes__
        (BaseModel if known else object).__setattr__(self, name, value)


_deaf = ExitStack()
_deaf.enter_context(crewai_event_bus.scoped_handlers())  # takes off whoever listens so far; never put back

__all__ = [
    "I18N_DEFAULT", "PRINTER", "Agent", "AgentExecutor", "AgentFinish", "BaseAgentTool", "BaseLLM", "BaseTool", "Crew",
    "Flow", "Inline", "Process", "Task", "TaskOutput", "aget_llm_response", "current_flow_method_name",
    "sanitize_tool_name",
]  # fmt: skip
