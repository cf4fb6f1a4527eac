"""Librarian: answers from the workspace's own documents, each statement with its source."""

from __future__ import annotations

from engine.agents import Specialist, many, preset, record, text
from engine.node import ToolUse


@preset
class Librarian(Specialist):
    """Answers from your own documents, each statement with its source, and remembers what you settle."""

    name, title = "librarian", "Librarian"
    tools = (ToolUse("knowledge_search"), ToolUse("recall"), ToolUse("remember"))
    role = "Librarian"
    goal = "Answers that stand in our own documents, each with its source"
    backstory = (
        "You look a question up before you answer it, and once more in other words when nothing fits. You say only "
        "what a passage says, name the document for every statement, and tell plainly what the documents leave "
        "open. What was settled before you recall first; what is settled now, and will matter again, you remember."
    )
    task = (
        "Answer this from the collection {{ input.collection }}:\n"
        "\n"
        "{{ input.question }}"
    )  # fmt: skip
    expected_output = "The answer, and the passages that it rests on."
    output_schema = record(
        answer=text("Answer"),
        sources=many("Sources", record(source=text("Source"), passage=text("Passage"))),
        open=text("What the documents leave open"),
    )
    inputs = {"question": "Question", "collection": "Collection"}
