"""Collections: documents that are searched together, and where their vectors live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.documents import passages
from engine.errors import Conflict, NodeError, Problem
from engine.events import rfc3339
from engine.knowledge.adding import invalid
from engine.services.pages import id_cursor, limit_of, page
from engine.settings import Settings
from engine.store import chores
from engine.store import collections as rows
from engine.store.models import Collection, new_id
from engine.store.session import Session, Workspace

if TYPE_CHECKING:
    from engine.embeddings import Embedder

SIZE, OVERLAP = passages.SIZE, passages.OVERLAP
"""Characters of a passage, and how many of them it shares with the one before."""
SIZES = (100, 8000)
NAME = 100


def list_(ws: Workspace, limit: int | None = None, after: str | None = None) -> dict[str, Any]:
    most = limit_of(limit)
    with ws.read() as tx:
        found = rows.page(tx, most + 1, id_cursor(after))
        counts = rows.counts(tx, [row.id for row in found])
        return page(found, most, lambda row: _json(row, counts.get(row.id, (0, 0))), lambda row: row.id)


def get(ws: Workspace, collection_id: str) -> dict[str, Any]:
    with ws.read() as tx:
        return _shown(tx, rows.one(tx, collection_id))


def find(ws: Workspace, name_or_id: str) -> dict[str, Any] | None:
    with ws.read() as tx:
        row = rows.find(tx, " ".join(name_or_id.split()))
        return _shown(tx, row) if row else None


def create(ws: Workspace, settings: Settings, body: dict[str, Any]) -> dict[str, Any]:
    """{name, store?, embedding?, chunk_size?, chunk_overlap?}. Raises Invalid, or Conflict for a name that is taken."""
    name = name_of(body.get("name"))
    store = store_of(ws, settings, body.get("store"))
    embedder = embedder_of(settings, body.get("embedding"))
    size, overlap = sizes(body.get("chunk_size"), body.get("chunk_overlap"))
    dimension = dimension_of(embedder)
    with ws.begin() as tx:
        # The look and the insert are one: on PostgreSQL the unique rule says no in the instant between.
        if rows.named(tx, name):
            raise taken(name)
        now = tx.now
        row = Collection(
            workspace_id=ws.id, id=new_id(), name=name, store=store, embedding=embedder.name, dimension=dimension,
            chunk_size=size, chunk_overlap=overlap, space=new_id(), created_at=now, updated_at=now,
        )  # fmt: skip
        rows.insert(tx, row, lambda: taken(name))
        return _json(row, (0, 0))


def delete(ws: Workspace, collection_id: str) -> None:
    """With all its documents. Nothing of it is found from here on; store and files follow."""
    with ws.begin() as tx:
        rows.delete_all(tx, rows.one(tx, collection_id, lock=True))


def move(ws: Workspace, settings: Settings, collection_id: str, body: dict[str, Any]) -> dict[str, Any]:
    """{store?, embedding?}: a worker copies everything there, checks it, and then switches. The collection is
    searched where it is until then."""
    get(ws, collection_id)
    store = store_of(ws, settings, body["store"]) if body.get("store") is not None else None
    embedder = embedder_of(settings, body["embedding"]) if body.get("embedding") is not None else None
    if store is None and embedder is None:
        raise invalid("missing_field", "Say where to.", "Send store, embedding, or both.", "store")
    dimension = dimension_of(embedder) if embedder else None
    with ws.begin() as tx:
        row = rows.one(tx, collection_id, lock=True)
        if chores.moving(tx.connection(), ws.id, row.id):
            raise Conflict("The collection is being moved already.", hint="Let that end.")
        target = {
            "store": store or row.store, "embedding": embedder.name if embedder else row.embedding,
            "dimension": dimension or row.dimension,
        }  # fmt: skip
        row.moving = {**target, "done": 0, "of": rows.counts(tx, [row.id]).get(row.id, (0, 0))[1], "error": None}
        row.updated_at = tx.now
        chores.add(tx.connection(), ws.id, "move", row.id, {**target, "space": new_id()})
        return _shown(tx, row)


def cancel_move(ws: Workspace, collection_id: str) -> dict[str, Any]:
    """It stays where it is."""
    with ws.begin() as tx:
        row = rows.one(tx, collection_id, lock=True)
        chores.cancel_move(tx.connection(), ws.id, row.id)
        row.moving = None
        return _shown(tx, row)


# What may be asked for ---------------------------------------------------------------------------------------


def name_of(value: Any) -> str:
    name = " ".join(value.split()) if isinstance(value, str) else ""
    if not 1 <= len(name) <= NAME or not name.isprintable():
        raise invalid("bad_value", f"The name is a text of 1 to {NAME} characters.", "Give it one.", "name")
    return name


def taken(name: str) -> Conflict:
    told = Problem("bad_value", f"There is a collection {name!r} already.", "Choose another name.", field="name")
    return Conflict(told.message, hint=told.hint, details=[told.to_json()])


def store_of(ws: Workspace, settings: Settings, value: Any) -> str:
    """A store that can be used here."""
    name = "embedded" if value is None else value
    found = next((one for one in stores(ws, settings) if one["name"] == name), None)
    if found is None:
        raise invalid("bad_value", f"There is no store {name!r:.80}.", "Known: embedded, pinecone, pgvector.", "store")
    if not found["ready"]:
        raise invalid("store_unavailable", f"{found['title']} cannot be used here.", found["hint"], "store")
    return found["name"]


def stores(ws: Workspace, settings: Settings) -> list[dict[str, Any]]:
    """[{name, title, help, ready, hint}]: where vectors can live."""
    from engine.knowledge import stores as known

    return known.choices(ws.db, settings)


def embeddings(settings: Settings) -> list[dict[str, Any]]:
    """[{name, title, help, ready, dimension}]: how texts can become vectors."""
    from engine import embeddings as known

    return known.choices(settings)


def embedder_of(settings: Settings, value: Any) -> Embedder:
    from engine import embeddings as known

    name = known.DEFAULT if value is None else value
    if not isinstance(name, str) or len(name) > 200:
        raise invalid("wrong_type", "The embedding is a name.", "Leave it out for the default.", "embedding")
    if any(one["name"] == name and not one["ready"] for one in known.choices(settings)):
        help_ = next(one["help"] for one in known.choices(settings) if one["name"] == name)
        raise invalid("missing_key", f"The embedding {name!r} cannot be used here.", help_, "embedding")
    try:
        return known.open(name, settings)
    except NodeError as fault:
        raise invalid("bad_value", fault.message, fault.hint, "embedding") from None


def dimension_of(embedder: Embedder) -> int:
    try:
        return embedder.measure()
    except NodeError as fault:
        raise invalid(fault.code, fault.message, fault.hint, "embedding") from None


def sizes(size: Any = None, overlap: Any = None) -> tuple[int, int]:
    """Of passages, in characters."""
    size = SIZE if size is None else size
    overlap = min(OVERLAP, size // 4) if overlap is None and isinstance(size, int) else overlap
    low, high = SIZES
    if not isinstance(size, int) or isinstance(size, bool) or not low <= size <= high:
        raise invalid("bad_value", f"A passage has {low} to {high} characters.", f"{SIZE} is usual.", "chunk_size")
    if not isinstance(overlap, int) or isinstance(overlap, bool) or not 0 <= overlap <= size // 2:
        fault = "Passages share 0 characters to half of their size."
        raise invalid("bad_value", fault, f"{OVERLAP} is usual.", "chunk_overlap")
    return size, overlap


def _shown(tx: Session, row: Collection) -> dict[str, Any]:
    return _json(row, rows.counts(tx, [row.id]).get(row.id, (0, 0)))


def _json(row: Collection, counts: tuple[int, int]) -> dict[str, Any]:
    return {
        "id": row.id, "name": row.name, "store": row.store, "embedding": row.embedding, "dimension": row.dimension,
        "chunk_size": row.chunk_size, "chunk_overlap": row.chunk_overlap, "documents": counts[0], "chunks": counts[1],
        "moving": row.moving, "created_at": rfc3339(row.created_at), "updated_at": rfc3339(row.updated_at),
    }  # fmt: skip
