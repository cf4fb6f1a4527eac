"""Their Python side: one function each."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.linked import linked

SCRIPT = linked(__file__, "live.jsx")
PERSON = linked(__file__, "person.js")
"""Of `live.jsx`, and of other folders' files that copy or name keys."""


class Live(rx.Component):
    """Fires `on_tick` while somebody looks: every `every` milliseconds, and when the page is shown again."""

    library = SCRIPT
    tag = "Live"

    every: rx.Var[int]
    on_tick: rx.EventHandler[rx.event.no_args_event_spec]


class Hotkey(rx.Component):
    """A key that works wherever nobody is typing: fires `on_press`, or focuses what `focus` selects."""

    library = SCRIPT
    tag = "Hotkey"

    press: rx.Var[str]
    focus: rx.Var[str]
    on_press: rx.EventHandler[rx.event.no_args_event_spec]


class Keys(rx.Component):
    """Keys to press, as this machine names them: `{mod}` is ⌘ or Ctrl."""

    library = SCRIPT
    tag = "Keys"

    press: rx.Var[str]


class Toasts(rx.Component):
    """Shows each new `notice` {id, tone, title, text} for five seconds, errors until dismissed; three at most."""

    library = SCRIPT
    tag = "Toasts"

    notice: rx.Var[dict[str, Any]]


class When(rx.Component):
    """A moment in the reader's own words and time zone: 18 min ago, yesterday, 12 Nov."""

    library = SCRIPT
    tag = "When"

    at: rx.Var[str | int | None]
    clock: rx.Var[bool]


class Left(rx.Component):
    """The time that is left; amber under two hours, red under fifteen minutes."""

    library = SCRIPT
    tag = "Left"

    at: rx.Var[str | int | None]
    pill: rx.Var[bool]


class Copy(rx.Component):
    """A button that copies `text` and says so."""

    library = SCRIPT
    tag = "Copy"

    text: rx.Var[str]
    label: rx.Var[str]


class ImportFile(rx.Component):
    """Picks a workflow file and posts it as it is; tells the new id, or the error body."""

    library = SCRIPT
    tag = "ImportFile"

    on_done: rx.EventHandler[rx.event.passthrough_event_spec(str)]
    on_refused: rx.EventHandler[rx.event.passthrough_event_spec(dict)]


live = Live.create
hotkey = Hotkey.create
keys = Keys.create
toasts = Toasts.create
when = When.create
left = Left.create
copy_button = Copy.create
import_file = ImportFile.create
