"""One section of the settings: its title, what it is for, its parts."""

from __future__ import annotations

import reflex as rx


def section(
    title: str, text: str | rx.Var[str], *body: rx.Component, action: rx.Component | None = None
) -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.h2(title), rx.el.span(class_name="grow"), action or rx.fragment(), class_name="sec"),
        rx.el.p(text, class_name="t2 lead"),
        *body,
        class_name="part",
    )
