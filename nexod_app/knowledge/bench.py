"""The test bench: a question, the passages that answer it, and why; two settings side by side."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.icons import icon
from nexod_app.knowledge.reading import Bench, Sheet
from nexod_app.knowledge.state import Shelf
from nexod_app.knowledge.trial import MODES, Match, Part, Side, Why


def bench() -> rx.Component:
    return rx.el.div(
        rx.cond(Shelf.progress.ready == 0, _nothing_to_search()),
        rx.el.form(
            rx.el.div(
                rx.el.input(
                    name="question",
                    class_name="field",
                    default_value=Bench.question,
                    placeholder="Ask what your documents should answer",
                    aria_label="Question",
                    required=True,
                    max_length=2000,
                    auto_complete="off",
                    data_testid="bench-question",
                ),
                rx.el.button(
                    icon("search"), "Search", type="submit", class_name="btn primary", data_testid="bench-ask"
                ),
                class_name="asking",
            ),
            rx.el.div(
                rx.foreach(Bench.sides, _side),
                class_name=rx.cond(Bench.sides.length() > 1, "sides both", "sides"),
            ),
            on_submit=Bench.ask,
            reset_on_submit=False,
        ),
        class_name="wrap",
    )


def _nothing_to_search() -> rx.Component:
    return rx.el.p(
        icon("warn", 14),
        "No document is searchable yet.",
        rx.el.button("Add documents", type="button", class_name="link", on_click=Shelf.show("documents")),
        class_name="mild",
    )


def _side(side: rx.Var[Side]) -> rx.Component:
    return rx.el.section(
        rx.el.div(
            _field("Search by", side, "mode", _modes(side)),
            _field("At most", side, "top_k", _input(side, "top_k", side.top_k, type="number", min="1", max="50")),
            _field("Least score", side, "min_score", _input(side, "min_score", side.min_score, placeholder="any")),
            _field("Filter", side, "filter", _input(side, "filter", side.filter, placeholder="title = Handbook")),
            rx.el.button(
                icon(rx.cond(side.name == "a", "columns", "x"), 14),
                rx.cond(side.name == "a", rx.cond(Bench.sides.length() > 1, "One only", "Compare"), "Close"),
                type="button",
                class_name="btn sm",
                data_testid=f"bench-compare-{side.name}",
                on_click=Bench.compare,
            ),
            class_name="knobs",
        ),
        rx.cond(side.fault, rx.el.p(side.fault, " ", side.cure, class_name="fault", role="alert")),
        rx.cond(side.warning, rx.el.p(icon("warn", 14), side.warning, class_name="mild")),
        rx.cond(
            side.matches,
            rx.fragment(
                rx.el.p(
                    side.matches.length(), " found in ", side.took, class_name="t3 cap num found", aria_live="polite"
                ),
                rx.el.ol(rx.foreach(side.matches, _match), class_name="matches"),
            ),
            rx.cond(side.asked & (side.fault == ""), _nothing()),
        ),
        key=side.name,
        aria_label=f"Settings {side.name}",
        data_testid=f"bench-{side.name}",
    )  # fmt: skip


def _field(title: str, side: rx.Var[Side], name: str, field: rx.Component) -> rx.Component:
    return rx.el.div(
        rx.el.label(title, html_for=f"{side.name}-{name}", class_name="label"), field, class_name=f"knob of-{name}"
    )


def _modes(side: rx.Var[Side]) -> rx.Component:
    return rx.el.select(
        *[rx.el.option(word, value=mode) for mode, word in MODES.items()],
        id=f"{side.name}-mode",
        name=f"{side.name}-mode",
        default_value=side.mode,
        class_name="field",
    )


def _input(side: rx.Var[Side], name: str, value: rx.Var[Any], **props: object) -> rx.Component:
    return rx.el.input(
        id=f"{side.name}-{name}", name=f"{side.name}-{name}", default_value=value, class_name="field num", **props
    )


def _nothing() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.b("No passage found", class_name="strong"),
            rx.el.p("Ask in the words of the documents, take a lower score, or leave the filter out."),
            class_name="empty",
        ),
        class_name="card nothing",
    )


def _match(one: rx.Var[Match]) -> rx.Component:
    return rx.el.li(
        rx.el.header(
            rx.el.span(one.n, class_name="rank num"),
            rx.el.button(one.title, type="button", class_name="link clip", on_click=Sheet.open(one.document)),
            rx.cond(one.place, rx.el.span(one.place, class_name="t3 cap clip")),
            rx.el.span(class_name="grow"),
            rx.el.div(_bar(one.width), class_name="score-bar"),
            rx.el.b(one.score, class_name="num", title="Score"),
        ),
        rx.el.p(rx.foreach(one.parts, _part)),
        rx.cond(one.why, rx.el.div(rx.foreach(one.why, _why), class_name="why")),
        key=one.n,
        class_name="card match",
        data_testid="match",
    )


def _part(part: rx.Var[Part]) -> rx.Component:
    return rx.cond(part.hit, rx.el.mark(part.text), rx.el.span(part.text))


def _why(one: rx.Var[Why]) -> rx.Component:
    return rx.el.div(rx.el.span(one.name), _bar(one.width), rx.el.span(one.value, class_name="num"), class_name="part")


def _bar(width: rx.Var[int]) -> rx.Component:
    return rx.el.div(
        rx.el.i(style={"transform": f"scaleX(calc({width} / 100))"}), class_name="meter", aria_hidden="true"
    )
