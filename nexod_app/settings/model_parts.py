"""The sections about models: who answers, what tokens cost."""

from __future__ import annotations

import reflex as rx

from components.icons import icon
from components.live import copy_button
from nexod_app.settings.model_state import Models
from nexod_app.settings.models import Price, Provider
from nexod_app.settings.section import section

PER = "$ per million"


def who_answers() -> rx.Component:
    return section(
        "Models",
        "Keys are read from the environment when Nexod starts; they are never stored and never shown.",
        rx.el.ul(_choice(), _budget(), rx.foreach(Models.providers, _provider), class_name="rows"),
    )


def _choice() -> rx.Component:
    ready = rx.foreach(
        Models.providers, lambda one: rx.cond(one.ready, rx.el.option(one.title, value=one.name), rx.fragment())
    )
    form = rx.el.form(
        rx.el.select(
            rx.el.option("the first one that is ready", value="auto"),
            ready,
            name="provider",
            default_value=Models.provider,
            class_name="field",
            aria_label="Provider",
            data_testid="settings-provider",
        ),
        rx.el.input(
            name="model",
            default_value=Models.model,
            class_name="field",
            placeholder="its own default model",
            max_length=200,
            aria_label="Model",
            data_testid="settings-model",
        ),
        rx.el.button("Save", type="submit", class_name="btn", data_testid="settings-save"),
        key=f"{Models.loaded}-{Models.provider}-{Models.model}",
        on_submit=Models.choose,
        class_name="chosen",
    )
    what = rx.el.div(
        rx.el.b("A step on auto asks", class_name="strong"),
        rx.el.p("OpenAI before Anthropic before the demo model, until one is chosen here.", class_name="t2"),
        class_name="grow",
    )
    return rx.el.li(what, form, class_name="set")


def _budget() -> rx.Component:
    form = rx.el.form(
        *_limit("cost_usd", "Dollars", Models.budget["cost_usd"], min="0", step="any"),
        *_limit("tokens", "Tokens", Models.budget["tokens"], min="1", step="1"),
        rx.el.button("Save", type="submit", class_name="btn", data_testid="budget-save"),
        key=f"{Models.loaded}-{Models.budget['cost_usd']}-{Models.budget['tokens']}",
        on_submit=Models.limit,
        class_name="chosen",
    )
    what = rx.el.div(
        rx.el.b("A run may spend", class_name="strong"),
        rx.el.p("Then it waits in the inbox, where a person allows it more or ends it.", class_name="t2"),
        class_name="grow",
    )
    return rx.el.li(what, form, class_name="set")


def _limit(name: str, title: str, value: rx.Var[str], **more: str) -> tuple[rx.Component, rx.Component]:
    words = rx.el.label(title, html_for=f"budget-{name}", class_name="t2 cap", align_self="center")
    field = rx.el.input(
        id=f"budget-{name}", name=name, default_value=value, type="number", placeholder="no end",
        disabled=~Models.loaded, class_name="field num", data_testid=f"budget-{name}", **more,
    )  # fmt: skip
    return words, field


def _provider(one: rx.Var[Provider]) -> rx.Component:
    ready = rx.el.span(icon("check", 14, bold=True), "Ready", class_name="st s-completed")
    unset = rx.el.span(icon("dot", 14, bold=True), "Not set", class_name="st s-idle")
    how = rx.el.div(rx.el.code(one.line, class_name="mono grow"), copy_button(text=one.line), class_name="command")
    asked = rx.cond(one.auto, rx.el.span("Asked by steps on auto", class_name="t3 cap"))
    return rx.el.li(
        rx.el.div(rx.el.b(one.title, class_name="strong"), rx.el.p(one.text, class_name="t2"), class_name="grow"),
        rx.cond(one.ready, asked, how),
        rx.cond(one.ready, ready, unset),
        class_name="set",
    )


def prices() -> rx.Component:
    head = rx.el.li(*[rx.el.span(word) for word in ("Model", "Input", "Output", "")], class_name="pr head")
    return section(
        "What tokens cost",
        f"Dollars per million tokens, for calls from now on. A model that is not listed counts as free. {Models.used}",
        rx.el.ul(head, rx.foreach(Models.prices, _price), class_name="rows tall"),
        _dialog(),
        action=rx.el.button(
            icon("plus", bold=True), "Add a price", type="button", class_name="btn", on_click=Models.edit("", "", "")
        ),
    )


def _price(one: rx.Var[Price]) -> rx.Component:
    change = rx.el.button(
        "Change",
        type="button",
        class_name="btn ghost sm",
        aria_label=f"Change the price of {one.model}",
        on_click=Models.edit(one.model, one.input, one.output),
    )
    back = rx.el.button(
        "Take back",
        type="button",
        class_name="btn ghost sm",
        aria_label=f"Take back the price of {one.model}",
        on_click=Models.reset_price(one.model),
    )
    return rx.el.li(
        rx.el.span(one.model, class_name=rx.cond(one.own, "mono clip strong", "mono clip")),
        rx.el.span(one.input, class_name="num t2"),
        rx.el.span(one.output, class_name="num t2"),
        rx.el.div(rx.cond(one.own, back), change, class_name="end"),
        class_name="pr",
        key=one.model,
        data_testid="price-row",
    )


def _dialog() -> rx.Component:
    draft = Models.draft
    name = rx.el.input(
        id="price-model",
        name="model",
        default_value=draft["model"],
        class_name="field",
        placeholder="as the provider calls it",
        required=True,
        max_length=200,
        disabled=draft["model"] != "",
    )
    return rx.dialog.root(
        rx.dialog.content(
            rx.dialog.title("Price of a model"),
            rx.el.form(
                _label("Model", "price-model"),
                name,
                _label(f"Input, {PER}", "price-input"),
                _amount("input", draft["input"]),
                _label(f"Output, {PER}", "price-output"),
                _amount("output", draft["output"]),
                rx.el.footer(
                    rx.dialog.close(rx.el.button("Cancel", type="button", class_name="btn")),
                    rx.el.button("Save the price", type="submit", class_name="btn primary"),
                    class_name="foot",
                ),
                on_submit=Models.save,
            ),
            class_name="sure",
        ),
        open=draft.length() > 0,
        on_open_change=Models.close,
    )


def _label(words: str, field: str) -> rx.Component:
    return rx.el.label(words, rx.el.span("*", class_name="req"), html_for=field, class_name="label")


def _amount(name: str, value: rx.Var[str]) -> rx.Component:
    return rx.el.input(
        id=f"price-{name}", name=name, default_value=value, class_name="field num", required=True,
        type="number", min="0", step="any",
    )  # fmt: skip
