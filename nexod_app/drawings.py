"""What pages keep of the engine's facts between two looks: drawings never change, kinds not while we run."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from components.icons import sign
from engine.services import catalog, runs
from engine.store.session import Workspace


def flow_of(ws: Workspace, run_id: str) -> dict[str, Any]:
    """The workflow that the run follows, frozen."""
    return _flow(_Held(ws), run_id)


class _Held:
    """A workspace as a key of the cache: equal for equal ids, asked through whoever came first."""

    def __init__(self, ws: Workspace) -> None:
        self.ws = ws

    def __hash__(self) -> int:
        return hash(self.ws.id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other.ws.id == self.ws.id


@lru_cache(maxsize=512)
def _flow(held: _Held, run_id: str) -> dict[str, Any]:
    return runs.graph(held.ws, run_id)


@cache
def kinds() -> dict[str, dict[str, Any]]:
    """Every kind by its name, with the sprite's name of its icon."""
    return {one["kind"]: {**one, "icon": sign(one["kind"], one["icon"])} for one in catalog.node_types()}


@cache
def groups() -> dict[str, str]:
    """The group of each kind, as the look writes it."""
    return {kind: one["group"].lower() for kind, one in kinds().items()}
