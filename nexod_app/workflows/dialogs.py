"""The two dialogs of the list: sure to delete, and why a file was refused."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.icons import icon
from nexod_app.workflows.state import Workflows


def dialogs() -> rx.Component:
    return rx.fragment(_delete(), _refused())


def _delete() -> rx.Component:
    name = Workflows.doomed["name"]
    return rx.alert_dialog.root(
        rx.alert_dialog.content(
            rx.alert_dialog.title(f"Delete {name}?"),
            rx.alert_dialog.description("The workflow goes for good. Its runs stay readable."),
            rx.el.footer(
                rx.alert_dialog.cancel(rx.el.button("Keep it", type="button", class_name="btn")),
                rx.alert_dialog.action(
                    rx.el.button(
                        "Delete",
                        type="button",
                        class_name="btn danger solid",
                        data_testid="confirm-delete",
                        on_click=Workflows.delete,
                    )
                ),
                class_name="foot",
            ),
            class_name="sure",
        ),
        open=Workflows.doomed.length() > 0,
        on_open_change=lambda _open: Workflows.doom("", ""),
    )


def _refused() -> rx.Component:
    details = Workflows.refusal["details"].to(list[dict[str, Any]])
    return rx.dialog.root(
        rx.dialog.content(
            rx.dialog.title("This file was not imported"),
            rx.dialog.description(Workflows.refusal["message"].to(str)),
            rx.el.ul(rx.foreach(details, _problem), class_name="probs"),
            rx.el.footer(
                rx.dialog.close(rx.el.button("Close", type="button", class_name="btn primary")),
                class_name="foot",
            ),
            class_name="sure",
        ),
        open=Workflows.refusal.length() > 0,
        on_open_change=lambda _open: Workflows.refuse({}),
    )


def _problem(problem: rx.Var[dict[str, Any]]) -> rx.Component:
    warning = problem["severity"].to(str) == "warning"
    return rx.el.li(
        rx.el.span(
            icon(rx.cond(warning, "warn", "x"), 13, bold=True),
            class_name=rx.cond(warning, "bd s-waiting", "bd s-failed"),
        ),
        rx.el.div(rx.el.b(problem["message"].to(str)), rx.el.p(problem["hint"].to(str)), class_name="grow"),
        class_name="prob",
    )
