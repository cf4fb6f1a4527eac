"""Answering a question: the form, and the bar with the buttons."""

from components.answer.answer import answer_bar, answer_fields

__all__ = ["answer_bar", "answer_fields"]
