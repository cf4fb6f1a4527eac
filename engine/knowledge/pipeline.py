"""One document from its source to passages that are found: fetch, read, cut, embed, store, flip.

Every step may be repeated: what was fetched is in the files, what was embedded is in the database, vectors have the
ids of their passages. Nothing is found before the flip, which is one transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from engine import embeddings, requests
from engine.documents import Extracted, Passage, files
from engine.errors import Fenced, NodeError
from engine.events import rfc3339
from engine.failpoint import hit
from engine.knowledge import reading, stores
from engine.knowledge.embedding import embed, fitting
from engine.settings import Settings
from engine.store import documents as queue
from engine.store import revisions
from engine.store.database import Database
from engine.store.documents import Claim
from engine.store.revisions import NewChunk
from engine.vectors import Item

FILE_BYTES = 25 * 2**20
AT_ONCE = 128
"""Passages that are embedded and stored at a time."""
READ, STORED = 0.15, 0.97
"""How far it is once the text is read, and once all vectors are in the store."""
KINDS = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "html": "text/html",
    "markdown": "text/markdown",
    "csv": "text/csv",
    "json": "application/json",
    "text": "text/plain",
}


class Ingest:
    """One attempt. `lost` says whether the lease is gone, so that long work can stop. All methods block."""

    def __init__(
        self, db: Database, settings: Settings, claim: Claim, collection: queue.Home, lost: Callable[[], bool]
    ) -> None:
        self.db, self.settings, self.claim, self.collection, self.lost = db, settings, claim, collection, lost
        self.files = files.FileStore.open(settings)

    def run(self) -> None:
        """Raises NodeError, or Fenced when it is not ours any more."""
        embedder = embeddings.open(self.collection.embedding, self.settings)
        key = self.claim.file_key
        if self.claim.origin == "url" and not (key and key.startswith(self._folder)):
            key = self._fetch()
            if key is None:
                return
            hit("ingest_fetched")
        if not key:
            raise NodeError("The upload was interrupted.", code="upload_lost", hint="Add the document again.")
        found, passages = self._read(key)
        hit("ingest_read")
        chunks = self._chunks(found, passages)
        self._store(embedder, chunks)
        hit("ingest_stored")
        self._say("storing", STORED)
        title = self._title(found)
        revisions.flip(
            self.db, self.claim, self.collection.space, chunks, title=title, content_type=self._type(found),
            details=reading.details(found),
        )  # fmt: skip
        hit("ingest_flipped")

    @property
    def _folder(self) -> str:
        claim = self.claim
        return revisions.files_of(claim.workspace_id, claim.collection_id, claim.id, claim.revision)

    def _fetch(self) -> str | None:
        """The key of what an address answers; None if that is what is searched already."""
        self._say("fetching", 0.01)
        got = _download(self.claim.source)
        digest = sha256(got.content).hexdigest()
        if self.claim.live and digest == self.claim.hash:
            queue.unchanged(self.db, self.claim)
            return None
        self._check()
        self.files.delete_prefix(self._folder.rstrip("/"))
        key = f"{self._folder}original"
        self.files.put(key, got.content)
        kind = got.content_type.partition(";")[0].strip().lower()[:200]
        queue.fetched(self.db, self.claim, hash=digest, size=len(got.content), content_type=kind, file_key=key)
        return key

    def _read(self, key: str) -> tuple[Extracted, list[Passage]]:
        self._say("reading", 0.05)
        claim, collection = self.claim, self.collection
        with self.files.path(key) as path:
            found, passages = reading.read(
                path, self._name(), claim.content_type, collection.chunk_size, collection.chunk_overlap, self.lost
            )
        if not passages:
            raise NodeError("There is no text in it.", code="document_empty", hint="Add a file with text in it.")
        return found, passages

    def _name(self) -> str:
        """What its ending tells; a text that was pasted has none."""
        if self.claim.origin in ("text", "run"):
            return "pasted.md" if self.claim.content_type == "text/markdown" else "pasted.txt"
        source = self.claim.source
        return source.partition("?")[0].partition("#")[0] if self.claim.origin == "url" else source

    def _store(self, embedder: embeddings.Embedder, chunks: list[NewChunk]) -> None:
        """Vectors of this revision, searched by nobody yet: what SQL does not have is not found."""
        store, space = stores.store_for(self.db, self.settings, self.collection), stores.space(self.collection)
        self._say("embedding", READ)
        store.prepare(space)
        for at in range(0, len(chunks), AT_ONCE):
            some = chunks[at : at + AT_ONCE]
            rows = embed(
                self.db, self.claim.workspace_id, embedder, [revisions.embedded(c.text, c.metadata) for c in some]
            )
            rows = fitting(rows, self.collection.dimension, self.collection.embedding)
            hit("ingest_embedded")
            self._check()
            prefix = self.claim.vectors
            pairs = zip(some, rows, strict=True)
            last = at + AT_ONCE >= len(chunks)
            store.upsert(space, [Item(f"{prefix}{c.n}", row, c.metadata) for c, row in pairs], wait=last)
            done = min(1.0, (at + len(some)) / len(chunks))
            self._say("embedding", READ + (STORED - READ) * done)

    def _chunks(self, found: Extracted, passages: list[Passage]) -> list[NewChunk]:
        claim = self.claim
        same: dict[str, Any] = {
            "title": self._title(found), "source": claim.source, "content_type": self._type(found),
            "created": rfc3339(claim.created_at), "created_ms": claim.created_at,
        }  # fmt: skip
        if claim.workflow_id:
            same["workflow"] = claim.workflow_id
        return [NewChunk(p.n, p.text, {**same, **_place(p), "n": p.n}) for p in passages]

    def _title(self, found: Extracted) -> str:
        """People's own title stays; a file or page may know a better one than its address."""
        given = self.claim.title if self.claim.origin in ("text", "run") or self._is_named() else ""
        return (given or found.title or self.claim.title).strip()[:300]

    def _is_named(self) -> bool:
        return self.claim.title != self.claim.source[: len(self.claim.title)]

    def _type(self, found: Extracted) -> str:
        return KINDS.get(found.kind, self.claim.content_type or "text/plain")

    def _say(self, stage: str, share: float) -> None:
        self._check()
        queue.progress(self.db, self.claim, stage, share)

    def _check(self) -> None:
        if self.lost():
            raise Fenced(f"document {self.claim.id}: the lease is lost")


def _download(url: str) -> requests.Downloaded:
    try:
        return asyncio.run(requests.download(url, FILE_BYTES))
    except NodeError as fault:
        if fault.code == "http_status":
            fault.hint = "Check the address; it may want somebody to sign in."
        if fault.code != "too_large":
            raise
        told = f"What is there is over {FILE_BYTES // 2**20} MB."
        raise NodeError(told, code="document_too_large", hint="Split it and add the parts.") from None


def _place(passage: Passage) -> dict[str, Any]:
    heading = {"heading": passage.heading} if passage.heading else {}
    return {**heading, **({"page": passage.page} if passage.page is not None else {})}
