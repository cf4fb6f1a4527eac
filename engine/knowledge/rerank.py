"""The best passages once more, in the order in which a model finds them useful: outside of a run, where nobody keeps
a journal of what models said."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from engine import llm, passages
from engine.errors import NodeError
from engine.store import settings as chosen
from engine.store.database import Database

OWN = "this is the order of the search itself."


def order(
    db: Database, ws_id: str, who: str | Mapping[str, str], query: str, texts: Sequence[str]
) -> tuple[list[tuple[int, float]], str]:
    """([(place before, score 0 to 1)], warning), best first; no order and a warning when the model cannot say."""
    if not texts:
        return [], ""
    provider, model = (who, "") if isinstance(who, str) else (who.get("provider", "auto"), who.get("model", ""))
    with db.read() as conn:
        preferences = llm.Preferences.of(chosen.read(conn, ws_id))
    if llm.choose(provider, preferences) == "demo":
        return [], f"The demo model cannot judge passages: {OWN}"
    request = passages.request(query, texts, model)
    try:
        answer = asyncio.run(llm.complete(request, provider, _nowhere, preferences=preferences))
    except NodeError as fault:
        return [], f"No model put these in order ({fault.message}): {OWN}"
    judged = passages.read(answer.data, len(texts))
    return judged, "" if judged else f"The model judged none of the passages: {OWN}"


async def _nowhere(_: str) -> None:
    """Nobody watches this answer being written."""
