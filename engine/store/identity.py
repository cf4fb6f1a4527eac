"""Queries over sign-in links, sessions and API keys. Secrets come in hashed; nothing here sees one.

The first questions (whose link, session or key is this?) come before there is a workspace: a hash is the only key.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection
from sqlmodel import col, select

from engine.store.database import Statement
from engine.store.models import ApiKey
from engine.store.session import Session

_FORGET_TOKENS = Statement("delete from sign_in_token where workspace_id = :w and expires_at < :now")
_ADD_TOKEN = Statement(
    "insert into sign_in_token (workspace_id, hash, created_at, expires_at) values (:w, :hash, :now, :until)"
)
_USE_TOKEN = Statement(
    "update sign_in_token set used_at = :now where hash = :hash and used_at is null and expires_at > :now"
    " returning workspace_id"
)
_FORGET_SESSIONS = Statement("delete from session where workspace_id = :w and expires_at < :now")
_ADD_SESSION = Statement(
    "insert into session (workspace_id, hash, name, scopes, created_at, last_seen_at, expires_at)"
    " values (:w, :hash, :name, :scopes, :now, :now, :until)"
)
_SESSION = Statement(
    "select workspace_id, name, scopes, last_seen_at from session"
    " where hash = :hash and expires_at > :now and last_seen_at > :idle_since"
)
_SEEN = Statement("update session set last_seen_at = :now where hash = :hash")
_END_SESSION = Statement("delete from session where hash = :hash")
_KEY = Statement(
    "select workspace_id, name, scopes, last_used_at from api_key where hash = :hash and revoked_at is null"
)
_KEY_USED = Statement("update api_key set last_used_at = :now where hash = :hash")

Known = tuple[str, str, list[str], int]
"""Workspace, name, scopes, last seen."""


def add_token(conn: Connection, w: str, digest: str, now: int, until: int) -> None:
    _FORGET_TOKENS(conn, w=w, now=now)
    _ADD_TOKEN(conn, w=w, hash=digest, now=now, until=until)


def use_token(conn: Connection, digest: str, now: int) -> str | None:
    """The workspace that the link signs in to, once; None if it is unknown, used or too old."""
    return _USE_TOKEN(conn, hash=digest, now=now).scalar()


def add_session(conn: Connection, w: str, digest: str, name: str, scopes: Sequence[str], now: int, until: int) -> None:
    _FORGET_SESSIONS(conn, w=w, now=now)
    _ADD_SESSION(conn, w=w, hash=digest, name=name, scopes=json.dumps(list(scopes)), now=now, until=until)


def session(conn: Connection, digest: str, now: int, idle_since: int) -> Known | None:
    row = _SESSION(conn, hash=digest, now=now, idle_since=idle_since).first()
    return _known(*row) if row else None


def seen(conn: Connection, digest: str, now: int) -> None:
    _SEEN(conn, hash=digest, now=now)


def end_session(conn: Connection, digest: str) -> None:
    _END_SESSION(conn, hash=digest)


def key(conn: Connection, digest: str) -> Known | None:
    row = _KEY(conn, hash=digest).first()
    return _known(*row) if row else None


def _known(w: str, name: str, scopes: str, last_seen: int | None) -> Known:
    return w, name, json.loads(scopes), last_seen or 0


def key_used(conn: Connection, digest: str, now: int) -> None:
    _KEY_USED(conn, hash=digest, now=now)


def keys(session: Session) -> Sequence[ApiKey]:
    """The live ones, newest first."""
    return session.exec(select(ApiKey).where(col(ApiKey.revoked_at).is_(None)).order_by(col(ApiKey.id).desc())).all()
