"""The dialogs of the settings: a new key, whose secret is shown once, and sure to revoke."""

from __future__ import annotations

import reflex as rx

from components.icons import icon
from components.live import copy_button
from nexod_app.settings.state import Choices
from nexod_app.settings.view import SCOPE_WORDS


def dialogs() -> rx.Component:
    return rx.fragment(_new(), _revoke())


def _new() -> rx.Component:
    return rx.dialog.root(
        rx.dialog.content(rx.cond(Choices.made, _secret(), _form()), class_name="sure"),
        open=Choices.asking,
        on_open_change=Choices.ask,
    )


def _form() -> rx.Component:
    return rx.fragment(
        rx.dialog.title("New API key"),
        rx.el.form(
            rx.el.label("Name", rx.el.span("*", class_name="req"), html_for="key-name", class_name="label"),
            rx.el.input(
                id="key-name",
                name="name",
                class_name="field",
                placeholder="What it is for",
                required=True,
                max_length=100,
            ),
            rx.el.fieldset(
                rx.el.legend("It may", class_name="label"),
                *[_scope(scope, words) for scope, words in SCOPE_WORDS.items()],
                class_name="scopes",
            ),
            rx.el.footer(
                rx.dialog.close(rx.el.button("Cancel", type="button", class_name="btn")),
                rx.el.button("Make the key", type="submit", class_name="btn primary"),
                class_name="foot",
            ),
            on_submit=Choices.create,
        ),
    )


def _scope(scope: str, words: str) -> rx.Component:
    return rx.el.label(
        rx.el.input(type="checkbox", name=f"scope-{scope}", default_checked=scope in ("read", "run")),
        rx.el.span(words),
        class_name="check",
    )


def _secret() -> rx.Component:
    return rx.fragment(
        rx.dialog.title("Copy the key now"),
        rx.dialog.description("Only its hash is kept. It cannot be shown again."),
        rx.el.div(
            icon("key"),
            rx.el.code(Choices.made, class_name="mono grow", data_testid="api-key"),
            copy_button(text=Choices.made),
            class_name="command",
        ),
        rx.el.footer(rx.dialog.close(rx.el.button("Done", type="button", class_name="btn primary")), class_name="foot"),
    )


def _revoke() -> rx.Component:
    name = Choices.doomed["name"]
    return rx.alert_dialog.root(
        rx.alert_dialog.content(
            rx.alert_dialog.title(f"Revoke {name}?"),
            rx.alert_dialog.description("Programs that use it are shut out at once. It cannot be brought back."),
            rx.el.footer(
                rx.alert_dialog.cancel(rx.el.button("Keep it", type="button", class_name="btn")),
                rx.alert_dialog.action(
                    rx.el.button("Revoke", type="button", class_name="btn danger solid", on_click=Choices.revoke)
                ),
                class_name="foot",
            ),
            class_name="sure",
        ),
        open=Choices.doomed.length() > 0,
        on_open_change=lambda _open: Choices.doom("", ""),
    )
