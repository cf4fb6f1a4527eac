"""The first page: a guide, the workflows, the templates."""

from __future__ import annotations

import reflex as rx

from components.layout import frame


def page() -> rx.Component:
    return frame("Workflows", rx.el.header(rx.el.h1("Workflows"), class_name="top"))
