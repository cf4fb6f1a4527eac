"""The engines behind one drawing. Each is imported only in a worker, before its first claim."""

from __future__ import annotations

import os
from importlib import import_module

from engine.backends.protocol import Backend

TARGETS = ("langgraph", "crewai")


def load(target: str) -> Backend:
    """The backend of `target`; the import costs seconds. Raises ValueError for one we do not have."""
    if target not in TARGETS:
        raise ValueError(f"no backend for {target!r}")
    for name in [name for name in os.environ if name.startswith(("LANGSMITH_", "LANGCHAIN_"))]:
        del os.environ[name]  # else the engine reports every step to a service of its vendor
    backend: Backend = import_module(f"engine.backends.{target}").backend
    return backend
