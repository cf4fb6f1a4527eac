"""The collection `guide`: a few pages about Nexod itself, made in a workspace when it is first asked for.

So the template with sources, and the sample of every step that searches, work before anybody has uploaded anything.
It is a collection like any other; deleted, it is made anew when a step names it again. One that a person made under
this name is left alone.
"""

from __future__ import annotations

from pathlib import Path

from engine import embeddings
from engine.documents import passages
from engine.errors import Conflict
from engine.knowledge import adding, ingest
from engine.settings import Settings
from engine.store import collections as rows
from engine.store.database import Database
from engine.store.models import Collection, new_id
from engine.store.session import Workspace

NAME, UNFINISHED = "guide", "guide (being made)"
PAGES = Path(__file__).parent / "guide_pages"


def ready(db: Database, settings: Settings, workspace_id: str) -> None:
    """Comes back when it can be searched. Whoever finds it half made goes on with it; its name comes last."""
    ws = Workspace(db, workspace_id)
    with ws.read() as tx:
        if rows.named(tx, NAME):
            return
    home = _unfinished(ws, settings)
    pages = [page.read_text(encoding="utf-8") for page in sorted(PAGES.glob("*.md"))]
    new = [adding.of_text(text, text.partition("\n")[0].lstrip("# ")) for text in pages]
    added = [adding.add_once(ws, settings, home, page, f"guide:{home}:{page.digest}") for page in new]
    for document in added:
        ingest.wait(db, settings, workspace_id, document, lambda: False)
    with ws.begin() as tx:
        row = rows.one(tx, home, lock=True)
        other = rows.named(tx, NAME)
        if other is None:
            row.name = NAME
            tx.add(row)
        elif other.id != home:
            rows.delete_all(tx, row)


def _unfinished(ws: Workspace, settings: Settings) -> str:
    """The id of the one that somebody began, or of a new one."""
    embedder = embeddings.open(embeddings.DEFAULT, settings)
    try:
        with ws.begin() as tx:
            if begun := rows.named(tx, UNFINISHED):
                return begun.id
            row = Collection(
                workspace_id=ws.id, id=new_id(), name=UNFINISHED, embedding=embedder.name,
                dimension=embedder.dimension, chunk_size=passages.SIZE, chunk_overlap=passages.OVERLAP,
                created_at=tx.now, updated_at=tx.now,
            )  # fmt: skip
            rows.insert(tx, row, lambda: Conflict("Somebody begins it right now."))
            return row.id
    except Conflict:
        return _unfinished(ws, settings)
