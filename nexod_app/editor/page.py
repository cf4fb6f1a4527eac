"""The editor page: what stands where. How it behaves is in components/canvas."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components import form
from components.canvas import canvas as c
from components.icons import icon, tile
from components.layout import link
from components.live import keys
from engine.services import catalog
from nexod_app.editor import view
from nexod_app.shell import page as shell


def page() -> rx.Component:
    kinds = [*view.kinds(), *view.presets()]
    return shell(
        "Workflows",
        c.Editor.create(
            top_bar(),
            rx.el.div(
                palette(kinds),
                rx.el.div(c.Canvas.create(), c.Dock.create(), class_name="stage"),
                inspector(),
                class_name="work",
            ),
            c.Dialogs.create(),
            types=kinds,
        ),
        wide=False,
    )


def top_bar() -> rx.Component:
    return rx.el.header(
        c.Action.create(icon("plus", 18), act="steps", class_name="btn ghost icon only-m", title="Steps"),
        rx.el.div(
            link("/", "Workflows", class_name="hide-m"),
            rx.el.span(icon("right", 14), class_name="hide-m"),
            c.Name.create(),
            class_name="crumb",
        ),
        c.SaveState.create(),
        rx.el.span(class_name="vr"),
        _action("undo", "undo", "Undo", data_testid="undo-button"),
        _action("redo", "redo", "Redo", data_testid="redo-button"),
        rx.el.span(class_name="grow"),
        c.TargetSwitch.create(data_testid="target-switch"),
        rx.el.span(class_name="vr"),
        c.Action.create(
            icon("clock", 18),
            rx.el.span("Versions", class_name="hide-s"),
            act="versions",
            class_name="btn ghost hide-m",
        ),
        c.Action.create(
            icon("code", 18),
            rx.el.span("Code", class_name="hide-s"),
            act="code",
            class_name="btn ghost hide-m",
            data_testid="view-code",
            title="View this workflow as Python",
        ),
        c.ExportButton.create(
            icon("download", 18),
            rx.el.span("Export", class_name="hide-s"),
            class_name="btn ghost hide-m",
            data_testid="export-button",
            title="Download this workflow as a file",
        ),
        _action("help", "help", "Keys and help"),
        c.Action.create(
            icon("play", 14),
            "Run",
            keys(press="{mod} ↵", class_name="hide-m"),
            act="run",
            class_name="btn primary",
            data_testid="run-button",
        ),
        class_name="top",
    )


def _action(act: str, sign: str, title: str, **more: Any) -> rx.Component:
    return c.Action.create(
        icon(sign, 18), act=act, title=title, aria_label=title, class_name="btn ghost icon hide-m", **more
    )


def palette(kinds: list[dict[str, Any]]) -> rx.Component:
    return rx.el.aside(
        rx.el.div(
            icon("search", 16), c.PaletteSearch.create(data_testid="palette-search"), rx.el.kbd("/"), class_name="find"
        ),
        *[
            rx.el.section(rx.el.h3(group), rx.el.ul(*[palette_row(kind) for kind in members]))
            for group, members in view.by_group(kinds)
        ],
        class_name="palette",
        aria_label="Steps",
    )


def palette_row(kind: dict[str, Any]) -> rx.Component:
    return c.PaletteItem.create(
        tile(kind["icon"], kind.get("tone") or kind["group"].lower(), "s"),
        rx.el.span(kind["title"]),
        icon("grip", 14, class_name="grip"),
        kind=kind["kind"],
        title=view.first_sentence(kind["help"]),
        data_testid=f"palette-{kind.get('name') or kind['kind']}",
    )


def inspector() -> rx.Component:
    described, tools = catalog.node_types(), catalog.tools()
    return c.Inspector.create(
        c.InspectorHead.create(),
        c.ForNothing.create(rx.el.div(form.workflow_form(), class_name="form")),
        c.ForMany.create(rx.el.div(_many(), class_name="form")),
        c.ForKind.create(c.Tabs.create()),
        *[_configure(kind, tools) for kind in described],
        c.ForKind.create(rx.el.div(c.DataTab.create(), class_name="form"), tab="data"),
        *[_reliability(kind) for kind in described],
        c.ForKind.create(_footer()),
    )


def _configure(kind: dict[str, Any], tools: list[dict[str, Any]]) -> rx.Component:
    fields = form.kind_form(kind["kind"], kind["config"], tools)
    return c.ForKind.create(rx.el.div(fields, class_name="form"), kind=kind["kind"], tab="configure")


def _reliability(kind: dict[str, Any]) -> rx.Component:
    fields = form.reliability(kind["shape"], kind["timeout_s"])
    return c.ForKind.create(rx.el.div(fields, class_name="form"), kind=kind["kind"], tab="reliability")


def _many() -> rx.Component:
    return rx.el.div(
        c.Action.create(icon("copy", 16), "Duplicate", act="duplicate", class_name="btn"),
        c.Action.create(icon("trash", 16), "Delete", act="remove", class_name="btn danger"),
        class_name="chips",
    )


def _footer() -> rx.Component:
    return rx.el.footer(
        rx.el.span(class_name="grow"),
        c.Action.create(icon("copy", 16), act="duplicate", class_name="btn ghost icon sm", title="Duplicate"),
        c.Action.create(icon("trash", 16), act="remove", class_name="btn ghost icon sm", title="Delete"),
    )
