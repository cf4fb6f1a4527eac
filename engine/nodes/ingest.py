"""ingest: a document into a collection, searchable when the step is done."""

from typing import Any, ClassVar

from pydantic import Field, model_validator

from engine.advice import advice
from engine.node import Effect, Group, Inputs, NodeConfig, RunContext, Step, Text, node
from engine.nodes.retrieve import collection_field


@node
class Ingest(Step):
    """Adds a document to a collection and goes on when it can be searched.

    - **Collection** is one that you made under *Knowledge*.
    - Fill in **one** of the two: **Text** is the document itself, `{{ notes.text }}`, plain or Markdown; **Address**
      is fetched from the web, with the limits that the step *HTTP request* has.
    - **Title** is what it is called where it is cited. The same title, or the same address, replaces the version that
      was there before, once the new one is complete.

    The step adds a document once, however often it is tried, and a text that is there already is not added again.
    The output is `{ document_id, title, status, chunks }`, where `chunks` counts its passages. What cannot be read
    fails the step with a code that says why: `document_empty`, `document_encrypted`, `document_type`.
    """

    kind, title, group, icon = "ingest", "Add to collection", Group.DATA, "book"
    summary = "{collection}"
    timeout_s = 600

    class Config(NodeConfig):
        collection: Text = collection_field()
        text: Text | None = Field(
            None,
            title="Text",
            description="The document itself. May hold {{ expressions }}.",
            json_schema_extra={"widget": "textarea"},
        )
        url: Text | None = Field(
            None,
            title="Address",
            description="https://… It is fetched when the step runs.",
            json_schema_extra={"widget": "line"},
        )
        title: Text = Field(
            "",
            title="Title",
            description="What it is called where it is cited; the same title replaces.",
            json_schema_extra={"widget": "line"},
        )

        @model_validator(mode="after")
        def one_of_two(self) -> "Ingest.Config":
            if self.text is None and self.url is None:
                raise advice("missing_field", "text is missing.", "Fill in Text, or Address instead.", "text")
            if self.text is not None and self.url is not None:
                raise advice("bad_value", "text and url are both filled in.", "Keep one of them.", "url")
            return self

    sample: ClassVar[dict[str, Any]] = {
        "collection": "guide",
        "title": "A note of ours",
        "text": "Our team meets on Tuesdays at ten.",
    }

    def effect(self, config: Config) -> Effect:
        return Effect.KEYED

    async def run(self, config: Config, inputs: Inputs, ctx: RunContext) -> dict[str, Any]:
        return await ctx.knowledge.ingest(
            inputs["collection"], key=ctx.idempotency_key, text=inputs["text"] or "", url=inputs["url"] or "",
            title=inputs["title"],
        )  # fmt: skip
