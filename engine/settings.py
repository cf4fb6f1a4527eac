"""What the operator may choose, read once from the environment. Nothing else reads `os.environ` for these."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from engine.errors import NexodError

T = TypeVar("T")
DATABASES = ("sqlite", "postgresql", "postgresql+psycopg", "postgres")


class BadSetting(NexodError):
    """A variable of the environment that cannot be used; `variable` names it."""

    code = "bad_setting"

    def __init__(self, variable: str, message: str, hint: str = "") -> None:
        super().__init__(f"{variable}: {message}", hint=hint)
        self.variable = variable


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where originals are kept instead of `data`: something that speaks the protocol of Amazon S3."""

    name: str
    prefix: str = ""
    endpoint: str = ""
    """Default: Amazon's, of the region."""
    region: str = "us-east-1"
    key_id: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    data: Path = Path(".nexod")
    """Where everything that lasts is kept, readable by its owner only."""
    host: str = "127.0.0.1"
    port: int = 8000
    url: str = ""
    """The public origin: cookies, links, Origin check. Default: `http://host:port`."""
    database_url: str = ""
    """Default: SQLite in `data`."""
    redis_url: str = ""
    workers: int = 1
    slots: int = 32
    """Runs that one worker executes at a time."""
    lease_s: float = 15.0
    egress_allow: tuple[str, ...] = ()
    openai_api_key: str = field(default="", repr=False)
    openai_base_url: str = ""
    anthropic_api_key: str = field(default="", repr=False)
    pinecone_api_key: str = field(default="", repr=False)
    pinecone_host: str = "https://api.pinecone.io"
    """Where indexes are found and made; only hosts beside it ever get the key."""
    pinecone_index: str = "nexod"
    """Indexes are called `<this>-<dimension>`."""
    pinecone_region: str = "aws/us-east-1"
    minilm: Path | None = None
    """Where MiniLM's files are, when not in its package."""
    bucket: Bucket | None = None
    """Default: files in `data`."""
    failpoint: str = ""

    @classmethod
    def read(cls, env: Mapping[str, str] | None = None) -> Settings:
        """The settings of this process. Makes the data directory; raises BadSetting."""
        get = _Reader(os.environ if env is None else env)
        data = _private_dir(get("NEXOD_DATA", Path(".nexod"), Path))
        host = get("HOST", "127.0.0.1", str)
        port = get("PORT", 8000, _port)
        return cls(
            data=data,
            host=host,
            port=port,
            url=get("NEXOD_URL", f"http://{_link_host(host)}:{port}", _origin),
            database_url=get("DATABASE_URL", f"sqlite:///{data / 'nexod.db'}", _database),
            redis_url=get("REDIS_URL", "", _redis),
            workers=get("NEXOD_WORKERS", 1, _whole(0, 64)),
            slots=get("NEXOD_SLOTS", 32, _whole(1, 1024)),
            lease_s=get("NEXOD_LEASE_S", 15.0, _seconds(1, 3600)),
            egress_allow=get("NEXOD_EGRESS_ALLOW", (), _list),
            openai_api_key=get("OPENAI_API_KEY", "", str),
            openai_base_url=get("OPENAI_BASE_URL", "", _http),
            anthropic_api_key=get("ANTHROPIC_API_KEY", "", str),
            pinecone_api_key=get("PINECONE_API_KEY", "", str),
            pinecone_host=get(
                "PINECONE_HOST", get("PINECONE_CONTROLLER_HOST", "https://api.pinecone.io", _http), _http
            ),
            pinecone_index=get("PINECONE_INDEX", "nexod", _index),
            pinecone_region=get("PINECONE_REGION", "aws/us-east-1", _region),
            minilm=get("NEXOD_MINILM", None, _maybe_path),
            bucket=_bucket(get),
            failpoint=get("NEXOD_FAILPOINT", "", str),
        )

    @property
    def queue_path(self) -> Path:
        return self.data / "queue.db"


