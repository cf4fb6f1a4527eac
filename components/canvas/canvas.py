"""The Python side of the editor's browser code: one wrapper each, layout is made of them in Python.

The browser owns the graph (`store.js`), so nothing here has Reflex state: a wrapper says what stands where, the client
store says what it shows.
"""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.linked import linked

FILES = (
    "graph.js", "inside.js", "store.js", "sync.js", "fold.js", "live.js", "words.js", "actions.js", "ports.jsx",
    "parts.jsx", "node.jsx", "edge.jsx", "pick.jsx", "palette.jsx", "wire.jsx", "fields.jsx", "records.jsx",
    "tools.jsx", "knowledge.jsx", "timeline.jsx", "panels.jsx", "code.jsx", "runs.jsx", "canvas.jsx",
    "canvas.css",
)  # fmt: skip
"""All of them are linked next to one another, so that they can import each other."""

# Without Reflex's `?v=`: with it a file that others import too would be two modules with two states.
_LINKED = {name: linked(__file__, name) for name in FILES}
FLOW = ["@xyflow/react@12.12.1", "@xyflow/system@0.0.84"]
"""The second is what the first is made of; our ports talk to it directly."""


class Part(rx.Component):
    """A component of the editor; `custom_attrs` and test ids pass through to its element."""

    def add_imports(self) -> dict[str, Any]:
        return {"": ["@xyflow/react/dist/style.css", _LINKED["canvas.css"]]}

    lib_dependencies: list[str] = FLOW


class Panel(Part):
    library = _LINKED["panels.jsx"]


class Leaf(Part):
    library = _LINKED["fields.jsx"]


class Reading(Part):
    library = _LINKED["timeline.jsx"]


class Editor(Panel):
    """The page's root: opens the workflow of the address, listens to keys. `types` are the kinds there are."""

    tag = "Editor"
    types: rx.Var[list[dict[str, Any]]]


class Page(Part):
    library = _LINKED["runs.jsx"]


class RunPage(Page):
    """The root of a run's page: loads the run of the address with its frozen drawing and follows it."""

    tag = "RunPage"
    types: rx.Var[list[dict[str, Any]]]


class Canvas(Part):
    """React Flow. Not a chunk of its own: its styles would come twice, and it would come last."""

    library = _LINKED["canvas.jsx"]
    tag = "Canvas"


class Action(Panel):
    """A button for `act`: undo, redo, run, versions, code, help, remove, duplicate, tidy, close, steps."""

    tag = "Action"
    act: rx.Var[str]


class MenuButton(Panel):
    tag = "MenuButton"
    title: rx.Var[str]


class PaletteItem(Part):
    library = _LINKED["palette.jsx"]
    tag = "PaletteItem"
    kind: rx.Var[str]


class PaletteSearch(Part):
    library = _LINKED["palette.jsx"]
    tag = "PaletteSearch"


class ForKind(Leaf):
    """Its children are there while exactly one step (of `kind`, on `tab`) is chosen."""

    tag = "ForKind"
    kind: rx.Var[str]
    tab: rx.Var[str]


class Field(Leaf):
    """What every bound input has: a `path` in the chosen step, or in the workflow when none is chosen."""

    path: rx.Var[str]
    title: rx.Var[str]
    hint: rx.Var[str]
    required: rx.Var[bool]


class Input(Field):
    """One line. `mode`: text, number, numeric (a number or an expression)."""

    tag = "BoundInput"
    mode: rx.Var[str]
    unit: rx.Var[str]
    placeholder: rx.Var[str]


class TextArea(Field):
    """Several lines. `refs`: none, text (`{{ … }}` set off), bare (an expression). `mode`: text, any, object."""

    tag = "BoundText"
    mode: rx.Var[str]
    refs: rx.Var[str]
    code: rx.Var[bool]
    keep: rx.Var[bool]
    """Emptied, it stays as empty text."""
    line: rx.Var[bool]
    placeholder: rx.Var[str]


