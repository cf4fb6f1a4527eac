"""A question to a collection, as REST, pages and tests ask it."""

from __future__ import annotations

from typing import Any

from engine.errors import Invalid, NodeError, NotFound, Problem, Unavailable
from engine.knowledge.adding import invalid
from engine.settings import Settings
from engine.store import collections as rows
from engine.store.session import Workspace
from engine.values import is_object

MODES = ("vector", "keyword", "hybrid")
MOST = 100
QUERY = 10_000


def search(
    ws: Workspace, settings: Settings, collection_id: str, body: dict[str, Any], rerank: bool = False
) -> dict[str, Any]:
    """{query, top_k?, mode?, filter?, min_score?} → {"matches": […]}, best first. Raises Invalid with the field.
    `rerank`: the workspace's model puts them in order, which costs a call."""
    with ws.read() as tx:
        rows.one(tx, collection_id)
    asked = _asked(body)
    from engine.knowledge import retrieval

    try:
        who = "auto" if rerank else None
        return {"matches": retrieval.search(ws.db, settings, ws.id, collection_id, **asked, rerank=who)}
    except NodeError as fault:
        raise _said(fault) from fault


def _asked(body: dict[str, Any]) -> dict[str, Any]:
    query, top_k, mode = body.get("query"), body.get("top_k"), body.get("mode")
    filter_, least = body.get("filter"), body.get("min_score")
    if query is not None and not isinstance(query, str):
        raise invalid("wrong_type", "query is text.", "Put it in quotes.", "query")
    if not query or not query.strip():
        raise invalid("missing_field", "query is empty.", "Ask something.", "query")
    if len(query) > QUERY:
        raise invalid("too_large", f"query has at most {QUERY:,} characters.", "Shorten it.", "query")
    if top_k is not None and (not isinstance(top_k, int) or isinstance(top_k, bool) or not 1 <= top_k <= MOST):
        raise invalid("bad_value", f"top_k is a whole number from 1 to {MOST}.", "5 is usual.", "top_k")
    if mode is not None and mode not in MODES:
        raise invalid("bad_value", f"There is no mode {mode!r:.80}.", f"Choose {', '.join(MODES)}.", "mode")
    if filter_ is not None and not is_object(filter_):
        raise invalid("wrong_type", "filter is an object.", '{"source": "handbook.pdf"}', "filter")
    if least is not None and (not isinstance(least, int | float) or isinstance(least, bool)):
        raise invalid("wrong_type", "min_score is a number.", "0 to 1.", "min_score")
    if least is not None and not 0 <= least <= 1:
        raise invalid("bad_value", "min_score is a number from 0 to 1.", "Leave it out to see all.", "min_score")
    return {"query": query, "top_k": top_k or 5, "mode": mode or "hybrid", "filter": filter_, "min_score": least}


FIELDS = {"bad_filter": "filter", "bad_value": "query", "dimension_mismatch": "embedding"}


def _said(fault: NodeError) -> Invalid | NotFound | Unavailable:
    """A step's fault in the words of a request."""
    if fault.code == "unknown_collection":
        return NotFound(fault.message, hint=fault.hint)
    if fault.code in FIELDS:
        named = str(fault.extra.get("field") or "")
        field = f"filter.{named}" if named and fault.code == "bad_filter" else named or FIELDS[fault.code]
        return invalid(fault.code, fault.message, fault.hint, field)
    told = Problem(fault.code, fault.message, fault.hint)
    return Unavailable(told.message, hint=told.hint, details=[told.to_json()])
