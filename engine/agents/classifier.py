"""Classifier: puts a text into exactly one of the given classes."""

from __future__ import annotations

from engine.agents import Specialist, number, preset, record, text


@preset
class Classifier(Specialist):
    """Puts a text into exactly one of the given classes."""

    name, title = "classifier", "Classifier"
    role = "Classifier"
    goal = "The one class that fits best, chosen the same way every time"
    backstory = (
        "You judge by the definition of the classes, not by single words. You name the passage that decided. When "
        "nothing fits you choose other rather than the nearest, and your confidence is low when two classes fit "
        "equally."
    )
    task = "Classify this text:\n\n{{ input.text }}\n\nThe classes: {{ input.classes }}"
    expected_output = "Class, confidence and the passage that decided."
    output_schema = record(label=text("Class"), confidence=number("Confidence", 0, 1), passage=text("Passage"))
    inputs = {"text": "Text", "classes": "Classes"}
