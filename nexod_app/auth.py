"""Who is asking, for routes and page handlers alike: key or cookie, scope, and the origin of what changes things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from engine.errors import Forbidden, Unauthorized
from engine.services import identity
from engine.services.identity import Actor
from engine.settings import Settings
from engine.store.database import Database
from engine.store.session import Workspace

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who may ask: their name and scopes, and the workspace that all they ask is bound to."""

    actor: Actor
    ws: Workspace

    @property
    def name(self) -> str:
        return self.actor.name


def cookie_name(settings: Settings) -> str:
    """`__Host-` ties the cookie to this host and to https; plain http cannot have it."""
    return "__Host-nexod_session" if settings.url.startswith("https://") else "nexod_session"


def caller(
    db: Database, settings: Settings, headers: Mapping[str, str], method: str, scope: str | None = None
) -> Caller:
    """Whoever sent these headers. Raises Unauthorized, or Forbidden without `scope` or from a foreign page."""
    secret = _key_of(headers)
    actor = identity.key_actor(db, secret) if secret is not None else None
    if secret is None and (cookie := cookie_of(headers.get("cookie", ""), settings)):
        actor = identity.session(db, cookie)
        if actor and method not in SAFE and not own_origin(headers, settings):
            raise Forbidden("The request comes from another site.", hint="Open Nexod under its own address.")
    if actor is None:
        raise Unauthorized("Sign in, or send an API key.", hint="Authorization: Bearer nxd_…")
    return allowed(Caller(actor, Workspace(db, actor.workspace_id)), scope)


def allowed(who: Caller, scope: str | None) -> Caller:
    if scope is not None and not who.actor.may(scope):
        raise Forbidden(f"This needs the scope {scope}.", hint="Use a key that has it, or sign in.")
    return who


def from_cookies(db: Database, settings: Settings, header: str) -> Caller | None:
    """The signed-in person behind a `Cookie` header; for page handlers, which are called over the socket."""
    cookie = cookie_of(header, settings)
    actor = identity.session(db, cookie) if cookie else None
    return Caller(actor, Workspace(db, actor.workspace_id)) if actor else None


def cookie_of(header: str, settings: Settings) -> str | None:
    """The session's value in a `Cookie` header."""
    try:
        found = SimpleCookie(header).get(cookie_name(settings))
    except CookieError:
        return None
    return found.value if found else None


def own_origin(headers: Mapping[str, str], settings: Settings) -> bool:
    """Whether a browser sent this from a page of ours. Without Origin no browser did, or no page of another site."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
    return origin in _own(settings.url) or (not _is_public(settings) and _host(origin) == headers.get("host", ""))


def _is_public(settings: Settings) -> bool:
    """Whether the operator said which origin is ours; only then is the Host header not asked."""
    return settings.url.startswith("https://")


@lru_cache(maxsize=8)
def _own(url: str) -> frozenset[str]:
    """Our origin; on this machine under each of its names."""
    parts = urlsplit(url)
    if parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        return frozenset({url})
    port = f":{parts.port}" if parts.port else ""
    return frozenset(f"{parts.scheme}://{host}{port}" for host in ("127.0.0.1", "localhost", "[::1]"))


def _host(origin: str) -> str:
    return urlsplit(origin).netloc


def _key_of(headers: Mapping[str, str]) -> str | None:
    """The API key that was sent, right or wrong; None if there is none."""
    kind, _, secret = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return secret.strip()
    return headers.get("api-key")
