"""The first page: a guide, the workflows, the templates."""

from __future__ import annotations

import re

import reflex as rx

from components.icons import STATUS_ICONS, icon
from components.layout import link
from components.live import hotkey, import_file, when
from components.thumbnail import LARGE, thumbnail
from engine.services import catalog
from nexod_app.drawings import groups
from nexod_app.shell import page as shell
from nexod_app.workflows import view
from nexod_app.workflows.dialogs import dialogs
from nexod_app.workflows.state import Workflows
from nexod_app.workflows.view import Row

EXAMPLE = "research-review-publish"
SHOWN = 4


def page() -> rx.Component:
    return shell(
        "Workflows",
        _top(),
        rx.el.main(
            rx.el.div(_guide(), _list(), templates("Start from a template", SHOWN), class_name="wrap"),
            class_name="page",
        ),
        dialogs(),
        refresh=Workflows.load,
    )


def _top() -> rx.Component:
    return rx.el.header(
        rx.el.h1("Workflows"),
        rx.el.span(class_name="grow"),
        search("Search workflows", Workflows.query, Workflows.find),
        import_file(
            icon("import"),
            rx.el.span("Import", class_name="sr-m"),
            on_done=Workflows.imported,
            on_refused=Workflows.refuse,
            data_testid="import-input",
        ),
        rx.el.button(
            icon("plus", bold=True),
            "New workflow",
            type="button",
            class_name="btn primary",
            data_testid="new-workflow",
            on_click=Workflows.create,
        ),
        class_name="top wide",
    )


def search(words: str, query: rx.Var[str], find: rx.event.EventCallback[str]) -> rx.Component:
    """The search field of a page; `/` goes there."""
    field = rx.el.input(
        id="search",
        type="search",
        class_name="field",
        placeholder=words,
        aria_label=words,
        value=query,
        on_change=find,
    )
    return rx.el.div(
        icon("search"),
        rx.debounce_input(field, debounce_timeout=200),
        rx.el.kbd("/"),
        hotkey(press="/", focus="#search"),
        class_name="find",
    )


def _guide() -> rx.Component:
    return rx.cond(
        Workflows.guide.open & (Workflows.hidden != "yes"),
        rx.el.section(
            rx.el.header(
                rx.el.h2("Four steps to your own workflow"),
                rx.el.span(Workflows.guide.words, class_name="chip num"),
                rx.el.span(class_name="grow"),
                rx.el.button(
                    icon("x"),
                    type="button",
                    class_name="btn ghost icon sm",
                    title="Hide this guide",
                    on_click=Workflows.hide,
                ),
            ),
            rx.el.ol(
                _step(
                    0,
                    "Run the example",
                    "It uses the demo model, so no key is needed.",
                    rx.el.button(
                        "Open the example", type="button", class_name="btn sm", on_click=Workflows.start(EXAMPLE)
                    ),
                ),
                _step(
                    1,
                    "Answer a question",
                    "The example waits for you: approve or reject its draft.",
                    link("/inbox", "Open inbox", class_name="btn sm"),
                ),
                _step(
                    2,
                    "Add a model key",
                    "Then answers are real. The key stays on this machine.",
                    link("/settings", "See how", class_name="btn sm"),
                ),
                _step(3, "Make it yours", "Change a step, or start from a template below.", rx.fragment()),
                class_name="steps",
            ),
            class_name="guide",
            aria_label="First steps",
        ),
    )


def _step(index: int, title: str, text: str, action: rx.Component) -> rx.Component:
    mark = Workflows.guide.steps[index]
    return rx.el.li(
        rx.el.span(rx.cond(mark == "done", icon("check", 14, bold=True), f"{index + 1}"), class_name="i"),
        rx.el.b(title, rx.cond(mark == "done", rx.el.span(", done", class_name="sr"))),
        rx.el.p(text),
        rx.cond(mark == "on", action),
        class_name=f"step {mark}",
    )


def _list() -> rx.Component:
    return rx.fragment(
        rx.el.div(
            rx.el.h2("Your workflows"),
            rx.el.span(Workflows.rows.length(), class_name="t3 num"),
            rx.el.span(class_name="grow"),
            rx.el.select(
                rx.el.option("Last changed", value="changed"),
                rx.el.option("Name", value="name"),
                class_name="field order",
                aria_label="Order",
                value=Workflows.order,
                on_change=Workflows.sort,
            ),
            class_name="sec",
        ),
        rx.cond(
            Workflows.rows,
            rx.el.ul(_head(), rx.foreach(Workflows.rows, _row), class_name="rows"),
            rx.cond(Workflows.loaded, _empty(), _skeleton()),
        ),
    )


