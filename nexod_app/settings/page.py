"""The settings: which models answer, who may call the API, where things are kept."""

from __future__ import annotations

import reflex as rx

from components.icons import icon
from components.linked import linked
from components.live import when
from nexod_app.settings.dialogs import dialogs
from nexod_app.settings.model_parts import prices, who_answers
from nexod_app.settings.section import section
from nexod_app.settings.state import Choices
from nexod_app.settings.view import Key
from nexod_app.shell import page as shell


class SignOut(rx.Component):
    """Ends this browser's session."""

    library = linked(__file__, "sign_out.jsx")
    tag = "SignOut"


def page() -> rx.Component:
    return shell(
        "Settings",
        rx.el.header(rx.el.h1("Settings"), rx.el.span(class_name="grow"), SignOut.create(), class_name="top wide"),
        rx.el.main(rx.el.div(who_answers(), prices(), _keys(), _server(), class_name="wrap narrow"), class_name="page"),
        dialogs(),
    )


def _keys() -> rx.Component:
    head = rx.el.li(
        *[rx.el.span(word) for word in ("Name", "Key", "May", "Made", "Used", "")],
        class_name="kr head",
        aria_hidden="true",
    )
    return section(
        "API keys",
        "For programs that start runs or answer questions. A decision names the key that took it.",
        rx.cond(
            Choices.keys,
            rx.el.ul(head, rx.foreach(Choices.keys, _key), class_name="rows"),
            rx.cond(Choices.loaded, rx.el.div(rx.el.p("No keys yet.", class_name="t2"), class_name="card padded")),
        ),
        action=rx.el.button(
            icon("plus", bold=True), "New key", type="button", class_name="btn", on_click=Choices.ask(True)
        ),
    )


def _key(one: rx.Var[Key]) -> rx.Component:
    return rx.el.li(
        rx.el.b(one.name, class_name="strong clip"),
        rx.el.code(one.prefix, class_name="mono t2"),
        rx.el.span(one.scopes, class_name="t2 cap"),
        when(at=one.created_at, class_name="t3 cap num"),
        rx.cond(one.used_at, when(at=one.used_at, class_name="t3 cap num"), rx.el.span("never", class_name="t3 cap")),
        rx.el.button("Revoke", type="button", class_name="btn ghost sm", on_click=Choices.doom(one.id, one.name)),
        class_name="kr",
        key=one.id,
    )


def _server() -> rx.Component:
    return section(
        "This server",
        "How it was started. The environment decides; a change needs a restart.",
        rx.el.dl(
            rx.foreach(Choices.facts, lambda one: rx.fragment(rx.el.dt(one[0]), rx.el.dd(one[1]))),
            class_name="card padded kv wide",
        ),
    )
