"""knowledge_search: passages of the workspace's own documents, for an agent to answer from."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from engine.errors import NodeError
from engine.node import NodeConfig
from engine.passages import label
from engine.tools import ToolContext, tool


class Settings(NodeConfig):
    """Where it may look."""

    collection: str = Field(
        "",
        title="Collection",
        description="The only one that may be searched; empty: the agent names one.",
        max_length=500,
        json_schema_extra={"widget": "text"},
    )
    top_k: int = Field(
        5,
        title="Passages",
        description="At most, for each search.",
        ge=1,
        le=20,
        json_schema_extra={"widget": "number"},
    )


@tool(title="Search knowledge", icon="retrieve", config=Settings)
async def knowledge_search(query: str, config: Settings, ctx: ToolContext, collection: str = "") -> dict[str, Any]:
    """Searches the workspace's own documents and answers passages with their sources, best first.

    Cite what you use by its number, as [1]. Each search numbers anew: after several, name the source as well. An
    unknown collection is answered with the names of those there are.

    query: what to look for, in words.
    collection: the name of the collection; not needed when one is set.
    """
    try:
        found = await ctx.knowledge.search(config.collection or collection, query, top_k=config.top_k)
    except NodeError as fault:  # a model is told the message alone
        raise NodeError(f"{fault.message} {fault.hint}".strip(), code=fault.code) from fault
    return {
        "passages": [
            {"number": at, "text": one["text"], "source": label(one["metadata"]), "score": round(one["score"], 3)}
            for at, one in enumerate(found, 1)
        ]
    }
