"""The form of an answer: fields with what they were, and the two buttons. The draft lives in the browser."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.linked import linked

SCRIPT = linked(__file__, "answer.jsx")


class AnswerFields(rx.Component):
    """The card that changes values before they are approved; `faults` says what is wrong by field."""

    library = SCRIPT
    tag = "AnswerFields"

    approval: rx.Var[str]
    fields: rx.Var[list[dict[str, Any]]]
    faults: rx.Var[dict[str, str]]


class AnswerBar(rx.Component):
    """Comment, Reject and Approve. Fires one answer {id, decision, data, comment, hash}, tied to `hash`."""

    library = SCRIPT
    tag = "AnswerBar"

    approval: rx.Var[str]
    fields: rx.Var[list[dict[str, Any]]]
    data: rx.Var[dict[str, Any]]
    hash: rx.Var[str]
    faults: rx.Var[dict[str, str]]
    on_answer: rx.EventHandler[rx.event.passthrough_event_spec(dict)]


answer_fields = AnswerFields.create
answer_bar = AnswerBar.create
