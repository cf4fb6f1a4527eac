"""The open question: its content word for word, the form, what each answer leads to, how it got here."""

from __future__ import annotations

import reflex as rx

from components.answer import answer_bar, answer_fields
from components.icons import icon, status_chip, tile
from components.layout import link
from components.live import copy_button, left, when
from nexod_app.inbox.graph import Lead, Step
from nexod_app.inbox.state import Inbox

CARD = Inbox.card


def detail() -> rx.Component:
    waits = CARD.status == "pending"
    return rx.el.section(
        rx.cond(
            CARD.id,
            rx.fragment(
                _bar(),
                rx.el.div(
                    _title(),
                    rx.el.div(
                        rx.el.div(_content(), _how(), class_name="stack wide"),
                        rx.el.div(
                            rx.cond(waits, _form(), _answer()), rx.cond(waits, _leads()), class_name="stack wide"
                        ),
                        class_name="pane",
                    ),
                    class_name="scrolls",
                ),
                rx.cond(waits, _act()),
            ),
            rx.cond(Inbox.loaded, _empty()),
        ),
        class_name="detail",
        aria_label="Question",
    )


def _empty() -> rx.Component:
    lost = Inbox.chosen != ""
    return rx.el.div(
        rx.el.span(icon("inbox", 20), class_name="em"),
        rx.el.b(rx.cond(lost, "There is no such question", "Nothing waits for you"), class_name="strong"),
        rx.el.p(
            rx.cond(
                lost,
                "It may have been asked in another place, or the address is not complete.",
                "When a workflow needs an answer, it shows up here and in the menu.",
            )
        ),
        rx.cond(lost, link("/inbox", "See all questions", class_name="btn")),
        class_name="empty middle",
    )


def _bar() -> rx.Component:
    return rx.el.div(
        link("/inbox", icon("left", 20), class_name="btn ghost icon back", aria_label="Back to inbox"),
        rx.el.span(CARD.place, class_name="num hide-m"),
        rx.el.span(class_name="grow"),
        _turn("up", "Previous (K)", -1),
        _turn("down", "Next (J)", 1),
        rx.el.span(class_name="vr"),
        link(f"/runs/{CARD.run_id}", icon("runs", 18), "Open run", class_name="btn ghost"),
        class_name="bar",
    )


def _turn(sign: str, words: str, by: int) -> rx.Component:
    return rx.el.button(
        icon(sign, 18),
        type="button",
        class_name="btn ghost icon hide-m",
        title=words,
        aria_label=words,
        on_click=Inbox.step(by),
    )


def _title() -> rx.Component:
    dot = rx.el.span("·", class_name="t3")
    return rx.el.div(
        rx.el.div(
            rx.el.h2(CARD.question),
            rx.el.div(
                rx.el.span(CARD.workflow),
                dot,
                rx.el.span(CARD.step),
                dot,
                rx.el.span("asked ", when(at=CARD.asked_at)),
                class_name="by",
            ),
            class_name="grow",
        ),
        rx.cond((CARD.status == "pending") & (CARD.deadline_at != ""), left(at=CARD.deadline_at, pill=True)),
        class_name="ttl",
    )


def _content() -> rx.Component:
    doc = rx.cond(Inbox.raw, rx.el.pre(CARD.text, class_name="pre"), rx.html(CARD.html, class_name="md"))
    return rx.el.div(
        rx.el.header(
            icon("eye"),
            rx.el.span("What you answer for", class_name="clip"),
            rx.cond(CARD.demo, rx.el.span("Demo model", class_name="chip")),
            rx.el.span(class_name="grow"),
            rx.cond(~CARD.empty, rx.fragment(_raw(), copy_button(text=CARD.text))),
        ),
        rx.el.div(
            rx.cond(CARD.empty, rx.el.p("There is nothing to read but the question itself.", class_name="t2"), doc),
            class_name="doc",
            data_testid="approval-content",
        ),
        rx.cond(
            CARD.cut,
            rx.el.a(
                "This is the beginning. Read all of it",
                href=f"/api/v1/approvals/{CARD.id}",
                target="_blank",
                class_name="link more",
            ),
        ),
        rx.el.div(
            icon("lock", 14),
            rx.el.span("Your answer is tied to this exact content."),
            rx.el.span(CARD.short_hash, class_name="mono hash", title=CARD.hash),
            class_name="docf",
        ),
        class_name="card",
    )


def _raw() -> rx.Component:
    return rx.el.button(
        icon("code", 14),
        rx.el.span(rx.cond(Inbox.raw, "As text", "As written"), class_name="sr-m"),
        type="button",
        class_name="btn ghost sm",
        aria_pressed=rx.cond(Inbox.raw, "true", "false"),
        on_click=Inbox.as_written(~Inbox.raw),
    )


def _form() -> rx.Component:
    return answer_fields(approval=CARD.id, fields=CARD.fields, faults=Inbox.faults)


def _leads() -> rx.Component:
    return rx.el.div(rx.foreach(CARD.leads, _lead), class_name="card next")


def _lead(lead: rx.Var[Lead]) -> rx.Component:
    return rx.el.div(icon(lead.icon, 16), rx.el.span(rx.el.b(lead.answer), " ", lead.text))


def _answer() -> rx.Component:
    """The winner's answer, in place of the form."""
    return rx.el.div(
        rx.el.header("Answer"),
        rx.el.div(
            rx.el.div(status_chip(CARD.status), rx.el.span(CARD.by, class_name="t2"), class_name="row"),
            rx.cond(CARD.decided_at, rx.el.p(when(at=CARD.decided_at, clock=True), class_name="t3 cap")),
            rx.cond(CARD.comment, rx.el.blockquote(CARD.comment, class_name="comment")),
            rx.el.dl(
                rx.foreach(CARD.given, lambda one: rx.fragment(rx.el.dt(one[0]), rx.el.dd(one[1]))), class_name="kv"
            ),
            class_name="fill",
        ),
        class_name="card",
        role="status",
    )


def _how() -> rx.Component:
    return rx.cond(
        CARD.way,
        rx.el.div(
            rx.el.header(
                "How it got here",
                rx.el.span(class_name="grow"),
                link(f"/runs/{CARD.run_id}", "See the run", class_name="link"),
            ),
            rx.el.ol(rx.foreach(CARD.way, _step)),
            class_name="card how",
        ),
    )


def _step(step: rx.Var[Step]) -> rx.Component:
    sign = rx.cond(step.status == "failed", "x", "check")
    return rx.el.li(
        rx.el.span(
            icon(sign, 13, bold=True),
            rx.el.span(step.word, class_name="sr"),
            class_name=f"bd s-{step.status}",
            title=step.word,
        ),
        tile(step.icon, step.group, "s"),
        rx.el.span(step.title, class_name="clip"),
        rx.el.span(step.fact, class_name="t3 clip mt"),
        rx.el.span(step.took, class_name="t3 num took"),
    )


def _act() -> rx.Component:
    return answer_bar(
        approval=CARD.id, fields=CARD.fields, data=CARD.data, hash=CARD.hash, faults=Inbox.faults,
        on_answer=Inbox.answer,
    )  # fmt: skip
