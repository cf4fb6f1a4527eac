"""How the service is, for load balancers and people."""

from __future__ import annotations

from typing import Any

from engine.errors import Unavailable
from engine.services import doorbell
from engine.store import workers
from engine.store.database import Database


def look(db: Database) -> dict[str, Any]:
    """`ok`, or `degraded` with what is away: runs are still admitted, and start once it is back."""
    try:
        count = workers.alive(db)
    except Unavailable:
        return {"status": "degraded", "database": "away", "queue": "unknown", "worker": "unknown"}
    queue = "ok" if doorbell.answers(db) else "away"
    worker = "ok" if count else "away"
    return {
        "status": "ok" if queue == worker == "ok" else "degraded",
        "database": "ok",
        "queue": queue,
        "worker": worker,
    }
