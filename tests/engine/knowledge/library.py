"""Collections with passages in them, put there without files and workers: for tests of searching."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from engine import embeddings
from engine.knowledge import retrieval, stores
from engine.knowledge.embedding import embed
from engine.settings import Settings
from engine.store import passages
from engine.store.database import Database
from engine.store.models import DEFAULT_WORKSPACE, Chunk, Collection, new_id
from engine.store.session import Workspace


class Library:
    def __init__(self, db: Database, workspace_id: str = DEFAULT_WORKSPACE, settings: Settings | None = None) -> None:
        self.db, self.workspace_id, self.settings = db, workspace_id, settings or Settings()

    def collection(self, name: str = "docs", embedding: str = "hashing", dimension: int = 512) -> str:
        row = Collection(
            workspace_id=self.workspace_id, name=name, embedding=embedding, dimension=dimension, chunk_size=1000,
            chunk_overlap=100, created_at=0, updated_at=0,
        )  # fmt: skip
        id_ = row.id
        with Workspace(self.db, self.workspace_id).begin() as session:
            session.add(row)
        return id_

    def add(self, texts: Sequence[str], name: str = "docs", index: bool = True, **metadata: Any) -> list[str]:
        """A document of these passages, answered by their ids. Without `index` only SQL has them."""
        from engine.vectors import Item

        place = passages.place(self.db, self.workspace_id, name)
        assert place
        document = new_id()
        rows = [
            Chunk(
                workspace_id=self.workspace_id, id=f"{document}:1:{n}", collection_id=place.id, document_id=document,
                n=n, text=text, metadata_={"title": "A text", "n": n, **metadata},
            )
            for n, text in enumerate(texts)
        ]  # fmt: skip
        ids = [row.id for row in rows]
        items = [(row.id, row.metadata_) for row in rows]
        with Workspace(self.db, self.workspace_id).begin() as session:
            session.add_all(rows)
        if index:
            embedder = embeddings.open(place.embedding, self.settings)
            vectors = embed(self.db, self.workspace_id, embedder, texts)
            store, space = stores.store_for(self.db, self.settings, place), stores.space(place)
            store.prepare(space)
            store.upsert(space, [Item(id_, row, meta) for (id_, meta), row in zip(items, vectors, strict=True)])
        return ids

    def remove(self, ids: Sequence[str]) -> None:
        """From SQL alone: the store does not know yet."""
        with self.db.begin() as conn:
            conn.execute(sa.delete(Chunk).where(sa.column("id").in_(ids)))

    def search(self, query: str, name: str = "docs", **options: Any) -> list[dict[str, Any]]:
        return retrieval.search(self.db, self.settings, self.workspace_id, name, query, **options)

    def found(self, query: str, name: str = "docs", **options: Any) -> list[str]:
        return [match["id"] for match in self.search(query, name, **options)]
