"""What the workspace remembers: facts, what it learned from decisions, and the threads of talk."""

from __future__ import annotations

import reflex as rx

from components.icons import icon, status_chip
from components.layout import link
from components.live import when
from nexod_app.knowledge.documents import meter
from nexod_app.memory.dialogs import dialogs
from nexod_app.memory.state import Memory
from nexod_app.memory.threads import threads
from nexod_app.memory.view import TABS, Item
from nexod_app.shell import page as shell
from nexod_app.workflows.page import search

WORDS = {
    "fact": (
        "memory",
        "Nothing remembered yet",
        "What a step Remember or an agent keeps on purpose is listed here, for you to correct or delete.",
        "What steps and agents keep on purpose, from one run to the next.",
    ),
    "pattern": (
        "approval",
        "Nothing learned yet",
        "When somebody changes or rejects what a step proposes, the example is kept here and can be recalled.",
        "Examples from what people changed or rejected, for steps that recall them.",
    ),
}


def page() -> rx.Component:
    return shell(
        "Memory",
        rx.el.header(
            rx.el.h1("Memory"),
            rx.el.span(class_name="grow"),
            rx.cond(Memory.kind != "thread", search("Search the memory", Memory.query, Memory.find)),
            rx.el.a(
                icon("export"),
                rx.el.span("Export", class_name="sr-m"),
                href="/api/v1/memory/export",
                reload_document=True,
                download="memory.json",
                class_name="btn",
                data_testid="memory-export",
            ),
            class_name="top wide",
        ),
        rx.el.main(
            rx.el.div(
                _tabs(),
                rx.match(Memory.kind, ("thread", threads()), ("pattern", _items("pattern")), _items("fact")),
                class_name="wrap",
            ),
            class_name="page",
        ),
        dialogs(),
    )


def _tabs() -> rx.Component:
    return rx.el.div(
        *[
            rx.el.button(
                word,
                type="button",
                role="tab",
                custom_attrs={"aria-selected": rx.cond(Memory.kind == kind, "true", "false")},
                data_testid=f"tab-{kind}",
                on_click=Memory.show(kind),
            )
            for kind, word in TABS
        ],
        class_name="seg filter",
        role="tablist",
        aria_label="Kinds of memory",
    )


def _items(kind: str) -> rx.Component:
    *_, what_for = WORDS[kind]
    add = rx.el.button(
        icon("plus", bold=True), "Add a fact", type="button", class_name="btn", on_click=Memory.edit("new"),
        data_testid="add-fact",
    )  # fmt: skip
    return rx.fragment(
        rx.cond(
            Memory.items | (Memory.query != ""),
            rx.el.div(
                rx.el.p(what_for, class_name="t2"),
                rx.el.span(class_name="grow"),
                add if kind == "fact" else rx.fragment(),
                class_name="sec",
            ),
        ),
        rx.cond(Memory.editing == "new", rx.el.div(_form("", ""), class_name="card padded new")),
        rx.cond(
            Memory.items,
            rx.el.ul(rx.foreach(Memory.items, _pattern if kind == "pattern" else _fact), class_name="rows"),
            rx.cond(Memory.loaded & (Memory.editing != "new"), _empty(kind)),
        ),
        rx.cond(
            Memory.more,
            rx.el.div(
                rx.el.button("Show more", type="button", class_name="btn sm", on_click=Memory.further),
                class_name="pages",
            ),
        ),
    )


def _fact(one: rx.Var[Item]) -> rx.Component:
    return rx.el.li(
        rx.cond(
            Memory.editing == one.id,
            _form(one.text, one.subject),
            rx.fragment(
                rx.el.div(
                    rx.el.p(one.text, class_name="asis"),
                    _about(one),
                    class_name="grow",
                ),
                _tools(one),
            ),
        ),
        class_name="mr",
        key=one.id,
        data_testid="fact-row",
    )


