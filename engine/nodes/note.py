"""note: words on the canvas."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from engine.node import Group, NodeConfig, Silent, node


@node
class Note(Silent):
    """Words on the canvas, for the people who read the workflow. A note never runs, has no ports and takes no edges.

    Say why something is done this way, whom to ask, what is still missing. The text is Markdown:

    ```
    **Prices** come from the old system until May.
    - ask the warehouse before changing the limit
    ```
    """

    kind, title, group, icon = "note", "Note", Group.CANVAS, "note"
    summary = "{text}"

    class Config(NodeConfig):
        text: str = Field("", title="Text", description="Markdown.", json_schema_extra={"widget": "textarea"})
        color: Literal["yellow", "blue", "green", "red", "gray"] = Field(
            "yellow", title="Color", description="The color of the paper.", json_schema_extra={"widget": "select"}
        )
        width: float = Field(
            240,
            title="Width",
            description="In canvas units.",
            ge=80,
            le=2000,
            json_schema_extra={"widget": "number"},
        )
        height: float = Field(
            120,
            title="Height",
            description="In canvas units.",
            ge=40,
            le=2000,
            json_schema_extra={"widget": "number"},
        )

    sample: ClassVar[dict[str, Any]] = {"text": "Why this is here."}
