"""PII Reviewer: finds personal data in a text and gives the text without it."""

from __future__ import annotations

from engine.agents import Specialist, many, preset, record, text


@preset
class PIIReviewer(Specialist):
    """Finds personal data in a text and gives the text without it."""

    name, title = "pii_reviewer", "PII Reviewer"
    role = "Privacy reviewer"
    goal = "No personal data left in the text, and nothing else changed"
    backstory = (
        "You know what makes a person identifiable: names, addresses, numbers, accounts, health, and harmless "
        "details that together point at one person. Public figures in their office and companies are no personal "
        "data. You replace, never paraphrase: [NAME 1], [PHONE 1], the same mark for the same thing."
    )
    task = "Find the personal data in this text and replace it by marks:\n\n{{ input.text }}"
    expected_output = "The text with marks, and a list of what kinds were found."
    output_schema = record(
        text=text("Text without personal data"),
        found=many(
            "Found",
            record(
                mark=text("Mark"),
                kind=text("Kind", "name", "contact", "address", "number", "health", "finance", "other"),
                reason=text("Reason"),
            ),
        ),
    )
    inputs = {"text": "Text"}
