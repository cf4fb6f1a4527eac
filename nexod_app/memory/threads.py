"""The threads: their list, and the messages of the one that is open, to be corrected."""

from __future__ import annotations

import reflex as rx

from components.icons import icon
from components.layout import link
from components.live import when
from nexod_app.memory.state import Threads
from nexod_app.memory.view import Message, Thread


def threads() -> rx.Component:
    return rx.cond(
        Threads.threads,
        rx.el.div(
            rx.el.div(
                rx.el.ul(rx.foreach(Threads.threads, _thread), class_name="rows"),
                rx.cond(
                    Threads.more,
                    rx.el.button("Show more", type="button", class_name="btn sm", on_click=Threads.further),
                ),
                class_name="stack",
            ),
            rx.cond(Threads.open, _talk(), rx.el.p("Choose a thread to read what was said in it.", class_name="hint")),
            class_name=rx.cond(Threads.open, "threads opened", "threads"),
        ),
        _empty(),
    )


def _thread(one: rx.Var[Thread]) -> rx.Component:
    return rx.el.li(
        rx.el.button(
            icon("chat", 18, class_name="t3"),
            rx.el.span(
                rx.el.b(one.name, class_name="clip"),
                rx.el.span(one.messages, " · ", when(at=one.last_at), class_name="t3 cap num"),
            ),
            type="button",
            custom_attrs={"aria-current": rx.cond(Threads.open == one.name, "true", "false")},
            on_click=Threads.read(one.name),
            class_name="tr",
            data_testid="thread-row",
        ),
        key=one.name,
    )


def _talk() -> rx.Component:
    return rx.el.section(
        rx.el.header(
            rx.el.button(
                icon("left", 20), type="button", class_name="btn ghost icon back", aria_label="Back to the threads",
                on_click=Threads.read(""),
            ),
            rx.el.b(Threads.open, class_name="clip grow"),
            rx.el.button(
                icon("trash", 14), "Forget", type="button", class_name="btn ghost sm",
                on_click=Threads.doom(Threads.open), data_testid="forget-thread",
            ),
        ),
        rx.el.ol(rx.foreach(Threads.messages, _message), class_name="talk"),
        rx.cond(
            Threads.further_messages,
            rx.el.div(
                rx.el.button("Show more", type="button", class_name="btn sm", on_click=Threads.read_on),
                class_name="padded",
            ),
        ),
        class_name="card",
        aria_label="Messages",
    )  # fmt: skip


def _message(one: rx.Var[Message]) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.b(one.word),
            when(at=one.at, clock=True, class_name="t3 num"),
            rx.cond(one.run_id, link(f"/runs/{one.run_id}", "from a run", class_name="link")),
            rx.el.span(class_name="grow"),
            rx.cond(Threads.editing == one.id, rx.fragment(), _tools(one)),
            class_name="facts-line cap",
        ),
        rx.cond(Threads.editing == one.id, _form(one.text), rx.el.p(one.text, class_name="asis")),
        key=one.id,
        class_name=f"said {one.role}",
        data_testid="message",
    )


def _tools(one: rx.Var[Message]) -> rx.Component:
    return rx.el.div(
        rx.el.button(
            icon("edit", 14), type="button", class_name="btn ghost icon sm", title="Change",
            aria_label="Change this message", on_click=Threads.edit(one.id), data_testid="edit-message",
        ),
        rx.el.button(
            icon("trash", 14), type="button", class_name="btn ghost icon sm", title="Forget",
            aria_label="Forget this message", on_click=Threads.drop(one.id, one.text), data_testid="forget-message",
        ),
        class_name="tools",
    )  # fmt: skip


def _form(text: rx.Var[str]) -> rx.Component:
    return rx.el.form(
        rx.el.textarea(
            name="text", default_value=text, class_name="field", rows="4", required=True, max_length=8000,
            aria_label="What was said", auto_focus=True,
        ),
        rx.el.footer(
            rx.el.button("Cancel", type="button", class_name="btn", on_click=Threads.edit("")),
            rx.el.button("Save", type="submit", class_name="btn primary", data_testid="save-message"),
            class_name="row end",
        ),
        class_name="stack",
        on_submit=Threads.save,
    )  # fmt: skip


def _empty() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.span(icon("chat", 20), class_name="em"),
            rx.el.b("No threads yet", class_name="strong"),
            rx.el.p("Give a model call or an agent a thread, and it goes on where the last run ended."),
            class_name="empty",
        ),
        class_name="card nothing",
    )
