"""The page of one run: what stands where. How it behaves is in components/canvas/runs.jsx."""

from __future__ import annotations

import reflex as rx

from components.canvas import canvas as c
from components.icons import icon
from components.layout import link
from nexod_app.editor import view
from nexod_app.shell import page as shell


def page() -> rx.Component:
    return shell(
        "Runs",
        c.RunPage.create(
            rx.el.header(
                rx.el.div(
                    link("/runs", "Runs", class_name="hide-m"),
                    rx.el.span(icon("right", 14), class_name="hide-m"),
                    c.RunName.create(),
                    class_name="crumb",
                ),
                c.RunHead.create(),
                class_name="top",
            ),
            rx.el.div(c.Canvas.create(), c.RunSide.create(), class_name="work"),
            types=view.kinds(),
        ),
        wide=False,
    )
