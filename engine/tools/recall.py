"""recall: an agent finds what was remembered before."""

from __future__ import annotations

from typing import Any

from engine.tools import ToolContext, tool

MOST = 10


@tool(title="Recall", icon="memory")
async def recall(query: str, ctx: ToolContext, subject: str = "") -> dict[str, Any]:
    """Finds facts that were remembered in earlier runs, and what people's decisions taught, best first.

    query: what to look for, in words.
    subject: only what is about this, such as `customer/anna` or `customer`.
    """
    found = await ctx.knowledge.recall(query, top_k=MOST, subject=subject)
    return {"items": [{name: one[name] for name in ("kind", "text", "subject", "confidence")} for one in found]}
