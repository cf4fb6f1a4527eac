"""Icons: one sprite (`assets/icons.svg`), drawn at 14, 16, 18 or 20."""

from __future__ import annotations

import reflex as rx


class Icon(rx.Component):
    """A picture of the sprite by name."""

    library = f"$/public{rx.asset('icon.jsx', shared=True)}"
    tag = "Icon"

    name: rx.Var[str]
    size: rx.Var[int]
    bold: rx.Var[bool]


def icon(name: str | rx.Var[str], size: int = 16, *, bold: bool = False, class_name: str = "") -> rx.Component:
    return Icon.create(name=name, size=size, bold=bold, class_name=class_name)
