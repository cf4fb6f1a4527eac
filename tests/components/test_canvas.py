"""Python and JavaScript of the editor name the same things."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import reflex as rx

from components.canvas import canvas
from components.icons import SIGNS, STATUS_ICONS

HOME = Path(canvas.__file__).parent
SPRITE = HOME.parents[1] / "assets" / "icons.svg"
PARTS = [
    part for value in vars(canvas).values()
    if isinstance(value, type) and value.__module__ == canvas.__name__ and (part := value.create()).tag
]  # fmt: skip


def test_every_file_of_the_canvas_is_linked() -> None:
    assert {path.name for path in HOME.iterdir() if path.suffix in {".js", ".jsx", ".css"}} == set(canvas.FILES)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.tag)
def test_every_wrapper_has_its_component(part: rx.Component) -> None:
    source = (HOME / Path(str(part.library)).name).read_text()
    assert re.search(rf"export (const|function) {part.tag}\b", source)


def test_every_icon_is_in_the_sprite() -> None:
    drawn = set(re.findall(r'<symbol id="i-([\w-]+)"', SPRITE.read_text()))
    named = {*SIGNS, *STATUS_ICONS.values()}
    for path in HOME.glob("*.jsx"):
        named |= set(re.findall(r'(?:<Icon|<IconButton)[^>]*? name="([\w-]+)"', path.read_text()))
    assert named <= drawn
