"""The list of runs: what happened, newest first."""

from __future__ import annotations

import reflex as rx

from components.icons import icon, status_chip
from components.layout import link
from components.live import when
from nexod_app.runs import view
from nexod_app.runs.state import Runs
from nexod_app.runs.view import Row
from nexod_app.shell import page as shell


def page() -> rx.Component:
    return shell(
        "Runs",
        rx.el.header(rx.el.h1("Runs"), rx.el.span(class_name="grow"), _workflow(), class_name="top wide"),
        rx.el.main(rx.el.div(_statuses(), _list(), _pages(), class_name="wrap"), class_name="page"),
        refresh=Runs.refresh,
    )


def _workflow() -> rx.Component:
    return rx.el.select(
        rx.el.option("All workflows", value=""),
        rx.foreach(Runs.choices, lambda one: rx.el.option(one[1], value=one[0])),
        class_name="field choice",
        aria_label="Workflow",
        value=Runs.workflow,
        on_change=Runs.by_workflow,
    )


def _statuses() -> rx.Component:
    return rx.el.div(
        *[
            rx.el.button(
                word,
                type="button",
                role="radio",
                custom_attrs={"aria-checked": rx.cond(Runs.status == status, "true", "false")},
                on_click=Runs.by_status(status),
            )
            for status, word in view.STATUSES
        ],
        class_name="seg filter",
        role="radiogroup",
        aria_label="Status",
    )


def _list() -> rx.Component:
    words = ["Status", "Workflow", "Version", "Target", "Started", "Duration", "Usage"]
    head = rx.el.li(*[rx.el.span(word) for word in words], class_name="rr head", aria_hidden="true")
    return rx.cond(
        Runs.rows,
        rx.el.ul(head, rx.foreach(Runs.rows, _row), class_name="rows"),
        rx.cond(Runs.loaded, _empty()),
    )


def _row(row: rx.Var[Row]) -> rx.Component:
    return rx.el.li(
        rx.el.span(status_chip(row.status)),
        rx.el.div(
            link(f"/runs/{row.id}", row.name, class_name="n clip"),
            rx.cond(row.fact, rx.el.div(row.fact, class_name="d clip")),
            class_name="grow",
        ),
        rx.el.span(row.version, class_name="t3 cap num"),
        rx.el.span(rx.el.span(row.target, class_name="chip")),
        when(at=row.started_at, class_name="t3 cap num"),
        rx.el.span(row.took, class_name="t2 cap num"),
        rx.el.span(row.usage, class_name="t3 cap num"),
        class_name="rr",
        data_testid="run-row",
        custom_attrs={"data-status": row.status, "data-id": row.id},
        key=row.id,
    )


def _empty() -> rx.Component:
    filtered = (Runs.status != "") | (Runs.workflow != "")
    return rx.el.div(
        rx.el.div(
            rx.el.span(icon("runs", 20), class_name="em"),
            rx.el.b(rx.cond(filtered, "No such run", "Nothing has run yet"), class_name="strong"),
            rx.el.p(
                rx.cond(
                    filtered,
                    "No run has this status here. Choose another one.",
                    "Open a workflow and press Run. Each run is listed here with all that happened in it.",
                )
            ),
            rx.cond(filtered, rx.fragment(), link("/", "See the workflows", class_name="btn")),
            class_name="empty",
        ),
        class_name="card nothing",
    )


def _pages() -> rx.Component:
    newest = rx.el.button("Newest", type="button", class_name="btn sm", on_click=Runs.turn(""))
    older = rx.el.button("Older", type="button", class_name="btn sm", on_click=Runs.turn(Runs.more))
    return rx.el.div(
        rx.cond(Runs.after, newest), rx.el.span(class_name="grow"), rx.cond(Runs.more, older), class_name="pages"
    )
