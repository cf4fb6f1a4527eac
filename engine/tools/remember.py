"""remember: an agent keeps a fact for later runs."""

from __future__ import annotations

from typing import Any

from engine.node import Effect
from engine.tools import ToolContext, tool


@tool(title="Remember", icon="memory", effect=Effect.KEYED)
async def remember(text: str, ctx: ToolContext, subject: str = "") -> dict[str, Any]:
    """Keeps a fact for all later runs, until a person deletes it.

    Keep only what will matter again, as a sentence that can be understood by itself.

    text: the fact.
    subject: what it is about, such as `customer/anna`.
    """
    return await ctx.knowledge.remember(text, key=ctx.idempotency_key, subject=subject)
