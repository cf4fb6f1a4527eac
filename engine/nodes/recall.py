"""recall: what the workspace remembers that fits a question."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from engine.node import Group, Inputs, NodeConfig, RunContext, Step, Text, node
from engine.nodes.remember import subject_field


@node
class Recall(Step):
    """Finds what the workspace remembers: facts that steps and agents kept, and what people's decisions taught.

    - **Question** says in words what to look for; left empty, what changed last comes.
    - **Subject** keeps to one thing, `customer/anna`, or to a whole, `customer`.
    - **What** is *fact*, *pattern* (learned from approvals: what people changed or refused, and why), or both.

    `{{ <id>.text }}` is a list for a prompt, one line each, empty when nothing fits. `{{ <id>.items }}` has them as
    data: `id, kind, text, subject, score, confidence, details`. The *confidence* of a pattern says how often people
    decided alike at that step; that of a fact is 1.
    """

    kind, title, group, icon = "recall", "Recall", Group.DATA, "memory"
    summary = "{query}"

    class Config(NodeConfig):
        query: Text = Field(
            title="Question",
            description="What to look for. May hold {{ expressions }}.",
            json_schema_extra={"widget": "textarea"},
        )
        subject: Text = subject_field()
        top_k: int = Field(
            5, title="Items", description="At most.", ge=1, le=100, json_schema_extra={"widget": "number"}
        )
        kind: Literal["all", "fact", "pattern"] = Field(
            "all",
            title="What",
            description="Facts, patterns learned from decisions, or both.",
            json_schema_extra={"widget": "select"},
        )

    sample: ClassVar[dict[str, Any]] = {"query": "How does Anna want her invoices?"}

    async def run(self, config: Config, inputs: Inputs, ctx: RunContext) -> dict[str, Any]:
        items = await ctx.knowledge.recall(
            inputs["query"],
            top_k=config.top_k,
            subject=inputs["subject"],
            kind="" if config.kind == "all" else config.kind,
        )
        return {"text": "\n".join(f"- {item['text']}" for item in items), "items": items}