def _head() -> rx.Component:
    words = ["", "Workflow", "Target", "Last 10 runs", "Now", "Changed", ""]
    return rx.el.li(*[rx.el.span(word) for word in words], class_name="wr head", aria_hidden="true")


def _row(row: rx.Var[Row]) -> rx.Component:
    return rx.el.li(
        rx.html(row.thumb),
        rx.el.div(
            link(f"/workflows/{row.id}", row.name, class_name="n clip"),
            rx.el.div(row.description, class_name="d clip"),
            class_name="grow",
        ),
        rx.el.span(rx.el.span(row.target, class_name="chip"), class_name="hide-m"),
        rx.el.div(rx.foreach(row.bars, lambda bar: rx.el.i(class_name=bar)), class_name="spark", title="Last 10 runs"),
        rx.el.span(_now(row), class_name="stc"),
        when(at=row.changed, class_name="t3 cap num"),
        rx.el.span(icon("dots"), class_name="rest"),
        _acts(row),
        class_name="wr",
        data_testid="workflow-row",
        key=row.id,
    )


def _now(row: rx.Var[Row]) -> rx.Component:
    sign = rx.match(row.status, *STATUS_ICONS.items(), "dot")
    return rx.el.span(icon(sign, 14, bold=True, class_name="spin"), row.now, class_name=f"st s-{row.status}")


def _acts(row: rx.Var[Row]) -> rx.Component:
    return rx.el.div(
        _act("play", "Run", on_click=Workflows.run(row.id, row.ask)),
        _act("copy", "Duplicate", on_click=Workflows.duplicate(row.id)),
        rx.el.a(
            icon("export"),
            href=f"/api/v1/workflows/{row.id}/export",
            reload_document=True,
            class_name="btn ghost icon sm",
            title="Export",
            aria_label="Export",
            data_testid="export-button",
        ),
        _act("trash", "Delete", on_click=Workflows.doom(row.id, row.name), data_testid="delete-button"),
        class_name="acts",
    )


def _act(sign: str, word: str, **props: object) -> rx.Component:
    return rx.el.button(icon(sign), type="button", class_name="btn ghost icon sm", title=word, aria_label=word, **props)


def _empty() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.span(icon("flow", 20), class_name="em"),
            rx.el.b(rx.cond(Workflows.query == "", "No workflows yet", "Nothing found"), class_name="strong"),
            rx.el.p(
                rx.cond(
                    Workflows.query == "",
                    "Draw one from an empty page, or start from a template below.",
                    "No workflow has these words in its name or description.",
                )
            ),
            class_name="empty",
        ),
        class_name="card nothing",
    )


def _skeleton() -> rx.Component:
    return rx.el.div(*[rx.el.div(class_name="sk line") for _ in range(3)], class_name="late", aria_hidden="true")


def templates(title: str, most: int | None = None) -> rx.Component:
    """The gallery; a click makes a workflow of it."""
    gallery = catalog.templates()
    rest = len(gallery) - (most or len(gallery))
    more = link("/library/templates", f"All {len(gallery)} templates", class_name="link") if rest else rx.fragment()
    return rx.fragment(
        rx.el.div(rx.el.h2(title), rx.el.span(class_name="grow"), more, class_name="sec", id="templates"),
        rx.el.div(*[_card(one) for one in gallery[:most]], class_name="tpl"),
    )


def _card(template: dict) -> rx.Component:
    spec = template["spec"]
    key = "Needs a key" if view.needs_key(spec) else "No key needed"
    # The hook's rule reads two ways where a name has ", " in it: one dash, or one for each character.
    each = re.sub(r"[^a-z0-9]", "-", template["name"].lower())
    also = {"data_testid": f"template-{each}"} if each != template["slug"] else {}
    return rx.el.button(
        rx.html(thumbnail(spec, groups(), LARGE), class_name="art"),
        rx.el.span(
            rx.el.b(template["name"]),
            rx.el.p(template["description"]),
            rx.el.span(
                rx.el.span(view.steps(spec), class_name="chip"), rx.el.span(key, class_name="chip"), class_name="tg"
            ),
            class_name="tx",
            **also,
        ),
        type="button",
        class_name="tc",
        data_testid=f"template-{template['slug']}",
        on_click=Workflows.start(template["slug"]),
    )
