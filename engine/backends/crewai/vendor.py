"""CrewAI itself, without what its import does to a process; the other files of this folder take it from here.

The import reads the working directory's `.env`, takes over `warnings.warn`, puts its locks into `REDIS_URL`'s Redis
and keys into the user's home; later its listeners draw panels, report to its vendor, and hold on to every task that
did not end.
"""

from __future__ import annotations

import inspect
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel

HOME = Path(tempfile.mkdtemp(prefix="nexod-crewai-"))
"""Where its files go while it is imported. Then the folder is gone: nothing of a run is stored."""

QUIET = {
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "CREWAI_DISABLE_VERSION_CHECK": "true",
    "OTEL_SDK_DISABLED": "true",
    "CREWAI_STORAGE_DIR": str(HOME),
}
"""Stays set: CrewAI asks again and again."""


@contextmanager
def _unharmed() -> Generator[None]:
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
        shutil.rmtree(HOME, ignore_errors=True)


os.environ.update(QUIET)
with _unharmed():
    from crewai_core import settings as crewai_settings
    from crewai_core.token_manager import TokenManager

    crewai_settings.DEFAULT_CONFIG_PATH = HOME / "settings.json"
    setattr(TokenManager, "_get_secure_storage_path", staticmethod(lambda: HOME))  # noqa: B010
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
        flow: Any = self
        known = name in flow.__pydantic_fields__ or name in flow.__private_attributes__
        (BaseModel if known else object).__setattr__(flow, name, value)


_deaf = ExitStack()
_deaf.enter_context(crewai_event_bus.scoped_handlers())  # takes off whoever listens so far; never put back

__all__ = [
    "I18N_DEFAULT", "PRINTER", "Agent", "AgentExecutor", "AgentFinish", "BaseAgentTool", "BaseLLM", "BaseTool", "Crew",
    "Flow", "Inline", "Process", "Task", "TaskOutput", "aget_llm_response", "current_flow_method_name",
    "sanitize_tool_name",
]  # fmt: skip
