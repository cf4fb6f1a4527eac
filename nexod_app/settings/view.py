"""From the services' JSON and the operator's choices to what the settings draw. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from engine.settings import Settings

SCOPE_WORDS = {
    "read": "See workflows, runs and questions",
    "write": "Create, change and delete workflows",
    "run": "Start, cancel, retry and fork runs",
    "approve": "Answer questions",
    "admin": "Make and revoke keys",
}


@dataclass
class Key:
    """One API key of the list; never its secret."""

    id: str
    name: str
    prefix: str
    scopes: str
    created_at: str
    used_at: str


def key(one: Mapping[str, Any]) -> Key:
    every = set(one["scopes"]) == set(SCOPE_WORDS)
    return Key(
        id=one["id"],
        name=one["name"],
        prefix=f"{one['prefix']}…",
        scopes="everything" if every else ", ".join(one["scopes"]),
        created_at=one["created_at"] or "",
        used_at=one["last_used_at"] or "",
    )


def facts(settings: Settings) -> list[tuple[str, str]]:
    """Where things are kept and who works, without a password."""
    sqlite = settings.database_url.startswith("sqlite")
    return [
        ("Version", nexod_version()),
        ("Address", settings.url),
        ("Database", f"SQLite in {settings.data}" if sqlite else "PostgreSQL"),
        ("Queue", "Huey on Redis" if settings.redis_url else "Huey on SQLite"),
        ("Workers", str(settings.workers)),
        ("Lease", f"{settings.lease_s:g} s"),
    ]


def nexod_version() -> str:
    try:
        return version("nexod")
    except PackageNotFoundError:
        return "from source"
