"""What a workspace remembers: facts and patterns found by meaning and words, and the messages of threads.

SQL is the truth; the vectors are an index beside it, brought up to date before each recall.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.embeddings.words import COMMON, stem, words
from engine.errors import NodeError
from engine.secrets import redact
from engine.settings import Settings
from engine.store import memory as rows
from engine.store.database import Database
from engine.store.models import MemoryItem
from engine.store.session import Workspace

if TYPE_CHECKING:
    from engine.vectors import Space

MAX_TEXT, MAX_SUBJECT, MAX_MESSAGE, MAX_THREAD = 10_000, 200, 8_000, 200
PAGE, WIDE, MOST_WORDS = 500, 100, 12
NEAR = 0.15
"""Below this, nearness by spelling is chance."""


def remember(
    db: Database, settings: Settings, workspace_id: str, text: str, *, key: str, subject: str = "",
    details: Mapping[str, Any] | None = None, run_id: str = "",
) -> dict[str, Any]:  # fmt: skip
    """{id, text}. The same key, or the same text on the same subject, makes one fact."""
    text, subject = _plain(redact(text)).strip(), _plain(redact(subject)).strip()
    if not text:
        raise NodeError("There is nothing to remember: the text is empty.", code="memory_empty")
    if len(text) > MAX_TEXT or len(subject) > MAX_SUBJECT:
        raise NodeError(
            f"A fact has at most {MAX_TEXT:,} characters, its subject {MAX_SUBJECT}.", code="memory_too_long",
            hint="Sum it up, or put it in a collection.",
        )  # fmt: skip
    with Workspace(db, workspace_id).begin() as tx:
        kept = rows.same(tx, text, subject) or rows.add(
            tx, "fact", text, subject, key, run_id, redact(dict(details)) if details else None
        )
        return {"id": kept.id, "text": kept.text}


def recall(
    db: Database, settings: Settings, workspace_id: str, query: str, *, top_k: int = 5, subject: str = "",
    kind: str = "",
) -> list[dict[str, Any]]:  # fmt: skip
    """[{id, kind, text, subject, score, confidence, details}], best first. Without a query: what changed last."""
    asked, subject = _terms(query), _plain(subject).strip()
    near = _nearest(db, settings, workspace_id, query) if query.strip() else {}
    with Workspace(db, workspace_id).read() as tx:
        found = rows.candidates(tx, kind, subject, asked, [id_.partition(":")[0] for id_ in near], WIDE * 2)
    if not query.strip():
        return [_shown(row, 1.0) for row in found[:top_k]]
    return [_shown(row, score) for row, score in _best(found, asked, near)[:top_k] if score > 0]


def lessons(
    db: Database, settings: Settings, workspace_id: str, workflow_id: str, query: str, *, top_k: int = 3
) -> list[dict[str, Any]]:
    """As `recall`, the patterns of one workflow. A prompt seldom has the words of the question that a person was asked,
    so where too few fit it, the surest of the others come; those that say the same come once."""
    near = _nearest(db, settings, workspace_id, query) if query.strip() else {}
    with Workspace(db, workspace_id).read() as tx:
        found = rows.candidates(tx, "pattern", workflow_id, (), (), WIDE * 2)
    told: dict[str, dict[str, Any]] = {}
    for row, score in _best(found, _terms(query), near):
        told.setdefault(row.text, _shown(row, score))
    return list(told.values())[:top_k]


def forget(db: Database, workspace_id: str, item_id: str) -> None:
    """The vectors of an item that was deleted, before the next recall finds that they are no longer true."""
    from engine.embeddings.hashing import DIMENSION
    from engine.store.vectors import Embedded

    Embedded(db).drop(_space(workspace_id, DIMENSION), f"{item_id}:")


def _best(found: Sequence[MemoryItem], asked: list[str], near: Mapping[str, float]) -> list[tuple[MemoryItem, float]]:
    scored = [(row, _score(row, asked, near.get(f"{row.id}:{row.updated_at}", 0.0))) for row in found]
    return sorted(scored, key=lambda pair: (-pair[1], -pair[0].confidence, pair[0].id))


def _score(row: MemoryItem, asked: list[str], near: float) -> float:
    """0 to 1: half for the share of the question's words that it has, half for how near it is."""
    mine = {stem(word) for word in words(f"{row.text} {row.subject}")}
    shared = sum(word in mine for word in asked) / len(asked) if asked else 0.0
    return 0.0 if not shared and near < NEAR else round((shared + max(near, 0.0)) / 2, 4)


