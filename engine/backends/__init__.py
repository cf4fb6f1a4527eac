"""The engines behind one drawing. Each is imported only in a worker, before its first claim."""

from __future__ import annotations

from importlib import import_module

from engine.backends.protocol import Backend

TARGETS = ("langgraph",)


def load(target: str) -> Backend:
    """The backend of `target`; the import costs seconds. Raises ValueError for one we do not have."""
    if target not in TARGETS:
        raise ValueError(f"no backend for {target!r}")
    backend: Backend = import_module(f"engine.backends.{target}").backend
    return backend