class Switch(Field):
    tag = "BoundSwitch"
    fallback: rx.Var[bool]


class Select(Field):
    """`options` are pairs of value and title."""

    tag = "BoundSelect"
    options: rx.Var[list[list[str]]]
    fallback: rx.Var[str]


class Choice(Leaf):
    """Its children are fields of which a step has exactly one; `empty` is what a newly chosen one begins with."""

    tag = "BoundChoice"
    paths: rx.Var[list[str]]
    titles: rx.Var[list[str]]
    empty: rx.Var[list[Any]]


class Pairs(Field):
    """Names and values; `typed`: a value that reads as JSON is JSON, not text."""

    tag = "BoundPairs"
    typed: rx.Var[bool]


class Rows(Field):
    library = _LINKED["records.jsx"]


class Records(Rows):
    """An ordered list of objects; the children are the fields of one. `blank` is a new one."""

    tag = "BoundRecords"
    noun: rx.Var[str]
    head: rx.Var[str]
    blank: rx.Var[dict[str, Any]]


class Row(Rows):
    """The id of a row of another list of the same step; `head` is the field that people know it by."""

    tag = "BoundRow"
    list: rx.Var[str]
    head: rx.Var[str]


class Earlier(Rows):
    """Ids of rows that come before this one in its own list."""

    tag = "BoundEarlier"
    list: rx.Var[str]


class ToolField(Field):
    """`tools` are plain descriptions, see `form.tools`; the children are one form for each of them."""

    library = _LINKED["tools.jsx"]
    tools: rx.Var[list[dict[str, Any]]]


class Tools(ToolField):
    """The tools that an agent may use: chosen from all, each with its settings."""

    tag = "BoundTools"


class Tool(ToolField):
    """The tool that a step calls."""

    tag = "BoundTool"


class ByTool(ToolField):
    """The form for the chosen tool. `part`: args or config."""

    tag = "ByTool"
    part: rx.Var[str]


class Or(Field):
    """Its two children: a plain input, and the one for an expression instead."""

    library = _LINKED["tools.jsx"]
    tag = "BoundOr"


class Some(Field):
    """Some of a few fixed values."""

    library = _LINKED["tools.jsx"]
    tag = "BoundSome"
    options: rx.Var[list[str]]
    fallback: rx.Var[list[str]]


class Together(Field):
    """Its children are fields that are there together or not at all."""

    library = _LINKED["tools.jsx"]
    tag = "BoundPart"


class ToolForm(Part):
    library = _LINKED["tools.jsx"]
    tag = "ToolForm"


class Collection(Field):
    """A collection by its name; those that there are are offered."""

    library = _LINKED["knowledge.jsx"]
    tag = "BoundCollection"


class Cases(Field):
    tag = "BoundCases"


class Auth(Field):
    tag = "BoundAuth"


class Secret(Field):
    tag = "SecretInput"


class Flow(Field):
    """The flow inside a step: what is in it, and the way in."""

    tag = "BoundFlow"


class Inputs(Field):
    tag = "BoundInputs"


def _part(base: type[Part], name: str) -> type[Part]:
    return type(name, (base,), {"tag": name, "__module__": __name__, "__doc__": f"`{name}` of the client."})


Name = _part(Panel, "Name")
SaveState = _part(Panel, "SaveState")
TargetSwitch = _part(Panel, "TargetSwitch")
ExportButton = _part(Panel, "ExportButton")
Inspector = _part(Panel, "Inspector")
InspectorHead = _part(Panel, "InspectorHead")
Tabs = _part(Panel, "Tabs")
DataTab = _part(Panel, "DataTab")
Problems = _part(Panel, "Problems")
Dock = _part(Panel, "Dock")
Dialogs = _part(Panel, "Dialogs")
RunHead = _part(Page, "RunHead")
RunName = _part(Page, "RunName")
RunSide = _part(Page, "RunSide")
ForNothing = _part(Leaf, "ForNothing")
ForMany = _part(Leaf, "ForMany")
AtTop = _part(Leaf, "AtTop")
