"""remember: a fact, kept for all runs to come."""

from typing import Any, ClassVar

from pydantic import Field

from engine.node import Effect, Group, Inputs, NodeConfig, RunContext, Step, Text, node


def subject_field() -> Any:
    return Field(
        "",
        title="Subject",
        description="What it is about: customer/anna. May hold {{ expressions }}.",
        max_length=2000,
        json_schema_extra={"widget": "line"},
    )


@node
class Remember(Step):
    """Keeps a fact in the workspace's memory, for all runs to come, until somebody deletes it under *Memory*.

    - **Text** is the fact, as one or two sentences that can be understood by themselves: `Anna wants her invoices as
      PDF.` At most 10,000 characters; what is longer belongs in a collection.
    - **Subject** says what it is about, and is what *Recall* can keep to. With a slash it belongs to a whole:
      `customer/anna` is also found as `customer`.

    The same fact on the same subject is kept once, and a repeated step keeps nothing twice. Values of secrets are
    blacked out. The output is `{ id, text }`.
    """

    kind, title, group, icon = "remember", "Remember", Group.DATA, "memory"
    summary = "{text}"

    class Config(NodeConfig):
        text: Text = Field(
            title="Text",
            description="The fact. May hold {{ expressions }}.",
            min_length=1,
            json_schema_extra={"widget": "textarea"},
        )
        subject: Text = subject_field()

    sample: ClassVar[dict[str, Any]] = {"text": "Anna wants her invoices as PDF.", "subject": "customer/anna"}

    def effect(self, config: Config) -> Effect:
        return Effect.KEYED

    async def run(self, config: Config, inputs: Inputs, ctx: RunContext) -> dict[str, Any]:
        return await ctx.knowledge.remember(inputs["text"], key=ctx.idempotency_key, subject=inputs["subject"])
