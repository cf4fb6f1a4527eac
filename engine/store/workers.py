"""Which worker processes there are: a mark that each leaves now and then, for health and nothing else."""

from __future__ import annotations

from engine.store.database import Database, Statement, now_ms
from engine.store.models import DEFAULT_WORKSPACE

FRESH_MS = 20_000
"""A mark older than this is of a worker that is gone, or that hangs."""
KEPT_MS = 3600_000

_SEEN = Statement(
    "insert into worker (workspace_id, owner, seen_at) values (:w, :owner, :now)"
    " on conflict (workspace_id, owner) do update set seen_at = excluded.seen_at"
)
_FORGET = Statement("delete from worker where seen_at < :old")
_GONE = Statement("delete from worker where owner = :owner")
_COUNT = Statement("select count(*) from worker where seen_at > :since")


def seen(db: Database, owner: str) -> None:
    with db.begin() as conn:
        now = now_ms(conn)
        _SEEN(conn, w=DEFAULT_WORKSPACE, owner=owner, now=now)
        _FORGET(conn, old=now - KEPT_MS)


def gone(db: Database, owner: str) -> None:
    """A worker that ends by itself takes its mark along."""
    with db.begin() as conn:
        _GONE(conn, owner=owner)


def alive(db: Database) -> int:
    """How many workers were seen lately."""
    with db.read() as conn:
        return _COUNT(conn, since=now_ms(conn) - FRESH_MS).scalar_one()
