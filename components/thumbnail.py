"""A workflow seen from afar: its own positions, its steps in the colours of their groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST = 80
"""Steps drawn; of a larger workflow nothing more could be told apart."""


@dataclass(frozen=True)
class Size:
    """A picture's size, a step's size in it, and how far apart columns and ranks stand at most."""

    width: float
    height: float
    bar: float
    thick: float
    column: float
    rank: float
    margin: float
    lane: float


SMALL = Size(84, 46, 16, 4.6, 21.6, 10.6, 5, 8)
LARGE = Size(220, 116, 38, 12, 51.3, 27.6, 9, 19)


def thumbnail(spec: Mapping[str, Any], groups: Mapping[str, str], size: Size = SMALL) -> str:
    """The picture as SVG text. `groups` names the group of each kind; only numbers and group names get in."""
    nodes = [node for node in spec.get("nodes", []) if node["kind"] != "note"][:MOST]
    places = _places(nodes, size)
    wires = [
        _wire(places[edge["source"]], places[edge["target"]], size)
        for edge in spec.get("edges", [])
        if edge["source"] in places and edge["target"] in places
    ]
    draw = _card if size is LARGE else _bar
    steps = [draw(places[node["id"]], groups.get(node["kind"], "logic"), size) for node in nodes]
    box = f'width="{size.width:g}" height="{size.height:g}" viewBox="0 0 {size.width:g} {size.height:g}"'
    return f'<svg class="th" {box} aria-hidden="true">{"".join(wires)}{"".join(steps)}</svg>'


def _places(nodes: list[Mapping[str, Any]], size: Size) -> dict[str, tuple[float, float]]:
    """The middle of each step, the whole fitted and centred."""
    if not nodes:
        return {}
    xs = [_at(node, "x") for node in nodes]
    ys = [_at(node, "y") for node in nodes]
    across = _scale(size.column / 260, size.width - size.bar - 2 * size.margin, max(xs) - min(xs))
    down = _scale(size.rank / 124, size.height - size.thick - 2 * size.margin, max(ys) - min(ys))
    left, top = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2
    return {
        node["id"]: (size.width / 2 + (x - left) * across, size.height / 2 + (y - top) * down)
        for node, x, y in zip(nodes, xs, ys, strict=True)
    }


def _at(node: Mapping[str, Any], axis: str) -> float:
    return float((node.get("position") or {}).get(axis, 0))


def _scale(most: float, room: float, needed: float) -> float:
    return min(most, room / needed) if needed > 0 else most


def _wire(source: tuple[float, float], target: tuple[float, float], size: Size) -> str:
    (x1, y1), (x2, y2) = source, target
    if y2 <= y1:
        return _back(source, target, size)
    y1, y2 = y1 + size.thick / 2, y2 - size.thick / 2
    bend = abs(y2 - y1) * 0.6
    return f'<path d="M{x1:.1f} {y1:.1f}C{x1:.1f} {y1 + bend:.1f} {x2:.1f} {y2 - bend:.1f} {x2:.1f} {y2:.1f}"/>'


def _back(source: tuple[float, float], target: tuple[float, float], size: Size) -> str:
    """A loop: out of the side, up a lane on the left, into the side."""
    (x1, y1), (x2, y2) = source, target
    left1, left2 = x1 - size.bar / 2, x2 - size.bar / 2
    lane = min(left1, left2) - size.lane
    turn = f"M{left1:.1f} {y1:.1f}H{lane + 4:.1f}Q{lane:.1f} {y1:.1f} {lane:.1f} {y1 - 4:.1f}"
    return f'<path d="{turn}V{y2 + 4:.1f}Q{lane:.1f} {y2:.1f} {lane + 4:.1f} {y2:.1f}H{left2:.1f}"/>'


def _bar(place: tuple[float, float], group: str, size: Size) -> str:
    x, y = place[0] - size.bar / 2, place[1] - size.thick / 2
    return f'<rect class="t g-{group}" x="{x:.1f}" y="{y:.1f}" width="{size.bar}" height="{size.thick}" rx="1.5"/>'


def _card(place: tuple[float, float], group: str, size: Size) -> str:
    x, y = place[0] - size.bar / 2, place[1] - size.thick / 2
    return (
        f'<rect class="n" x="{x:.1f}" y="{y:.1f}" width="{size.bar}" height="{size.thick}" rx="3.4"/>'
        f'<rect class="t g-{group}" x="{x + 2.5:.1f}" y="{y + 2.5:.1f}" width="7" height="7" rx="1.6"/>'
        f'<path class="l" d="M{x + 13:.1f} {place[1]:.1f}h20"/>'
    )
