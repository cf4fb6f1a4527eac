"""The way in: a link from the terminal, and a button that uses it."""

from __future__ import annotations

import reflex as rx

from components.icons import icon
from components.linked import linked
from components.live import copy_button

COMMAND = ".venv/bin/nexod login-link"


class SignIn(rx.Component):
    """The button when the address carries a token, else its children."""

    library = linked(__file__, "sign_in.jsx")
    tag = "SignIn"


def page() -> rx.Component:
    return rx.el.main(
        rx.el.section(
            rx.el.span(icon("logo", 26), class_name="mark"),
            rx.el.h1("Sign in to Nexod"),
            SignIn.create(_how()),
            class_name="door",
        ),
        class_name="login",
    )


def _how() -> rx.Component:
    return rx.fragment(
        rx.el.p("Open the sign-in link from your terminal. It was printed when Nexod started; this makes a new one:"),
        rx.el.div(
            icon("terminal", 16),
            rx.el.code(COMMAND, class_name="mono grow"),
            copy_button(text=COMMAND),
            class_name="command",
        ),
        rx.el.p("A link works once and only for a short time. There is no password.", class_name="hint"),
    )
