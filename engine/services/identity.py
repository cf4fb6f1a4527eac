"""Who is asking: sign-in links, browser sessions, API keys. Only hashes of secrets are stored.

A key is `nxd_` + 30 characters of chance + 6 of checksum, so that a mistyped one is refused without asking the
database. Scopes: `read` everything, `write` workflows, `run` them (start, cancel, retry, fork, resolve), `approve`
(decide), `admin` (keys). None implies another. A session holds them all.
"""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from zlib import crc32

from engine.errors import Invalid, NotFound, Problem, Unauthorized
from engine.events import rfc3339
from engine.store import identity as rows
from engine.store.database import Database
from engine.store.models import DEFAULT_WORKSPACE, ApiKey
from engine.store.session import Workspace
from engine.values import is_list

SCOPES = ("read", "write", "run", "approve", "admin")
LINK_MS = 15 * 60_000
IDLE_MS = 12 * 3600_000
SESSION_MS = 7 * 24 * 3600_000
NOTICE_MS = 60_000
"""How often at most a "last seen" is written."""
_ALPHABET = string.digits + string.ascii_letters
PERSON = "owner"
"""The one person of a workspace, until there are members."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, as decisions name them."""

    workspace_id: str
    name: str
    scopes: frozenset[str]
    kind: str = "session"

    def may(self, scope: str) -> bool:
        return scope in self.scopes


# Sign-in links and sessions ----------------------------------------------------------------------------------


def login_link(db: Database, origin: str, workspace_id: str = DEFAULT_WORKSPACE) -> str:
    """The address of a page whose button signs in once, within 15 minutes."""
    token = secrets.token_urlsafe(32)
    with db.begin() as conn:
        now = db.now_ms(conn)
        rows.add_token(conn, workspace_id, _hash(token), now, now + LINK_MS)
    return f"{origin}/login?token={token}"


def sign_in(db: Database, token: Any) -> str:
    """The value of the session's cookie. Raises Unauthorized unless the token is live; then it is used up."""
    value = secrets.token_urlsafe(32)
    if not isinstance(token, str) or not 20 <= len(token) <= 200:
        raise _stale()
    with db.begin() as conn:
        now = db.now_ms(conn)
        workspace_id = rows.use_token(conn, _hash(token), now)
        if workspace_id is None:
            raise _stale()
        rows.add_session(conn, workspace_id, _hash(value), PERSON, SCOPES, now, now + SESSION_MS)
    return value


def _stale() -> Unauthorized:
    return Unauthorized(
        "This sign-in link is used, too old or not ours.", hint="Run `nexod login-link` on the server for a new one."
    )


def session(db: Database, cookie: str) -> Actor | None:
    """Who this browser is; None when it is signed out, idle for 12 hours or over 7 days old."""
    if not 20 <= len(cookie) <= 200:
        return None
    digest = _hash(cookie)
    with db.read() as conn:
        now = db.now_ms(conn)
        found = rows.session(conn, digest, now, now - IDLE_MS)
    if found is None:
        return None
    workspace_id, name, scopes, last_seen = found
    if now - last_seen > NOTICE_MS:
        with db.begin() as conn:
            rows.seen(conn, digest, now)
    return Actor(workspace_id, name, frozenset(scopes))


def sign_out(db: Database, cookie: str) -> None:
    with db.begin() as conn:
        rows.end_session(conn, _hash(cookie))


# API keys ----------------------------------------------------------------------------------------------------


def key_actor(db: Database, secret: str) -> Actor | None:
    if not well_formed(secret):
        return None
    digest = _hash(secret)
    with db.read() as conn:
        now = db.now_ms(conn)
        found = rows.key(conn, digest)
    if found is None:
        return None
    workspace_id, name, scopes, last_used = found
    if now - last_used > NOTICE_MS:
        with db.begin() as conn:
            rows.key_used(conn, digest, now)
    return Actor(workspace_id, f"key:{name}", frozenset(scopes), "key")


def create_key(ws: Workspace, name: Any, scopes: Any = None) -> dict[str, Any]:
    """The key with its secret, which is shown this once. Without `scopes` it may do everything."""
    wanted = list(SCOPES) if scopes is None else scopes
    if problems := [*_bad_name(name), *_bad_scopes(wanted)]:
        raise Invalid.of(problems, "The key cannot be made.")
    secret = new_secret()
    granted = [scope for scope in SCOPES if scope in wanted]
    with ws.begin() as tx:
        row = ApiKey(
            workspace_id=ws.id, name=name.strip(), prefix=secret[:8], hash=_hash(secret), scopes=granted,
            created_at=tx.now,
        )  # fmt: skip
        tx.add(row)
        return {**_key_json(row), "key": secret}


def list_keys(ws: Workspace) -> list[dict[str, Any]]:
    with ws.read() as tx:
        return [_key_json(row) for row in rows.keys(tx)]


def revoke_key(ws: Workspace, key_id: str) -> None:
    with ws.begin() as tx:
        row = tx.find(ApiKey, key_id)
        if row.revoked_at is not None:
            raise NotFound(f"There is no key {key_id!r}.")
        row.revoked_at = tx.now


def new_secret() -> str:
    chance = "".join(secrets.choice(_ALPHABET) for _ in range(30))
    return f"nxd_{chance}{_checksum(chance)}"


def well_formed(secret: str) -> bool:
    return len(secret) == 40 and secret.startswith("nxd_") and secret[34:] == _checksum(secret[4:34])


def _checksum(chance: str) -> str:
    number, digits = crc32(chance.encode(errors="replace")), ""
    for _ in range(6):
        number, rest = divmod(number, 62)
        digits += _ALPHABET[rest]
    return digits


def _key_json(row: ApiKey) -> dict[str, Any]:
    return {
        "id": row.id, "name": row.name, "prefix": row.prefix, "scopes": row.scopes,
        "created_at": rfc3339(row.created_at), "last_used_at": rfc3339(row.last_used_at),
    }  # fmt: skip


def _bad_name(name: Any) -> list[Problem]:
    if isinstance(name, str) and 0 < len(name.strip()) <= 100 and name.isprintable():
        return []
    return [Problem("bad_value", "A key needs a name of at most 100 characters.", "Say what it is for.", field="name")]


def _bad_scopes(scopes: Any) -> list[Problem]:
    if is_list(scopes) and scopes and all(scope in SCOPES for scope in scopes):
        return []
    return [Problem("bad_value", f"Scopes are a list of {', '.join(SCOPES)}.", "Name at least one.", field="scopes")]


def _hash(secret: str) -> str:
    return sha256(secret.encode(errors="replace")).hexdigest()
