"""What people's decisions teach: an edit before approving, or a rejection with its reason, is kept as an example.

Written in the transaction of the decision itself, once for each approval. How sure a pattern is follows from how
often people decided alike at that step: the rule of succession, (alike + 1) / (decisions + 2).
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from engine.secrets import redact
from engine.store import memory as rows
from engine.store.models import Approval
from engine.store.session import Session
from engine.values import is_object

TAUGHT_BY = ("approval", "tool")
SHOWN = 300
"""Characters of a value that a pattern shows."""
LONGEST = 4000
"""Characters of a pattern: it goes into prompts, and a person can still change it."""
MOST_CHANGES = 20
Change = dict[str, Any]
"""{field, from, to}"""


def learn(tx: Session, asked: Approval, before: Any, decision: str, after: Any, comment: str) -> None:
    """From one decision: `asked` is the approval's row, `before` its prefill, `after` what the person sent."""
    if asked.type not in TAUGHT_BY or decision not in ("approved", "rejected"):
        return
    subject = f"{asked.workflow_id}/{asked.node_id}"
    # Before anything is cut: half a secret is not known for one.
    before, after, comment = redact([before, after, comment.strip()])
    made = changes(before, after) if decision == "approved" else []
    if made or comment:
        details = {
            "decision": decision, "question": _short(asked.question), "changes": made, "comment": comment,
            "before": _short(before), "after": _short(after if decision == "approved" else None),
            "content": _short(asked.content), "alike": _alike(decision, made),
        }  # fmt: skip
        # PostgreSQL keeps no NUL in a text.
        text = redact(_told(asked.question, decision, made, comment)).replace("\0", "")[:LONGEST]
        rows.add(tx, "pattern", text, subject, f"approval:{asked.id}", asked.run_id, redact(details))
    weigh(tx, asked.workflow_id, asked.node_id, subject)


def weigh(tx: Session, workflow_id: str, node_id: str, subject: str) -> None:
    """How sure the patterns of one step are, after one more decision there."""
    patterns = rows.patterns_of(tx, subject)
    if not patterns:
        return
    decisions = rows.decisions_at(tx, workflow_id, node_id, TAUGHT_BY)
    alike = Counter((row.details or {}).get("alike", "") for row in patterns)
    for row in patterns:
        row.seen = alike[(row.details or {}).get("alike", "")]
        row.confidence = round((row.seen + 1) / (max(decisions, row.seen) + 2), 4)
        tx.add(row)


def changes(before: Any, after: Any, field: str = "") -> list[Change]:
    """Where a person's data differ from the prefill, by field."""
    if is_object(before) and is_object(after):
        names = dict.fromkeys([*before, *after])
        made = [c for name in names for c in changes(before.get(name), after.get(name), f"{field}.{name}".strip("."))]
        return made[:MOST_CHANGES]
    return [] if before == after else [{"field": field, "from": _short(before), "to": _short(after)}]


def _alike(decision: str, made: list[Change]) -> str:
    """Two decisions with the same of this are alike."""
    return f"{decision}: {', '.join(sorted(change['field'] for change in made))}" if made else decision


def _told(question: str, decision: str, made: list[Change], comment: str) -> str:
    """The pattern as a sentence, for people and models."""
    asked = _text(question).rstrip(" ?.:")
    if decision == "rejected":
        return f"{asked}: rejected, because: {comment}"
    shown = "; ".join(f"{c['field'] or 'the data'} from {_text(c['from'])} to {_text(c['to'])}" for c in made)
    said = f"changed {shown}" if made else "approved"
    return f"{asked}: {said}{f' ({comment})' if comment else ''}"


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else text[:SHOWN] + " …"


def _short(value: Any) -> Any:
    """The value itself while it is small."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = _text(value)
    return text if isinstance(value, str) or text.endswith(" …") else value
