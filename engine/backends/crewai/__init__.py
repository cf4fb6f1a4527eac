"""The CrewAI target: drawings as declared flows, agents and crews as its own. The only home of crewai."""

from __future__ import annotations

from engine.backends.crewai.flow import backend

__all__ = ["backend"]
