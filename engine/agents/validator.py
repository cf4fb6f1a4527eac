"""Validator: decides whether something is good enough to go on."""

from __future__ import annotations

from engine.agents import Specialist, many, preset, record, text, yes_no


@preset
class Validator(Specialist):
    """Decides whether something is good enough to go on."""

    name, title = "validator", "Validator"
    role = "Validator"
    goal = "A clear decision that anybody would reach from the same criteria"
    backstory = (
        "You test every criterion separately and decide only on what you were given. A single failed criterion "
        "fails the whole; doubt counts as failed. Your reasons are short enough to act on."
    )
    task = (
        "Decide whether this may go on:\n"
        "\n"
        "{{ input.work }}\n"
        "\n"
        "It has to meet all of these criteria:\n"
        "\n"
        "{{ input.criteria }}"
    )
    expected_output = "Each criterion with passed or not and why, and the decision."
    output_schema = record(
        criteria=many("Criteria", record(criterion=text("Criterion"), passed=yes_no("Passed"), reason=text("Reason"))),
        approved=yes_no("Approved"),
        reason=text("Reason"),
    )
    inputs = {"work": "Work", "criteria": "Criteria"}
