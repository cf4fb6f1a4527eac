"""The dialogs of a collection: a pasted text, a web page, a try at cutting, and sure to delete."""

from __future__ import annotations

import reflex as rx

from components.knowledge import cutter
from nexod_app.knowledge.state import Shelf


def dialogs() -> rx.Component:
    return rx.fragment(_text(), _url(), _cut(), _delete())


def _dialog(kind: str, title: str, *body: rx.Component, wide: bool = False) -> rx.Component:
    return rx.dialog.root(
        rx.dialog.content(rx.dialog.title(title), *body, class_name="sure wide" if wide else "sure"),
        open=Shelf.adding == kind,
        on_open_change=lambda _open: Shelf.add(""),
    )


def _text() -> rx.Component:
    return _dialog(
        "text",
        "Paste text",
        rx.el.form(
            _label("Title", "text-title"),
            rx.el.input(
                id="text-title", name="title", class_name="field", required=True, max_length=200,
                placeholder="What it is called when an answer names it",
            ),
            _label("Text", "text-text"),
            rx.el.textarea(id="text-text", name="text", class_name="field", rows="12", required=True),
            _feet("Add it"),
            on_submit=Shelf.keep,
        ),
        wide=True,
    )  # fmt: skip


def _url() -> rx.Component:
    return _dialog(
        "url",
        "Add a page",
        rx.dialog.description("It is fetched once. Add the same address again for its newer text."),
        rx.el.form(
            _label("Address", "url-url"),
            rx.el.input(
                id="url-url", name="url", type="url", class_name="field", required=True, max_length=2000,
                placeholder="https://example.org/handbook",
            ),
            _feet("Add it"),
            on_submit=Shelf.keep,
        ),
    )  # fmt: skip


def _cut() -> rx.Component:
    return _dialog(
        "cut",
        "How text is cut",
        rx.dialog.description(
            "Documents are cut along their headings and paragraphs into passages, which is what a search finds."
        ),
        cutter(size=Shelf.head.chunk_size, overlap=Shelf.head.chunk_overlap),
        rx.el.footer(rx.dialog.close(rx.el.button("Close", type="button", class_name="btn")), class_name="foot"),
        wide=True,
    )


def _label(words: str, field: str) -> rx.Component:
    return rx.el.label(words, rx.el.span("*", class_name="req"), html_for=field, class_name="label")


def _feet(word: str) -> rx.Component:
    return rx.el.footer(
        rx.dialog.close(rx.el.button("Cancel", type="button", class_name="btn")),
        rx.el.button(word, type="submit", class_name="btn primary", data_testid="add-it"),
        class_name="foot",
    )


def _delete() -> rx.Component:
    gone = Shelf.doomed
    return rx.alert_dialog.root(
        rx.alert_dialog.content(
            rx.alert_dialog.title(f"Delete {gone['name']}?"),
            rx.alert_dialog.description(
                rx.cond(
                    gone["kind"] == "collection",
                    "All its documents go for good. Steps that search it will fail.",
                    "Its passages and its file go for good. Searches no longer find it.",
                )
            ),
            rx.el.footer(
                rx.alert_dialog.cancel(rx.el.button("Keep it", type="button", class_name="btn")),
                rx.alert_dialog.action(
                    rx.el.button(
                        "Delete", type="button", class_name="btn danger solid", data_testid="confirm-delete",
                        on_click=Shelf.delete,
                    )
                ),
                class_name="foot",
            ),
            class_name="sure",
        ),
        open=gone.length() > 0,
        on_open_change=lambda _open: Shelf.doom("", "", ""),
    )  # fmt: skip
