"""The look: every colour is a token, and every pair that is read together passes WCAG AA in both themes."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOKENS = ROOT / "assets" / "tokens.css"
GROUPS = ("ai", "logic", "people", "data", "integration")
STATUSES = ("idle", "running", "waiting", "completed", "failed", "review")

TEXT = {
    *product(("text", "text-2", "text-3"), ("bg", "canvas", "surface", "inset", "hover")),
    *product(("text", "text-2"), ("active", "accent-soft", *(f"{status}-soft" for status in STATUSES))),
    *product(("accent-text",), ("surface", "accent-soft", "bg")),
    *((status, ground) for status in STATUSES for ground in (f"{status}-soft", "surface", "canvas")),
    *((f"g-{group}", ground) for group in GROUPS for ground in (f"g-{group}-soft", "surface")),
    ("on-accent", "accent"), ("on-accent", "accent-hover"), ("note-text", "note"),
    ("surface", "waiting"), ("text", "raised"), ("text-2", "raised"), ("text", "field"), ("text-3", "field"),
}  # fmt: skip
SHAPES = {
    *product((f"{status}-solid" for status in STATUSES), ("surface", "canvas", "inset")),
    *product(("ring", "accent", "edge"), ("surface", "canvas")),
    ("edge-faint", "canvas"), ("edge-taken", "canvas"), ("field-line", "surface"),
}  # fmt: skip


def colours(theme: str) -> dict[str, str]:
    block = re.search(rf'\[data-theme="{theme}"\]\s*\{{(.*?)\n\}}', TOKENS.read_text(), re.S)
    assert block, f"tokens.css has no theme {theme!r}"
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", block[1]))


def luminance(colour: str) -> float:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return sum(
        weight * (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
        for weight, part in ((0.2126, red), (0.7152, green), (0.0722, blue))
    )


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("pairs", "least"), [(TEXT, 4.5), (SHAPES, 3.0)], ids=["text", "shapes"])
def test_what_is_read_together_can_be_told_apart(theme: str, pairs: set[tuple[str, str]], least: float):
    value = colours(theme)
    weak = [f"{a} on {b}: {ratio:.2f}" for a, b in pairs if (ratio := contrast(value[a], value[b])) < least]
    assert not weak, f"{theme}, needed {least}: {sorted(weak)}"


def test_both_themes_have_the_same_tokens():
    assert colours("light").keys() == colours("dark").keys()


def test_a_colour_is_written_as_a_number_only_in_the_tokens():
    # Translucent black and white shade what lies below in both themes.
    number = re.compile(r"#[0-9a-fA-F]{3,8}\b(?!-)|\brgba?\((?!0 0 0 /|255 255 255 /)|\bhsla?\(|\boklch\(")
    drawn = [
        file
        for folder in ("assets", "components", "nexod_app")
        for file in (ROOT / folder).rglob("*")
        if file.suffix in {".css", ".jsx", ".js", ".py"} and file != TOKENS and "external" not in file.parts
    ]
    found = [
        f"{file.relative_to(ROOT)}:{number_of}: {hit[0]}"
        for file in drawn
        for number_of, line in enumerate(file.read_text().splitlines(), 1)
        for hit in number.finditer(line)
    ]
    assert not found, "\n" + "\n".join(found)
