"""Live model text, between the worker that hears it and the page that shows it. Unfenced, and gone with the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.store.database import Database, Statement

_ADD = Statement(
    "insert into stream_token (workspace_id, run_id, node_id, key, n, text)"
    " select :w, :run_id, :node_id, :key, coalesce(max(n), -1) + 1, :text from stream_token"
    " where workspace_id = :w and run_id = :run_id and key = :key"
)
_DROP = Statement("delete from stream_token where workspace_id = :w and run_id = :run_id")
_READ = Statement(
    "select node_id, key, n, text from stream_token where workspace_id = :w and run_id = :run_id order by key, n"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """The n-th piece of what one step (`key`) streams."""

    node_id: str
    key: str
    n: int
    text: str


def add(db: Database, rows: Sequence[tuple[str, str, str, str, str]]) -> None:
    """`rows`: (workspace, run, node path, key, text), appended to what the key has."""
    with db.begin() as conn:
        for w, run_id, node_id, key, text in rows:
            _ADD(conn, w=w, run_id=run_id, node_id=node_id, key=key, text=text)


def drop(db: Database, workspace_id: str, run_id: str) -> None:
    with db.begin() as conn:
        _DROP(conn, w=workspace_id, run_id=run_id)


def read(db: Database, workspace_id: str, run_id: str) -> list[Piece]:
    """Everything a run streams now; readers remember per key how far they have shown it."""
    with db.read() as conn:
        return [Piece(*row) for row in _READ(conn, w=workspace_id, run_id=run_id)]
