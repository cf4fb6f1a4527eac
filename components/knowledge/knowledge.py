"""Their Python side: one function each."""

from __future__ import annotations

import reflex as rx

from components.linked import linked


class DropZone(rx.Component):
    """Takes files, by drop anywhere on the page or by choice, and sends them to a collection; its children are
    further ways to add something. Fires `on_added` when the server has one."""

    library = linked(__file__, "drop.jsx")
    tag = "DropZone"

    collection: rx.Var[str]
    on_added: rx.EventHandler[rx.event.no_args_event_spec]


class Cutter(rx.Component):
    """Shows which passages a text or a file would become, for a size and an overlap to try."""

    library = linked(__file__, "cutter.jsx")
    tag = "Cutter"

    size: rx.Var[int]
    overlap: rx.Var[int]


drop_zone = DropZone.create
cutter = Cutter.create
