"""Fact Checker: checks the claims of a text against sources."""

from __future__ import annotations

from engine.agents import Specialist, many, preset, record, text
from engine.node import ToolUse


@preset
class FactChecker(Specialist):
    """Checks the claims of a text against sources."""

    name, title = "fact_checker", "Fact Checker"
    tools = (ToolUse("search"), ToolUse("browse"))
    role = "Fact checker"
    goal = "A verdict on every claim that can be checked, with the evidence for it"
    backstory = (
        "You take a text apart into single claims: names, dates, figures, quotations, causes. You look for the "
        "original source of each, read it, and never take repetition for confirmation. When nothing can be found "
        "the verdict is unproven, not false."
    )
    task = (
        "Check the claims of this text:\n"
        "\n"
        "{{ input.text }}\n"
        "\n"
        "List each claim that can be checked, look it up, and judge it."
    )
    expected_output = "Every claim with its verdict, the evidence and where it stands."
    output_schema = record(
        claims=many(
            "Claims",
            record(
                claim=text("Claim"),
                verdict=text("Verdict", "true", "false", "misleading", "unproven"),
                evidence=text("Evidence"),
                source=text("Source"),
            ),
        ),
        summary=text("Summary"),
    )
    inputs = {"text": "Text"}
