"""Every handler of every State is a public endpoint: none answers somebody who is not signed in."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import reflex as rx

from engine.errors import Unauthorized
from engine.settings import Settings
from engine.store import migrate
from nexod_app import nexod_app, site
from nexod_app.site import Site

STATES = [state for state in rx.State.get_substates() if state.__module__.startswith(nexod_app.__package__ or "")]
HANDLERS = [(state, name) for state in STATES for name in state.event_handlers if name != "setvar"]
EXAMPLES: dict[Any, Any] = {str: "x", bool: True, int: 1, dict: {}, dict[str, Any]: {}}


@pytest.fixture
def empty_site(tmp_path: Path) -> Iterator[None]:
    before = site.current()
    here = Site(Settings.read({"NEXOD_DATA": str(tmp_path)}))
    migrate.migrate(here.db)
    site.use(here)
    yield
    asyncio.run(here.close())
    site.use(before)


def test_there_are_states_to_look_at() -> None:
    assert {state.__name__ for state in STATES} >= {"Shell", "Workflows", "Runs", "Inbox", "Library", "Choices"}


@pytest.mark.parametrize(("state", "name"), HANDLERS, ids=[f"{state.__name__}.{name}" for state, name in HANDLERS])
@pytest.mark.usefixtures("empty_site")
def test_no_handler_answers_a_stranger(state: type[rx.State], name: str) -> None:
    handler = state.event_handlers[name].fn
    hints = get_type_hints(handler)
    names = [one for one in inspect.signature(handler).parameters if one != "self"]
    with pytest.raises(Unauthorized):
        asyncio.run(handler(state(_reflex_internal_init=True), *[EXAMPLES[hints[one]] for one in names]))


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_no_variable_can_be_set_from_outside(state: type[rx.State]) -> None:
    # Reflex gives every state a handler `setvar`; it calls setters, so there must be none.
    assert not [name for name in state.base_vars if hasattr(state, f"set_{name}")]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_a_state_is_small_and_stands_right_under_the_root(state: type[rx.State]) -> None:
    assert state.__bases__ == (rx.State,)
    assert len(state.base_vars) <= 8
    assert not state.computed_vars
