"""The page for an address that leads nowhere."""

from __future__ import annotations

import reflex as rx

from components.icons import icon
from components.layout import frame, link


def page() -> rx.Component:
    return frame(
        "",
        rx.el.main(
            rx.el.div(
                rx.el.span(icon("search", 20), class_name="em"),
                rx.el.h1("There is no such page", class_name="strong"),
                rx.el.p("The address may be old, or not complete."),
                link("/", "See the workflows", class_name="btn"),
                class_name="empty middle",
            ),
            class_name="page row",
        ),
    )
