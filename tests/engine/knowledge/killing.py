"""What the kill test kills: `nexod up` with its real workers, and nobody in the place of the web.

`NEXOD_KILL_WITHOUT=fence` or `flip` takes that out, to show that the test would notice.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from engine import up, worker
from engine.failpoint import hit
from engine.knowledge import ingest
from engine.settings import Settings
from engine.store import documents as queue
from engine.store import revisions
from engine.store.database import Database, Statement, now_ms
from engine.store.passages import CHUNK


def nobody(settings: Settings, ready: Callable[[], None]) -> None:
    ready()
    listener = socket.create_server((settings.host, settings.port))
    while True:
        time.sleep(60)
    listener.close()


def without_fence() -> None:
    """Whoever lost the right goes on."""
    homes = {revisions: ["_FLIP"], queue: ["_PROGRESS", "_FETCHED", "_SAME", "_FAIL", "_AGAIN"]}
    for home, name in ((home, name) for home, names in homes.items() for name in names):
        fenced: Statement = getattr(home, name)
        setattr(home, name, Statement(_sql(fenced).replace(" and epoch = :epoch and status = 'ingesting'", "")))
    ingest.Job.is_lost = lambda self: False


def _sql(statement: Statement) -> str:
    """A statement as it was written."""
    parts = statement.sqlite.split("?")
    names = [f":{name}" for name in statement.names] + [""]
    return "".join(part + name for part, name in zip(parts, names, strict=True))


def without_flip() -> None:
    """The old passages go, the new ones come, one transaction each."""

    def flip(db: Database, claim: queue.Claim, space: str, chunks: list[revisions.NewChunk], **said: Any) -> None:
        with db.begin() as conn:
            revisions._FORGET_CHUNKS(conn, w=claim.workspace_id, id=claim.id)
        for chunk in chunks:
            hit("ingest_flipping")
            with db.begin() as conn:
                row = {
                    "workspace_id": claim.workspace_id, "id": f"{claim.vectors}{chunk.n}", "document_id": claim.id,
                    "collection_id": claim.collection_id, "n": chunk.n, "text": chunk.text, "metadata": chunk.metadata,
                }  # fmt: skip
                conn.execute(sa.insert(CHUNK), [row])
        with db.begin() as conn:
            said["details"] = "{}"
            now = now_ms(conn)
            queue.fenced(revisions._FLIP(conn, **queue.key(claim), **said, chunks=len(chunks), now=now), claim)

    revisions.flip = flip


if __name__ == "__main__":
    {"": lambda: None, "fence": without_fence, "flip": without_flip}[os.environ.get("NEXOD_KILL_WITHOUT", "")]()
    worker.STUCK_S = 600.0  # whoever was frozen goes on, and does not end itself
    settings = Settings.read()
    up.run(settings, lambda ready: nobody(settings, ready))