def _pattern(one: rx.Var[Item]) -> rx.Component:
    return rx.el.li(
        rx.cond(
            Memory.editing == one.id,
            _form(one.text),
            rx.fragment(
                rx.el.div(
                    rx.el.p(one.text, class_name="asis"),
                    rx.cond(one.before + one.after, _change(one)),
                    rx.cond(one.comment, rx.el.p(one.comment, class_name="comment")),
                    _about(one),
                    class_name="grow",
                ),
                rx.el.div(
                    rx.el.div(
                        rx.el.span(one.sure), rx.el.span(one.percent, " %", class_name="num"), class_name="t2 cap row"
                    ),
                    meter(one.percent, "Confidence"),
                    class_name="how-far",
                ),
                _tools(one),
            ),
        ),
        class_name="mr",
        key=one.id,
        data_testid="pattern-row",
    )


def _change(one: rx.Var[Item]) -> rx.Component:
    return rx.el.div(
        rx.el.div(rx.el.span("Before", class_name="label"), rx.el.del_(one.before), class_name="was-then"),
        rx.el.span(icon("right"), class_name="t3"),
        rx.el.div(rx.el.span("After", class_name="label"), rx.el.ins(one.after), class_name="was-then"),
        class_name="change",
    )


def _about(one: rx.Var[Item]) -> rx.Component:
    return rx.el.div(
        rx.cond(one.decision, status_chip(one.decision)),
        rx.cond(one.subject, rx.el.span(one.subject, class_name="chip")),
        rx.cond(one.run_id, link(f"/runs/{one.run_id}", "from a run", class_name="link")),
        rx.cond(one.seen, rx.el.span(one.seen, class_name="t3 num")),
        when(at=one.changed, class_name="t3 num"),
        class_name="facts-line cap",
    )


def _tools(one: rx.Var[Item]) -> rx.Component:
    return rx.el.div(
        rx.el.button(
            icon("edit"), type="button", class_name="btn ghost icon sm", title="Change", aria_label="Change it",
            on_click=Memory.edit(one.id), data_testid="edit-item",
        ),
        rx.el.button(
            icon("trash"), type="button", class_name="btn ghost icon sm", title="Forget", aria_label="Forget it",
            on_click=Memory.doom(one.id, one.text), data_testid="forget-item",
        ),
        class_name="tools",
    )  # fmt: skip


def _form(text: rx.Var[str] | str, subject: rx.Var[str] | str | None = None) -> rx.Component:
    """What a pattern is about is where it was learned: only facts have a subject to choose."""
    return rx.el.form(
        rx.el.label(
            rx.el.span("What to remember", class_name="label"),
            rx.el.textarea(
                name="text", default_value=text, class_name="field", rows="3", required=True, max_length=10000,
                auto_focus=True,
            ),
        ),
        rx.fragment() if subject is None else _subject(subject),
        rx.el.footer(
            rx.el.button("Cancel", type="button", class_name="btn", on_click=Memory.edit("")),
            rx.el.button("Save", type="submit", class_name="btn primary", data_testid="save-item"),
            class_name="row end",
        ),
        class_name="stack grow",
        on_submit=Memory.save,
    )  # fmt: skip


def _subject(value: rx.Var[str] | str) -> rx.Component:
    return rx.el.label(
        rx.el.span("About", class_name="label"),
        rx.el.input(
            name="subject", default_value=value, class_name="field", max_length=200,
            placeholder="A customer, a project; steps recall by it",
        ),
    )  # fmt: skip


def _empty(kind: str) -> rx.Component:
    sign, title, text, _ = WORDS[kind]
    action = rx.el.button("Add a fact", type="button", class_name="btn primary", on_click=Memory.edit("new"))
    return rx.el.div(
        rx.el.div(
            rx.el.span(icon(sign, 20), class_name="em"),
            rx.el.b(rx.cond(Memory.query == "", title, "Nothing found"), class_name="strong"),
            rx.el.p(rx.cond(Memory.query == "", text, "Nothing has all of these words.")),
            rx.cond(Memory.query == "", action) if kind == "fact" else rx.fragment(),
            class_name="empty",
        ),
        class_name="card nothing",
    )