def _terms(query: str) -> list[str]:
    every = dict.fromkeys(stem(word) for word in words(query) if word not in COMMON)
    return list(every)[:MOST_WORDS]


def _shown(row: MemoryItem, score: float) -> dict[str, Any]:
    return {
        "id": row.id, "kind": row.kind, "text": row.text, "subject": row.subject, "score": score,
        "confidence": row.confidence, "details": row.details,
    }  # fmt: skip


# The index -------------------------------------------------------------------------------------------------------


def _nearest(db: Database, settings: Settings, workspace_id: str, query: str) -> dict[str, float]:
    from engine import embeddings
    from engine.store.vectors import Embedded

    embedder = embeddings.open(embeddings.DEFAULT, settings)
    place, store = _space(workspace_id, embedder.dimension), Embedded(db)
    _bring_up(db, workspace_id, store, place, embedder)
    hits = store.query(place, embedder.embed([query[:MAX_TEXT]])[0], WIDE)
    return {hit.id: hit.score for hit in hits}


def _bring_up(db: Database, workspace_id: str, store: Any, place: Space, embedder: Any) -> None:
    """What was changed or deleted goes; what is new comes in."""
    from engine.vectors import Item

    with db.read() as conn:
        gone = rows.untrue(conn, workspace_id, PAGE)
    for id_ in gone:
        store.drop(place, id_)
    while True:
        with db.read() as conn:
            new = rows.unindexed(conn, workspace_id, PAGE)
        if new:
            vectors = embedder.embed([f"{row.text}\n{row.subject}" for row in new])
            store.upsert(
                place,
                [Item(f"{row.id}:{row.updated_at}", vector) for row, vector in zip(new, vectors, strict=True)],
            )
        if len(new) < PAGE:
            return


def _space(workspace_id: str, dimension: int) -> Space:
    from engine.vectors import Space

    return Space(workspace_id, rows.MEMORY, dimension)


# Threads ---------------------------------------------------------------------------------------------------------


def thread(
    db: Database, workspace_id: str, thread: str, *, last: int = 20, run_id: str = "", before: int | None = None
) -> list[dict[str, str]]:
    """[{id, role, text}], oldest first; a first one of role `summary` stands for all that is older."""
    with Workspace(db, workspace_id).read() as tx:
        heard = rows.heard(tx, named(thread), last, run_id, before)
        return [{"id": row.id, "role": row.role, "text": row.text} for row in heard]


def say(db: Database, workspace_id: str, thread: str, role: str, text: str, *, key: str, run_id: str = "") -> None:
    tell(db, workspace_id, thread, [(role, text, key)], run_id=run_id)


def tell(db: Database, workspace_id: str, thread: str, said: list[tuple[str, str, str]], *, run_id: str = "") -> None:
    """Several messages (role, text, key) at once, so that none of another run comes between."""
    name = named(thread)
    with Workspace(db, workspace_id).begin() as tx:
        rows.hold(tx, name)
        for role, text, key in said:
            rows.say(tx, name, role, _cut(_plain(redact(text))), key, run_id)


def named(thread: str) -> str:
    """A thread's name as it is kept: one line, and no secret."""
    name = " ".join(_plain(redact(thread)).split())
    if not name or len(name) > MAX_THREAD or not name.isprintable():
        raise NodeError(
            f"A thread is named by 1 to {MAX_THREAD} printable characters.", code="bad_thread",
            hint="Use something like customer/{{ input.customer }}.",
        )  # fmt: skip
    return name


def _cut(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 2] + " …"


def _plain(text: str) -> str:
    """PostgreSQL keeps no NUL in a text."""
    return text.replace("\0", "")
