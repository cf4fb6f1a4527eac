"""Which store holds a collection's vectors, and where in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from engine.errors import NodeError
from engine.settings import Settings
from engine.store.database import Database

if TYPE_CHECKING:
    from engine.vectors import Space, VectorStore

STORES = ("embedded", "pinecone", "pgvector")


class Held(Protocol):
    """The part of a collection's row that says where its vectors are."""

    workspace_id: str
    store: str
    space: str
    dimension: int


def space(collection: Held | Any) -> Space:
    """The collection's place in its store."""
    from engine.vectors import Space

    return Space(collection.workspace_id, collection.space, collection.dimension)


def store_for(db: Database, settings: Settings, collection: Held | Any) -> VectorStore:
    """The store that a collection lives in. Raises NodeError(store_unavailable)."""
    return open_store(db, settings, collection.store)


def open_store(db: Database, settings: Settings, name: str) -> VectorStore:
    if name == "embedded":
        from engine.store.vectors import Embedded

        return Embedded(db)
    if name == "pgvector":
        from engine.store.pgvector import PgVector

        return PgVector(db)
    if name == "pinecone":
        from engine.vectors.pinecone import Pinecone

        return Pinecone(settings)
    raise NodeError(f"There is no store {name!r}.", code="store_unavailable", hint=f"Known are {', '.join(STORES)}.")


def choices(db: Database, settings: Settings) -> list[dict[str, Any]]:
    """[{name, title, help, ready, hint}]: for the dialog of a new collection."""
    return [
        {
            "name": "embedded",
            "title": "Here",
            "help": "In Nexod's own database, exact. Good for up to about 100,000 passages.",
            "ready": True,
            "hint": "",
        },
        {
            "name": "pinecone",
            "title": "Pinecone",
            "help": "A vector database as a service; every passage's vector is sent there.",
            "ready": bool(getattr(settings, "pinecone_api_key", "")),
            "hint": "Set PINECONE_API_KEY and start Nexod again.",
        },
        {
            "name": "pgvector",
            "title": "PostgreSQL",
            "help": "In Nexod's own PostgreSQL, with the extension pgvector.",
            "ready": _pgvector(db),
            "hint": "Set DATABASE_URL to a PostgreSQL that has the extension vector (pgvector).",
        },
    ]


def _pgvector(db: Database) -> bool:
    if db.sqlite:
        return False
    from engine.store import pgvector

    return pgvector.available(db)
