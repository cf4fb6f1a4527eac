"""The inbox: questions on the left, the open one with its answer on the right."""

from __future__ import annotations

import reflex as rx

from components.icons import status_chip, tile
from components.layout import link
from components.live import hotkey, left, when
from nexod_app.inbox.detail import detail
from nexod_app.inbox.state import Inbox
from nexod_app.inbox.view import Item
from nexod_app.shell import page as shell


def page() -> rx.Component:
    return shell(
        "Inbox",
        rx.el.main(
            _list(),
            detail(),
            hotkey(press="j", on_press=Inbox.step(1)),
            hotkey(press="k", on_press=Inbox.step(-1)),
            class_name=rx.cond(Inbox.chosen, "inbox opened", "inbox"),
        ),
        refresh=Inbox.refresh,
    )


def _list() -> rx.Component:
    return rx.el.section(
        rx.el.header(rx.el.h1("Inbox")),
        rx.el.div(
            _tab("open", "To answer", rx.el.span(Inbox.items.length(), class_name="t3 num")),
            _tab("answered", "Answered"),
            class_name="seg",
            role="tablist",
            aria_label="Which questions",
        ),
        rx.el.div(
            rx.cond(
                Inbox.tab == "open",
                rx.cond(
                    Inbox.items | Inbox.answered,
                    rx.el.ul(rx.foreach(Inbox.items, _item), rx.foreach(Inbox.answered, _item)),
                    rx.cond(Inbox.loaded, _nothing_answered()),
                ),
                rx.cond(Inbox.answered, rx.el.ul(rx.foreach(Inbox.answered, _item)), _nothing_answered()),
            ),
            class_name="scrolls",
        ),
        class_name="list",
        aria_label="Questions",
    )


def _tab(value: str, word: str, *more: rx.Component) -> rx.Component:
    return rx.el.button(
        word,
        *more,
        type="button",
        role="tab",
        custom_attrs={"aria-selected": rx.cond(Inbox.tab == value, "true", "false")},
        on_click=Inbox.show(value),
    )


def _item(item: rx.Var[Item]) -> rx.Component:
    waits = item.status == "pending"
    card = link(
        f"/inbox/{item.id}",
        tile(item.icon, item.group, "m"),
        rx.el.span(item.question, class_name="what"),
        rx.el.span(item.place, class_name="mt clip"),
        rx.el.span(rx.cond(waits, _urgency(item), _outcome(item)), class_name="d"),
        class_name=rx.cond(waits, "item", "item done"),
        custom_attrs={
            "aria-current": rx.cond(Inbox.card.id == item.id, "true", "false"),
            "data-id": item.id,
            "data-testid": rx.cond(waits, "inbox-item", "answered-item"),
        },
    )
    return rx.el.li(rx.cond(item.heading, rx.el.h3(item.heading)), card, key=item.id)


def _urgency(item: rx.Var[Item]) -> rx.Component:
    asked = rx.el.span("asked ", when(at=item.asked_at))
    return rx.cond(item.deadline_at, left(at=item.deadline_at), asked)


def _outcome(item: rx.Var[Item]) -> rx.Component:
    return rx.fragment(
        status_chip(item.status),
        rx.el.span(item.by, rx.cond(item.decided_at, ", ", ""), when(at=item.decided_at, clock=True)),
    )


def _nothing_answered() -> rx.Component:
    return rx.el.p("Nothing here yet. When a workflow needs an answer, it shows up.", class_name="hint padded")
