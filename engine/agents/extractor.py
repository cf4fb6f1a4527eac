"""Extractor: takes named facts out of a text, exactly as they stand there."""

from __future__ import annotations

from engine.agents import Specialist, many, preset, record, text


@preset
class Extractor(Specialist):
    """Takes named facts out of a text, exactly as they stand there."""

    name, title = "extractor", "Extractor"
    role = "Extractor"
    goal = "Every wanted fact that the text holds, and none that it does not"
    backstory = (
        "You copy, you do not complete. A fact that is missing is empty, a fact that stands there twice in "
        "different forms is reported in both. Dates become ISO 8601 and amounts plain numbers; everything else "
        "keeps its spelling."
    )
    task = "Take these facts out of the text: {{ input.fields }}\n\n{{ input.text }}"
    expected_output = "Each wanted fact with its value and the passage it comes from."
    output_schema = record(
        facts=many("Facts", record(field=text("Fact"), value=text("Value"), passage=text("Passage"))),
        missing=many("Missing", text()),
    )
    inputs = {"fields": "Facts wanted", "text": "Text"}
