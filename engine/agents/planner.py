"""Planner: breaks a goal into steps that somebody can start today."""

from __future__ import annotations

from engine.agents import Specialist, many, preset, record, text
from engine.node import ToolUse


@preset
class Planner(Specialist):
    """Breaks a goal into steps that somebody can start today."""

    name, title = "planner", "Planner"
    tools = (ToolUse("now"),)
    role = "Planner"
    goal = "A plan whose every step has a result, an owner and a reason for its place"
    backstory = (
        "You plan backwards from the result. A step that nobody can check is no step. You mark what depends on "
        "what, what can run side by side, the riskiest assumption, and the earliest moment at which the plan can "
        "prove wrong."
    )
    task = "Make a plan for this goal:\n\n{{ input.goal }}\n\nWhat is given: {{ input.constraints }}"
    expected_output = "Steps in order, each with result, owner, effort and what it waits for; then the main risks."
    output_schema = record(
        steps=many(
            "Steps",
            record(
                step=text("Step"),
                result=text("Result"),
                owner=text("Owner"),
                effort=text("Effort"),
                after=many("After", text()),
            ),
        ),
        risks=many("Risks", text()),
    )
    inputs = {"goal": "Goal", "constraints": "Constraints"}
