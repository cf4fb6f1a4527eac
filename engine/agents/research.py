"""research: a crew that goes from a topic to a text."""

from __future__ import annotations

from engine.agents import Team, preset
from engine.node import Task


@preset
class Research(Team):
    """Researcher, Data Analyst and Technical Writer: from a topic to a text with its sources."""

    name, title = "research", "Research crew"
    members = ("researcher", "data_analyst", "technical_writer")
    tasks = (
        Task(
            "findings",
            "Find out what is known about {{ input.topic }}. Read at least three independent pages and write down the "
            "findings that matter, each with the address where it stands.",
            "Up to ten findings, one a line, each with its source; then open questions.",
            "researcher",
        ),
        Task(
            "analysis",
            "Work out what the findings mean: trends, figures compared, contradictions between sources, and how sure "
            "each conclusion is.",
            "Three to five conclusions, the strongest first, each with the findings that support it.",
            "data_analyst",
            ("findings",),
        ),
        Task(
            "text",
            "Write a text about {{ input.topic }} for readers who are new to it, from the findings and the analysis. "
            "Add nothing that they do not say.",
            "A finished text in Markdown of about 500 words with a title, sections and the list of sources.",
            "technical_writer",
            ("findings", "analysis"),
        ),
    )
    inputs = {"topic": "Topic"}
