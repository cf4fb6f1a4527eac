"""The documents of a collection: what takes new ones, and the list with how far each is."""

from __future__ import annotations

import reflex as rx

from components.icons import icon, status_chip
from components.knowledge import drop_zone
from components.live import when
from nexod_app.knowledge.reading import Sheet
from nexod_app.knowledge.state import Shelf
from nexod_app.knowledge.view import Doc


def documents() -> rx.Component:
    return rx.el.div(
        drop_zone(
            _add("text", "note", "Paste text"),
            _add("url", "link", "Add a page"),
            collection=Shelf.head.id,
            on_added=Shelf.refresh,
        ),
        rx.cond(
            Shelf.rows,
            rx.fragment(
                _all(),
                rx.el.ul(rx.foreach(Shelf.rows, _row), class_name="rows", data_testid="documents"),
                rx.cond(
                    Shelf.more,
                    rx.el.div(
                        rx.el.button("Show more", type="button", class_name="btn sm", on_click=Shelf.further),
                        class_name="pages",
                    ),
                ),
            ),
            _none(),
        ),
        class_name="wrap",
    )


def _add(kind: str, sign: str, word: str) -> rx.Component:
    return rx.el.button(
        icon(sign), word, type="button", class_name="btn", data_testid=f"add-{kind}", on_click=Shelf.add(kind)
    )


def _all() -> rx.Component:
    """All documents together, with a bar for as long as some are in work."""
    return rx.el.div(
        rx.el.h2("Documents"),
        rx.el.span(Shelf.progress.words, class_name="t2 num", aria_live="polite", data_testid="documents-progress"),
        rx.cond(Shelf.progress.busy, meter(Shelf.progress.percent, "All documents")),
        rx.el.span(class_name="grow"),
        rx.el.button(
            icon("eye"), "See how text is cut", type="button", class_name="btn ghost sm", on_click=Shelf.add("cut")
        ),
        class_name="sec",
    )


def meter(percent: rx.Var[int], label: str | rx.Var[str]) -> rx.Component:
    return rx.el.div(
        rx.el.i(style={"transform": f"scaleX(calc({percent} / 100))"}),
        class_name="meter",
        role="progressbar",
        aria_label=label,
        custom_attrs={"aria-valuenow": percent, "aria-valuemin": 0, "aria-valuemax": 100},
    )


def _none() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.b("No documents yet", class_name="strong"),
            rx.el.p("What you add here is read, cut into passages, and can be searched a moment later."),
            rx.el.button(
                icon("eye"), "See how text is cut", type="button", class_name="btn", on_click=Shelf.add("cut")
            ),
            class_name="empty",
        ),
        class_name="nothing",
    )


def _row(doc: rx.Var[Doc]) -> rx.Component:
    return rx.el.li(
        icon(doc.sign, 18, class_name="t3"),
        rx.el.div(
            rx.el.button(doc.title, type="button", class_name="n clip", on_click=Sheet.open(doc.id)),
            rx.el.div(
                doc.about, rx.cond(doc.source, rx.el.span(doc.source, class_name="clip")), class_name="d facts-line"
            ),
            rx.cond(doc.error, _fault(doc)),
            class_name="grow",
        ),
        rx.el.div(rx.cond(doc.busy, _working(doc), status_chip(doc.status, doc.word)), class_name="how-far"),
        rx.el.span(doc.passages, class_name="t2 cap num end"),
        when(at=doc.changed, class_name="t3 cap num end"),
        rx.el.div(
            rx.cond(doc.busy, _act("stop", "Cancel", doc.title, on_click=Shelf.cancel(doc.id))),
            rx.cond(
                (doc.status == "failed") | (doc.status == "cancelled"),
                _act("loop", "Try again", doc.title, on_click=Shelf.retry(doc.id), data_testid="retry-document"),
            ),
            rx.cond(
                (doc.url != "") & (doc.status == "completed"),
                _act("loop", "Fetch again", doc.title, on_click=Shelf.retry(doc.id)),
            ),
            _act(
                "trash", "Delete", doc.title, on_click=Shelf.doom("document", doc.id, doc.title),
                data_testid="delete-document",
            ),
            class_name="tools",
        ),
        class_name="dr",
        key=doc.id,
        data_testid="document-row",
        custom_attrs={"data-id": doc.id, "data-status": doc.status},
    )  # fmt: skip


def _working(doc: rx.Var[Doc]) -> rx.Component:
    return rx.el.div(
        rx.el.div(rx.el.span(doc.word), rx.el.span(doc.percent, " %", class_name="num"), class_name="t2 cap row"),
        meter(doc.percent, doc.title),
    )


def _fault(doc: rx.Var[Doc]) -> rx.Component:
    return rx.el.p(
        doc.error, " ", doc.cure, " ", rx.el.code(doc.code, class_name="mono"), class_name="fault",
        data_testid="document-error",
    )  # fmt: skip


def _act(sign: str, word: str, name: rx.Var[str], **props: object) -> rx.Component:
    return rx.el.button(
        icon(sign), type="button", class_name="btn ghost icon sm", title=word, aria_label=f"{word}: {name}", **props
    )
