"""review: a crew that examines work and decides whether it may go on."""

from __future__ import annotations

from engine.agents import Team, many, preset, record, text, yes_no
from engine.node import Task

DECISION = record(approved=yes_no("Approved"), reason=text("Reason"), to_do=many("To do", text()))


@preset
class Review(Team):
    """Auditor and Validator: findings against your rules, then a decision."""

    name, title = "review", "Review crew"
    members = ("auditor", "validator")
    tasks = (
        Task(
            "audit",
            "Audit this work:\n\n{{ input.work }}\n\nagainst these rules:\n\n{{ input.rules }}",
            "Findings, one a line: the rule, a quotation, the severity (low, medium, high) and the cure.",
            "auditor",
        ),
        Task(
            "decision",
            "Decide from the findings whether the work may go on. A finding of high severity that its quotation "
            "proves refuses it; drop findings whose quotation does not stand in the work:\n\n{{ input.work }}",
            "The decision, its reason in one sentence, and what has to be done first.",
            "validator",
            ("audit",),
            DECISION,
        ),
    )
    inputs = {"work": "Work", "rules": "Rules"}
