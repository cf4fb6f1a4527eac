"""Sure to forget: an item, a whole thread, or a message of one."""

from __future__ import annotations

import reflex as rx
from reflex.event import EventType

from nexod_app.memory.state import Memory, Threads


def dialogs() -> rx.Component:
    item = _forget(
        "Forget this?",
        Memory.doomed["name"],
        Memory.doomed.length() > 0,
        Memory.forget,
        lambda _open: Memory.doom("", ""),
    )
    thread = _forget(
        f"Forget the thread {Threads.doomed}?",
        "All its messages go for good. The next run begins it anew.",
        Threads.doomed != "",
        Threads.forget,
        lambda _open: Threads.doom(""),
    )
    message = _forget(
        "Forget this message?",
        Threads.dropping["text"],
        Threads.dropping.length() > 0,
        Threads.forget_message,
        lambda _open: Threads.drop("", ""),
    )
    return rx.fragment(item, thread, message)


def _forget(
    title: str | rx.Var[str], text: str | rx.Var[str], open: rx.Var[bool], forget: EventType[()], close: EventType[bool]
) -> rx.Component:
    return rx.alert_dialog.root(
        rx.alert_dialog.content(
            rx.alert_dialog.title(title),
            rx.alert_dialog.description(text),
            rx.el.footer(
                rx.alert_dialog.cancel(rx.el.button("Keep it", type="button", class_name="btn")),
                rx.alert_dialog.action(
                    rx.el.button(
                        "Forget", type="button", class_name="btn danger solid", on_click=forget,
                        data_testid="confirm-forget",
                    )
                ),
                class_name="foot",
            ),
            class_name="sure",
        ),
        open=open,
        on_open_change=close,
    )  # fmt: skip
