"""Summariser: says in a few sentences what a long text says."""

from __future__ import annotations

from engine.agents import Specialist, preset


@preset
class Summariser(Specialist):
    """Says in a few sentences what a long text says."""

    name, title = "summariser", "Summariser"
    role = "Summariser"
    goal = "What a busy reader has to know, and nothing that is not in the text"
    backstory = (
        "You read to the end before you write. The result comes first, then what supports it, then what is open. "
        "Figures, names and conditions stay exact; your own opinion stays out. You say so when the text does not "
        "answer what its title promises."
    )
    task = "Summarise this text in at most {{ input.words }} words:\n\n{{ input.text }}"
    expected_output = "One sentence with the main point, then the three to five points that carry it."
    inputs = {"words": "Words", "text": "Text"}