class _Reader:
    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env

    def __call__(self, variable: str, default: T, read: Callable[[str], T]) -> T:
        text = self.env.get(variable, "").strip()
        if not text:
            return default
        try:
            return read(text)
        except ValueError as fault:
            raise BadSetting(variable, str(fault)) from None


def _bucket(get: _Reader) -> Bucket | None:
    where = get("NEXOD_FILES", None, _s3)
    if where is None:
        return None
    keys = [get(variable, "", str) for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]
    if not all(keys):
        # Without them the library would look for keys on the machine and ask the cloud for some.
        variable = "AWS_SECRET_ACCESS_KEY" if keys[0] else "AWS_ACCESS_KEY_ID"
        raise BadSetting(variable, "is needed for NEXOD_FILES")
    return Bucket(
        *where,
        endpoint=get("AWS_ENDPOINT_URL_S3", "", _http) or get("AWS_ENDPOINT_URL", "", _http),
        region=get("AWS_REGION", "", str) or get("AWS_DEFAULT_REGION", "us-east-1", str),
        key_id=keys[0],
        secret=keys[1],
        token=get("AWS_SESSION_TOKEN", "", str),
    )


def _s3(text: str) -> tuple[str, str]:
    parts = urlsplit(text)
    name, prefix = parts.netloc, parts.path.strip("/")
    if parts.scheme != "s3" or not _BUCKET.fullmatch(name) or not _PREFIX.fullmatch(prefix) or ".." in prefix:
        raise ValueError(f"{text!r} is no place for files; expected s3://bucket or s3://bucket/prefix")
    return name, prefix


_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"(?:[A-Za-z0-9!_.*'()/ -]{1,500})?")


def _maybe_path(text: str) -> Path | None:
    return Path(text).expanduser().absolute()


def _private_dir(path: Path) -> Path:
    path = path.expanduser().absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.stat().st_mode & 0o077:
            path.chmod(0o700)
    except OSError as fault:
        raise BadSetting("NEXOD_DATA", f"{str(path)!r} cannot be used ({fault.strerror})") from None
    return path


def _link_host(host: str) -> str:
    """What a browser on this machine calls a listener on `host`."""
    if host in ("0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise ValueError(f"{text!r} is no whole number from {low} to {high}")
        return int(text)

    return read


_port = _whole(1, 65535)


def _seconds(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not low <= value <= high:
            raise ValueError(f"{text!r} is no number of seconds from {low} to {high}")
        return value

    return read


def _list(text: str) -> tuple[str, ...]:
    return tuple(part for part in (p.strip() for p in text.split(",")) if part)


def _http(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{text!r} is no http or https address")
    return text.rstrip("/")


def _index(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", text):
        raise ValueError(f"{text!r} is no name of an index; expected up to 32 small letters, digits and hyphens")
    return text


def _region(text: str) -> str:
    if not re.fullmatch(r"(aws|gcp|azure)/[a-z0-9-]+", text):
        raise ValueError(f"{text!r} is no region; expected something like aws/us-east-1")
    return text


def _origin(text: str) -> str:
    parts = urlsplit(_http(text))
    if parts.path or parts.query or parts.username:
        raise ValueError(f"{text!r} is no origin; expected something like https://nexod.example.org")
    return f"{parts.scheme}://{parts.netloc}"


def _database(text: str) -> str:
    scheme = text.split("://", 1)[0]
    if "://" not in text or scheme not in DATABASES:
        # The text may hold a password, so it is not repeated here.
        raise ValueError("expected sqlite:///path or postgresql://user:password@host/name")
    if scheme in ("postgres", "postgresql"):
        return "postgresql+psycopg" + text[len(scheme) :]
    return text


def _redis(text: str) -> str:
    try:
        parts = urlsplit(text)
        known = parts.scheme in ("redis", "rediss", "unix") and (parts.port or True)
    except ValueError:
        known = False
    if not known:
        # The text may hold a password, so it is not repeated here.
        raise ValueError("expected redis://host:port/0")
    return text
