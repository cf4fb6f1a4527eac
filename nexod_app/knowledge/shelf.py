"""The page of one collection: its documents, its test bench, its settings."""

from __future__ import annotations

import reflex as rx

from components.icons import icon
from components.layout import link
from components.live import live
from nexod_app.knowledge.bench import bench
from nexod_app.knowledge.dialogs import dialogs
from nexod_app.knowledge.documents import documents
from nexod_app.knowledge.settings import settings
from nexod_app.knowledge.sheet import sheet
from nexod_app.knowledge.state import Shelf
from nexod_app.shell import page as shell

AT_WORK_MS, AT_REST_MS = 700, 4000


def page() -> rx.Component:
    busy = Shelf.progress.busy | (Shelf.head.moving != "")
    return shell(
        "Knowledge",
        _top(),
        rx.cond(
            Shelf.lost,
            _lost(),
            rx.el.main(
                rx.cond(
                    Shelf.head.name,  # known: whatever is dropped has somewhere to go
                    rx.match(Shelf.tab, ("try", bench()), ("settings", settings()), documents()),
                ),
                class_name="page",
            ),
        ),
        dialogs(),
        sheet(),
        live(every=rx.cond(busy, AT_WORK_MS, AT_REST_MS), on_tick=Shelf.refresh),
    )


def _top() -> rx.Component:
    return rx.el.header(
        rx.el.div(
            link("/knowledge", "Knowledge"),
            icon("right", 14),
            rx.el.h1(Shelf.head.name, class_name="clip"),
            class_name="crumb",
        ),
        rx.cond(Shelf.head.place, rx.el.span(Shelf.head.place, class_name="chip hide-m")),
        rx.cond(Shelf.head.how, rx.el.span(Shelf.head.how, class_name="chip hide-m")),
        rx.el.span(class_name="grow"),
        rx.el.div(
            _tab("documents", "file", "Documents"),
            _tab("try", "search", "Try a question"),
            _tab("settings", "settings", "Settings"),
            class_name="seg",
            role="tablist",
            aria_label="Parts of this collection",
        ),
        class_name="top wide shelf",
    )


def _tab(value: str, sign: str, word: str) -> rx.Component:
    return rx.el.button(
        icon(sign, 14),
        word,
        type="button",
        role="tab",
        custom_attrs={"aria-selected": rx.cond(Shelf.tab == value, "true", "false")},
        data_testid=f"tab-{value}",
        on_click=Shelf.show(value),
    )


def _lost() -> rx.Component:
    return rx.el.main(
        rx.el.div(
            rx.el.span(icon("book", 20), class_name="em"),
            rx.el.b("There is no such collection", class_name="strong"),
            rx.el.p("It may have been deleted."),
            link("/knowledge", "See all collections", class_name="btn"),
            class_name="empty middle",
        ),
        class_name="page",
    )
