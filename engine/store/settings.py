"""What a workspace chose for itself: small JSON values by name."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection

from engine.store.database import Statement, now_ms

_ALL = Statement("select name, value from setting where workspace_id = :w")
_WRITE = Statement(
    "insert into setting (workspace_id, name, value, updated_at) values (:w, :name, :value, :now)"
    " on conflict (workspace_id, name) do update set value = excluded.value, updated_at = excluded.updated_at"
)


def read(conn: Connection, workspace_id: str) -> dict[str, Any]:
    """All of them; what was never chosen is not there."""
    return {name: json.loads(value) for name, value in _ALL(conn, w=workspace_id)}


def write(conn: Connection, workspace_id: str, name: str, value: Any) -> None:
    _WRITE(conn, w=workspace_id, name=name, value=json.dumps(value, ensure_ascii=False), now=now_ms(conn))
