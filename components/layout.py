"""The frame of every page: menu or rail, theme, and on a phone the tab bar."""

from __future__ import annotations

import reflex as rx
from reflex.style import resolved_color_mode, toggle_color_mode
from reflex_components_core.react_router import ReactRouterLink

from components.icons import icon
from components.live import keys

PLACES = (
    ("/", "Workflows", "flow"),
    ("/runs", "Runs", "runs"),
    ("/inbox", "Inbox", "inbox"),
    ("/library", "Library", "library"),
    ("/knowledge", "Knowledge", "book"),
    ("/memory", "Memory", "memory"),
    ("/settings", "Settings", "settings"),
)
KEYS = (
    ("Search on this page", "/"),
    ("Next question in the inbox", "J"),
    ("Previous question", "K"),
    ("Approve, or run the workflow", "{mod} ↵"),
    ("Undo and redo in the editor", "{mod} Z, {mod} Y"),
)
API = "/api/v1/openapi.json"
IN_TABS = 4
"""What a phone has room for; the rest is behind More."""


def link(href: str | rx.Var[str], *children: object, **props: object) -> rx.Component:
    """A link inside the app: no reload."""
    return ReactRouterLink.create(*children, to=href, **props)


def frame(current: str, *body: rx.Component, waiting: rx.Var[int] | int = 0, wide: bool = True) -> rx.Component:
    """A page called `current`, with how many questions wait. `wide` is the menu with words, else the rail."""
    return rx.el.div(
        rail(current, waiting, wide),
        rx.el.div(*body, tab_bar(current, waiting), class_name="main"),
        class_name="app",
    )


def rail(current: str, waiting: rx.Var[int] | int, wide: bool) -> rx.Component:
    mark = rx.el.span(icon("logo", 20), class_name="mark")
    brand = rx.el.div(mark, "Nexod", class_name="brand") if wide else mark
    return rx.el.nav(
        brand,
        *[place(href, title, sign, current, waiting, 18, wide) for href, title, sign in PLACES],
        rx.el.div(shortcuts(wide), theme_toggle(wide), class_name="foot"),
        class_name="rail wide" if wide else "rail",
        aria_label="Main",
    )


def place(
    href: str, title: str, sign: str, current: str, waiting: rx.Var[int] | int, size: int, words: bool = True
) -> rx.Component:
    """One entry of the menu; the inbox carries its count."""
    here = {"aria-current": "page"} if title == current else {}
    count = counter(waiting) if title == "Inbox" else rx.fragment()
    return link(
        href,
        icon(sign, size),
        rx.el.span(title, class_name="" if words else "sr"),
        count,
        title="" if words else title,
        custom_attrs=here,
    )


def counter(waiting: rx.Var[int] | int) -> rx.Component:
    words = rx.el.span(" questions wait", class_name="sr")
    return rx.cond(waiting > 0, rx.el.b(waiting, words, class_name="n num"), rx.fragment())


def shortcuts(words: bool = True) -> rx.Component:
    """What the keyboard can do, one click away on every page."""
    opener = rx.el.button(
        icon("help", 18),
        rx.el.span("Help and shortcuts", class_name="" if words else "sr"),
        type="button",
        class_name="place",
        title="" if words else "Help and shortcuts",
    )
    rows = [part for what, key in KEYS for part in (rx.el.dt(what), rx.el.dd(keys(press=key)))]
    return rx.dialog.root(
        rx.dialog.trigger(opener),
        rx.dialog.content(
            rx.dialog.title("Help and shortcuts"),
            rx.dialog.description("The library explains each kind of step; programs find the API at ", API, "."),
            rx.el.dl(*rows, class_name="keys"),
            rx.el.footer(
                rx.dialog.close(rx.el.button("Close", type="button", class_name="btn primary")), class_name="foot"
            ),
            class_name="sure",
        ),
    )


def theme_toggle(words: bool = True) -> rx.Component:
    return rx.el.button(
        icon(rx.cond(resolved_color_mode == "dark", "moon", "sun"), 18),
        rx.el.span("Theme", class_name="" if words else "sr"),
        type="button",
        class_name="place",
        title="Light or dark",
        data_testid="theme-toggle",
        on_click=toggle_color_mode,
    )


def tab_bar(current: str, waiting: rx.Var[int] | int) -> rx.Component:
    return rx.el.nav(
        *[place(href, title, sign, current, waiting, 20) for href, title, sign in PLACES[:IN_TABS]],
        more(current),
        class_name="tabbar",
        aria_label="Main",
    )


def more(current: str) -> rx.Component:
    """The last tab: what has no room of its own."""
    chosen = {"aria-current": "page"} if current not in [title for _, title, _ in PLACES[:IN_TABS]] else {}
    opener = rx.el.button(icon("dots", 20), rx.el.span("More"), type="button", class_name="place", custom_attrs=chosen)
    return rx.dropdown_menu.root(
        rx.dropdown_menu.trigger(opener),
        rx.dropdown_menu.content(
            *[rx.dropdown_menu.item(title, on_select=rx.redirect(href)) for href, title, _ in PLACES[IN_TABS:]],
            rx.dropdown_menu.item("Light or dark", on_select=toggle_color_mode),
        ),
    )
