"""The library: every kind of step, tool and agent with its help, and the templates.

All of it is drawn when the page is built.
"""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.icons import icon, sign, tile
from components.layout import link
from components.live import copy_button
from engine.services import catalog
from nexod_app import prose
from nexod_app.drawings import kinds
from nexod_app.library import view
from nexod_app.library.state import Library
from nexod_app.library.view import Entry, Field
from nexod_app.shell import page as shell
from nexod_app.workflows.page import search, templates


def page() -> rx.Component:
    known = entries()
    return shell(
        "Library",
        rx.el.main(
            _list(known),
            rx.el.section(
                rx.match(Library.kind, *[(one.id, _detail(one)) for one in known], _gallery()),
                class_name="detail",
                aria_label="Help",
            ),
            class_name=rx.cond(Library.kind, "inbox library opened", "inbox library"),
        ),
    )


def entries() -> list[Entry]:
    return [
        *(view.of_kind(kind) for kind in kinds().values()),
        *(view.of_tool(tool) for tool in catalog.tools()),
        *(view.of_agent(agent) for agent in catalog.agent_library()),
    ]


def _list(known: list[Entry]) -> rx.Component:
    return rx.el.section(
        rx.el.header(rx.el.h1("Library")),
        search("Search the library", Library.query, Library.find),
        rx.el.div(
            link(
                "/library/templates",
                rx.el.span(icon("template"), class_name="tile m g-logic"),
                rx.el.span("Templates", class_name="what"),
                rx.el.span("Whole workflows to start from", class_name="mt clip"),
                class_name="item",
                custom_attrs={"aria-current": rx.cond(_is_gallery(), "true", "false")},
            ),
            *[_group(name, members) for name, members in view.grouped(known)],
            class_name="scrolls",
        ),
        class_name="list",
        aria_label="Steps, tools and agents",
    )


def _group(name: str, members: list[Entry]) -> rx.Component:
    """Its heading stays while one of its entries is shown."""
    found = [_matches(entry) for entry in members]
    some = found[0]
    for one in found[1:]:
        some = some | one
    items = [rx.cond(match, _item(entry)) for match, entry in zip(found, members, strict=True)]
    return rx.cond(some, rx.fragment(rx.el.h3(name), rx.el.ul(*items)))


def _matches(entry: Entry) -> rx.Var[bool]:
    return rx.Var.create(entry.words).contains(Library.query)


def _item(entry: Entry) -> rx.Component:
    card = link(
        f"/library/{entry.id}",
        tile(sign(entry.name, entry.icon), entry.tone, "m"),
        rx.el.span(entry.title, class_name="what"),
        rx.el.span(view.first_line(entry.help), class_name="mt clip"),
        class_name="item",
        custom_attrs={"aria-current": rx.cond(Library.kind == entry.id, "true", "false")},
    )
    return rx.el.li(card)


def _is_gallery() -> rx.Var[bool]:
    return (Library.kind == "") | (Library.kind == "templates")


def _gallery() -> rx.Component:
    return rx.fragment(
        rx.el.div(_back(), rx.el.span("Whole workflows"), class_name="bar"),
        rx.el.div(templates("Templates"), class_name="scrolls gallery"),
    )


def _back() -> rx.Component:
    return link("/library", icon("left", 20), class_name="btn ghost icon back", aria_label="Back to library")


def _detail(entry: Entry) -> rx.Component:
    return rx.fragment(
        rx.el.div(
            _back(),
            rx.el.span(entry.group),
            class_name="bar",
        ),
        rx.el.div(
            rx.el.div(
                tile(sign(entry.name, entry.icon), entry.tone),
                rx.el.div(
                    rx.el.h2(entry.title),
                    rx.el.div(rx.el.code(entry.name, class_name="mono"), class_name="by"),
                    class_name="grow",
                ),
                class_name="ttl",
            ),
            rx.el.div(
                rx.el.div(_help(entry), *[_fields(*table) for table in entry.tables], class_name="stack wide"),
                rx.el.div(_chips(*entry.chips), _sample(*entry.sample), class_name="stack wide"),
                class_name="pane",
            ),
            class_name="scrolls",
        ),
    )


def _help(entry: Entry) -> rx.Component:
    return rx.el.div(rx.html(prose.markdown(entry.help, wrapped=True), class_name="doc md"), class_name="card")


def _fields(heading: str, fields: list[Field]) -> rx.Component:
    if not fields:
        return rx.fragment()
    head = rx.el.thead(rx.el.tr(*[rx.el.th(word, scope="col") for word in ("Field", "Takes", "What it does")]))
    return rx.el.div(
        rx.el.header(heading),
        rx.el.div(rx.el.table(head, rx.el.tbody(*[_field(one) for one in fields])), class_name="table"),
        class_name="card",
    )


def _field(field: Field) -> rx.Component:
    star = rx.el.span("required", class_name="chip") if field.required else rx.fragment()
    default = rx.el.span(f"else {field.default}", class_name="t3 cap") if field.default else rx.fragment()
    return rx.el.tr(
        rx.el.td(rx.el.code(field.name, class_name="mono"), " ", star),
        rx.el.td(field.type, " ", default),
        rx.el.td(field.text, class_name="t2"),
    )


def _chips(heading: str, words: list[str]) -> rx.Component:
    chips = [rx.el.span(word, class_name="chip mono" if heading == "Ports" else "chip") for word in words]
    return rx.el.div(
        rx.el.header(heading),
        rx.el.div(*chips, class_name="chips padded")
        if chips
        else rx.el.p("None: nothing follows it.", class_name="padded t2"),
        class_name="card",
    )


def _sample(heading: str, value: Any) -> rx.Component:
    text = view.sample(value)
    return rx.el.div(
        rx.el.header(heading, rx.el.span(class_name="grow"), copy_button(text=text)),
        rx.el.pre(text, class_name="pre padded"),
        class_name="card",
    )
