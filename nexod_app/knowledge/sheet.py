"""The sheet beside the list: one document's passages as they are kept and found."""

from __future__ import annotations

import reflex as rx

from components.icons import icon, status_chip
from components.live import copy_button
from nexod_app.knowledge.reading import Sheet
from nexod_app.knowledge.view import Passage


def sheet() -> rx.Component:
    return rx.dialog.root(
        rx.dialog.content(
            rx.el.header(
                rx.dialog.title(Sheet.doc.title, class_name="grow"),
                rx.dialog.close(
                    rx.el.button(icon("x"), type="button", class_name="btn ghost icon", aria_label="Close")
                ),
                class_name="row tops",
            ),
            rx.dialog.description(Sheet.doc.about),
            rx.el.div(
                status_chip(Sheet.doc.status, Sheet.doc.word),
                rx.cond(Sheet.doc.passages, rx.el.span(Sheet.doc.passages, class_name="chip num")),
                rx.el.span(class_name="grow"),
                rx.cond(Sheet.doc.url, _page()),
                rx.cond(Sheet.doc.original, _original()),
                class_name="chips",
            ),
            rx.cond(Sheet.doc.warnings, rx.el.p(icon("warn", 14), Sheet.doc.warnings, class_name="mild")),
            rx.cond(
                Sheet.doc.error,
                rx.el.p(Sheet.doc.error, " ", Sheet.doc.cure, " ", rx.el.code(Sheet.doc.code), class_name="fault"),
            ),
            rx.cond(
                Sheet.passages,
                rx.el.ol(rx.foreach(Sheet.passages, _passage), class_name="pieces", data_testid="passages"),
                rx.el.p("It has no passages yet.", class_name="t2"),
            ),
            rx.cond(Sheet.more, rx.el.button("Show more", type="button", class_name="btn", on_click=Sheet.further)),
            class_name="sheet",
        ),
        open=Sheet.doc.id != "",
        on_open_change=Sheet.close,
    )


def _page() -> rx.Component:
    return rx.el.a(
        icon("link", 14), "Open the page", href=Sheet.doc.url, target="_blank", rel="noopener noreferrer nofollow",
        class_name="btn sm",
    )  # fmt: skip


def _original() -> rx.Component:
    return rx.el.a(
        icon("download", 14), "Original", href=f"/api/v1/documents/{Sheet.doc.id}/original", reload_document=True,
        class_name="btn sm", download=True,
    )  # fmt: skip


def _passage(one: rx.Var[Passage]) -> rx.Component:
    return rx.el.li(
        rx.el.header(
            rx.el.span(one.n, class_name="num"),
            rx.el.span(one.place, class_name="grow clip", title=one.place),
            rx.el.span(one.size, class_name="num"),
            copy_button(text=one.text, label=""),
        ),
        rx.el.p(one.text),
        key=one.n,
    )
