"""The settings of a collection: where it is kept, how it is searched, how it is used, and its end."""

from __future__ import annotations

import reflex as rx

from components.icons import icon
from components.live import copy_button
from nexod_app.knowledge.documents import meter
from nexod_app.knowledge.state import Move, Shelf
from nexod_app.knowledge.view import Choice
from nexod_app.settings.section import section


def settings() -> rx.Component:
    return rx.el.div(_place(), _cutting(), _use(), _end(), class_name="wrap narrow")


def _place() -> rx.Component:
    chosen_store = rx.cond(Move.store, Move.store, Shelf.head.store)
    chosen_embedding = rx.cond(Move.embedding, Move.embedding, Shelf.head.embedding)
    changed = (chosen_store != Shelf.head.store) | (chosen_embedding != Shelf.head.embedding)
    return section(
        "Where it is kept, and how it is searched",
        "Everything is copied and checked first; searches go on with the old one until the new one is whole.",
        rx.el.div(
            _choose("What a search finds", "embedding", Move.embeddings, chosen_embedding),
            _choose("Where passages are kept", "store", Move.stores, chosen_store),
            rx.cond(
                Shelf.head.moving,
                rx.el.div(
                    rx.el.span(Shelf.head.moving, class_name="t2 num", aria_live="polite"),
                    meter(Shelf.head.moved, "Moving"),
                    rx.el.button("Stop", type="button", class_name="btn sm", on_click=Move.stay),
                    class_name="moving",
                ),
                rx.el.div(
                    rx.cond(Shelf.head.fault, rx.el.p(Shelf.head.fault, class_name="fault", role="alert")),
                    rx.el.button(
                        rx.cond(changed, "Move it", "Embed it anew"), type="button", class_name="btn",
                        on_click=Move.move, data_testid="move-collection",
                    ),
                    class_name="row end",
                ),
            ),
            class_name="card fill",
        ),
    )  # fmt: skip


def _choose(title: str, name: str, choices: rx.Var[list[Choice]], chosen: rx.Var[str]) -> rx.Component:
    def radio(one: rx.Var[Choice]) -> rx.Component:
        return rx.el.label(
            rx.el.input(
                type="radio",
                name=f"move-{name}",
                value=one.name,
                checked=one.name == chosen,
                disabled=~one.ready | (Shelf.head.moving != ""),
                on_change=Move.choose(name, one.name),
            ),
            rx.el.span(rx.el.b(one.title), rx.el.span(one.text, class_name="t2 cap")),
            class_name=rx.cond(one.ready, "pick", "pick off"),
            key=one.name,
        )

    return rx.el.fieldset(rx.el.legend(title, class_name="label"), rx.foreach(choices, radio), class_name="picks")


def _cutting() -> rx.Component:
    return section(
        "How documents are cut",
        "Along headings and paragraphs, so that a passage makes sense by itself.",
        rx.el.div(
            rx.el.dl(
                rx.el.dt("A passage has"),
                rx.el.dd("about ", Shelf.head.chunk_size, " characters"),
                rx.el.dt("It repeats"),
                rx.el.dd("about ", Shelf.head.chunk_overlap, " of the one before"),
                class_name="kv wide grow",
            ),
            rx.el.button(icon("eye"), "Try it", type="button", class_name="btn", on_click=Shelf.add("cut")),
            class_name="card padded row",
        ),
    )


def _use() -> rx.Component:
    def line(title: str, text: str, value: rx.Var[str] | str) -> rx.Component:
        return rx.el.li(
            rx.el.div(rx.el.b(title, class_name="strong"), rx.el.p(text, class_name="t2"), class_name="grow"),
            rx.el.div(
                rx.el.code(value, class_name="mono grow clip"), copy_button(text=value, label=""), class_name="command"
            ),
            class_name="set",
        )

    return section(
        "Use it",
        "In a workflow, put a step Search knowledge before a model call, and give the call what it found.",
        rx.el.ul(
            line("Collection", "What steps and agents that search know it by.", Shelf.head.name),
            line("In a prompt", "The passages with numbers, ready to be cited.", "{{ retrieve.text }}"),
            line("Id", "It stays the same for good.", Shelf.head.id),
            class_name="rows",
        ),
    )


def _end() -> rx.Component:
    return section(
        "Delete",
        "All its documents go for good: texts, passages and files.",
        rx.el.button(
            icon("trash"),
            "Delete this collection",
            type="button",
            class_name="btn danger",
            data_testid="delete-collection",
            on_click=Shelf.doom("collection", Shelf.head.id, Shelf.head.name),
        ),
    )
