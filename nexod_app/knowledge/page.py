"""The list of collections."""

from __future__ import annotations

import reflex as rx

from components.icons import icon, tile
from components.layout import link
from components.live import when
from engine.services import collections
from nexod_app.knowledge.state import Collections
from nexod_app.knowledge.view import Choice, Row
from nexod_app.shell import page as shell

WHAT_FOR = (
    "A collection holds documents that steps and agents can look things up in. "
    "Answers then come from your own texts, and name them."
)


def page() -> rx.Component:
    return shell(
        "Knowledge",
        rx.el.header(
            rx.el.h1("Knowledge"),
            rx.el.span(class_name="grow"),
            rx.cond(Collections.rows, _new_button()),
            class_name="top wide",
        ),
        rx.el.main(rx.el.div(_list(), class_name="wrap"), class_name="page"),
        _dialog(),
        refresh=Collections.load,
    )


def _new_button() -> rx.Component:
    return rx.el.button(
        icon("plus", bold=True),
        "New collection",
        type="button",
        class_name="btn primary",
        data_testid="new-collection",
        on_click=Collections.ask(True),
    )


def _list() -> rx.Component:
    words = ["Collection", "Kept in", "Documents", "Passages", "Changed"]
    head = rx.el.li(*[rx.el.span(word) for word in words], class_name="cr head", aria_hidden="true")
    return rx.cond(
        Collections.rows,
        rx.fragment(
            rx.el.p(WHAT_FOR, class_name="t2 lead"),
            rx.el.ul(head, rx.foreach(Collections.rows, _row), class_name="rows"),
        ),
        rx.cond(Collections.loaded, _empty()),
    )


def _row(row: rx.Var[Row]) -> rx.Component:
    moving = rx.el.span(icon("spin", 14, bold=True, class_name="spin"), row.state, class_name="st s-running")
    return rx.el.li(
        rx.el.div(
            tile("book", "data"),
            rx.el.div(
                link(f"/knowledge/{row.id}", row.name, class_name="n clip"),
                rx.el.div(row.how, class_name="d clip"),
                class_name="grow",
            ),
            rx.cond(row.state, moving),
            class_name="row gap",
        ),
        rx.el.span(rx.el.span(row.store, class_name="chip")),
        rx.el.span(row.documents, rx.el.span(" documents", class_name="only-m"), class_name="num t2"),
        rx.el.span(row.passages, rx.el.span(" passages", class_name="only-m"), class_name="num t2"),
        when(at=row.changed, class_name="t3 cap num"),
        class_name="cr",
        key=row.id,
        data_testid="collection-row",
        custom_attrs={"data-id": row.id},
    )


def _empty() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.span(icon("book", 20), class_name="em"),
            rx.el.b("Nothing to look up yet", class_name="strong"),
            rx.el.p(WHAT_FOR),
            _new_button(),
            class_name="empty",
        ),
        class_name="card nothing",
    )


def _dialog() -> rx.Component:
    return rx.dialog.root(
        rx.dialog.content(
            rx.dialog.title("New collection"),
            rx.el.form(
                rx.el.label("Name", rx.el.span("*", class_name="req"), html_for="collection-name", class_name="label"),
                rx.el.input(
                    id="collection-name",
                    name="name",
                    class_name="field",
                    placeholder="What its documents are about",
                    required=True,
                    max_length=100,
                    data_testid="collection-name",
                ),
                radios("Search finds", "embedding", Collections.embeddings, "hashing"),
                radios("Keep it in", "store", Collections.stores, "embedded"),
                rx.el.details(
                    rx.el.summary("How its documents are cut"),
                    rx.el.div(
                        _amount("chunk_size", "Characters of a passage", f"{collections.SIZE}", *collections.SIZES),
                        _amount("chunk_overlap", "Repeated of the one before", f"{collections.OVERLAP}", 0, 4000),
                        class_name="two",
                    ),
                    class_name="more",
                ),
                rx.cond(Collections.fault, rx.el.p(Collections.fault, class_name="err", role="alert")),
                rx.el.footer(
                    rx.dialog.close(rx.el.button("Cancel", type="button", class_name="btn")),
                    rx.el.button("Create", type="submit", class_name="btn primary", data_testid="create-collection"),
                    class_name="foot",
                ),
                on_submit=Collections.create,
            ),
            class_name="sure roomy",
        ),
        open=Collections.asking,
        on_open_change=Collections.ask,
    )


def _amount(name: str, title: str, usual: str, low: int, high: int) -> rx.Component:
    return rx.el.label(
        rx.el.span(title, class_name="label"),
        rx.el.input(name=name, type="number", min=str(low), max=str(high), default_value=usual, class_name="field num"),
    )


def radios(title: str, name: str, choices: rx.Var[list[Choice]], first: str) -> rx.Component:
    """One of several, each with what it means; what cannot be chosen says why."""

    def radio(one: rx.Var[Choice]) -> rx.Component:
        return rx.el.label(
            rx.el.input(
                type="radio", name=name, value=one.name, default_checked=one.name == first, disabled=~one.ready
            ),
            rx.el.span(rx.el.b(one.title), rx.el.span(one.text, class_name="t2 cap")),
            class_name=rx.cond(one.ready, "pick", "pick off"),
            key=one.name,
        )

    return rx.el.fieldset(rx.el.legend(title, class_name="label"), rx.foreach(choices, radio), class_name="picks")
