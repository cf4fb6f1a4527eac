"""The connection to Pinecone: its client, the indexes that were found, and calls that are repeated when it pays."""

from __future__ import annotations

import functools
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from engine.errors import NodeError
from engine.retry_after import retry_after
from engine.settings import Settings
from engine.vectors import Space

if TYPE_CHECKING:
    from pinecone import Index, Pinecone, PineconeError
    from pinecone.errors.exceptions import ApiError
    from pinecone.models import IndexModel

T = TypeVar("T")
LATER = "Try again in a while; Pinecone's status page may say more."
ADDRESS = "Check PINECONE_HOST and the network where Nexod runs."
ANEW = "Embed the collection anew, or choose another PINECONE_INDEX."
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 8.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things may take, in seconds."""

    attempt_s: float = 10
    """One request."""
    whole_s: float = 30
    """A request with its repetitions and the pauses between them."""
    made_s: float = 120
    """A new index, until it is ready."""
    visible_s: float = 60
    """A write, until a search sees it."""


class Service:
    """Pinecone as one key sees it."""

    def __init__(self, settings: Settings, patience: Patience) -> None:
        if not settings.pinecone_api_key:
            raise NodeError("There is no key for Pinecone.", code="store_unauthorized", hint="Set PINECONE_API_KEY.")
        self._settings = settings
        self._patience = patience
        self._indexes: dict[int, Index] = {}
        self._lock = threading.Lock()

    def found(self, space: Space) -> Index | None:
        """The index of that dimension, if there is one."""
        return self._indexes.get(space.dimension) or self._open(space, make=False)

    def made(self, space: Space) -> Index:
        index = self._indexes.get(space.dimension) or self._open(space, make=True)
        assert index is not None
        return index

    def call(self, ask: Callable[..., T], **asked: Any) -> T:
        """The answer, repeated after a pause where that may help, within our patience. Raises NodeError."""
        from pinecone import PineconeError

        end, pause = time.monotonic() + self._patience.whole_s, FIRST_PAUSE_S
        while True:
            try:
                return ask(**asked)
            except PineconeError as fault:
                said = _said(fault)
                wait = (said.retry_after or 0) + random.uniform(pause / 2, pause)
                if not said.retryable or time.monotonic() + wait > end:
                    if said.code == "store_unavailable":
                        self._indexes.clear()  # it may live elsewhere by now
                    raise said from None
            time.sleep(wait)
            pause = min(LONGEST_PAUSE_S, pause * 2)

    def read(self, ask: Callable[..., T], **asked: Any) -> T | None:
        """The same, None when nobody has written into the namespace yet."""
        try:
            return self.call(ask, **asked)
        except NodeError as fault:
            if fault.extra.get("status") == 404 and "namespace" in fault.message.lower():
                return None
            raise

    @functools.cached_property
    def _client(self) -> Pinecone:
        from pinecone import Pinecone, RetryConfig

        return Pinecone(
            api_key=self._settings.pinecone_api_key,
            host=self._settings.pinecone_host,
            timeout=self._patience.attempt_s,
            retry_config=RetryConfig(max_retries=0),
            source_tag="nexod",
        )

    def _open(self, space: Space, make: bool) -> Index | None:
        with self._lock:
            if space.dimension not in self._indexes:
                model = self._described(space, make)
                if model is None:
                    return None
                self._indexes[space.dimension] = self._connect(_host(model.host or "", self._settings.pinecone_host))
            return self._indexes[space.dimension]

    def _connect(self, host: str) -> Index:
        index: Any = self._client.index(host=host)
        # By itself it would repeat for minutes; how often and how long is for us to say.
        transport = index._http._client._transport
        transport._config = self._client.config.retry_config
        return index

    def _described(self, space: Space, make: bool) -> IndexModel | None:
        """The index as Pinecone tells it, ready and of the right kind."""
        name = f"{self._settings.pinecone_index}-{space.dimension}"
        end, model = time.monotonic() + self._patience.made_s, self._describe(name)
        if model is None and make:
            self._make(name, space.dimension)
            model = self._describe(name)
        while model is not None and not (model.status.ready and model.host):
            if time.monotonic() > end:
                message = f"Pinecone has not made the index {name!r} in time ({model.status.state})."
                raise NodeError(message, code="store_timeout", hint=LATER, retryable=True)
            time.sleep(min(1.0, self._patience.made_s / 20))
            model = self._describe(name)
        if model is not None:
            _check(model, space)
        return model

    def _describe(self, name: str) -> IndexModel | None:
        try:
            return self.call(self._client.indexes.describe, name=name)
        except NodeError as fault:
            if fault.extra.get("status") == 404:
                return None
            raise

    def _make(self, name: str, dimension: int) -> None:
        cloud, region = self._settings.pinecone_region.split("/")
        where = {"deployment_type": "managed", "cloud": cloud, "region": region}
        try:
            # The one way to an index of plain vectors is what the client calls the old one.
            self.call(
                self._client.indexes.create,
                name=name, dimension=dimension, metric="cosine", deployment=where, timeout=-1,
            )  # fmt: skip
        except NodeError as fault:
            if fault.extra.get("status") != 409:  # another process was first
                raise


@functools.lru_cache(maxsize=8)
def service_for(settings: Settings, patience: Patience) -> Service:
    return Service(settings, patience)


def _check(model: IndexModel, space: Space) -> None:
    dimension, metric = model.dimension, model.metric
    if dimension != space.dimension:
        raise NodeError(
            f"The index {model.name!r} at Pinecone holds vectors of {dimension} numbers, not of {space.dimension}.",
            code="dimension_mismatch",
            hint="Delete it there, or choose another PINECONE_INDEX.",
        )
    if metric != "cosine":
        hint = "Delete it there, or choose another PINECONE_INDEX."
        raise NodeError(
            f"The index {model.name!r} compares by {metric}, not by cosine.", code="store_refused", hint=hint
        )


def _host(host: str, base: str) -> str:
    """Where the index lives. The key goes nowhere but beside the configured host, and as safely."""
    address = host if "://" in host else f"https://{host}"
    theirs, ours = urlsplit(address), urlsplit(base)
    if not _is_beside(theirs.hostname or "", ours.hostname or "") or (theirs.scheme, ours.scheme) == ("http", "https"):
        hint = f"PINECONE_HOST is {base}; hosts beside it are trusted, no others."
        raise NodeError(f"Pinecone says that the index lives at {host!r}.", code="store_unauthorized", hint=hint)
    return address


def _is_beside(host: str, base: str) -> bool:
    """`x.svc.pinecone.io` is beside `api.pinecone.io`."""
    if host == base:
        return True
    with suppress(ValueError):
        ip_address(base)
        return False
    domain = base.partition(".")[2]
    return "." in domain and host.endswith(f".{domain}")


def _said(fault: PineconeError) -> NodeError:
    """Pinecone's error in our words."""
    from pinecone.errors.exceptions import (
        ApiError,
        PineconeTimeoutError,
        PineconeTypeError,
        PineconeValueError,
        ResponseParsingError,
    )

    theirs = str(fault).splitlines()[0][:200] if str(fault) else type(fault).__name__
    if isinstance(fault, ApiError):
        return _answered(fault, theirs)
    if isinstance(fault, PineconeTimeoutError):
        return NodeError("Pinecone did not answer in time.", code="store_timeout", hint=LATER, retryable=True)
    if isinstance(fault, PineconeValueError | PineconeTypeError):
        return NodeError(f"Pinecone's client says: {theirs}", code="store_refused")
    reached = isinstance(fault, ResponseParsingError)
    message = f"Pinecone's answer cannot be read: {theirs}" if reached else f"Pinecone cannot be reached: {theirs}"
    return NodeError(message, code="store_unavailable", hint=ADDRESS, retryable=not reached)


def _answered(fault: ApiError, theirs: str) -> NodeError:
    status, wait = fault.status_code, retry_after(fault.headers or {})
    if status in (401, 403):
        hint = "Check PINECONE_API_KEY and what it may do."
        return NodeError(f"Pinecone refuses the key: {theirs}", code="store_unauthorized", hint=hint, status=status)
    if status == 429 or status == 408 or status >= 500:
        code = {429: "store_rate_limited", 408: "store_timeout"}.get(status, "store_unavailable")
        message = f"Pinecone answers {status}: {theirs}"
        return NodeError(message, code=code, hint=LATER, retryable=True, retry_after=wait, status=status)
    code, hint = ("store_unavailable", LATER) if status == 404 else ("store_refused", "")
    if status == 400 and "dimension" in theirs:
        code, hint = "dimension_mismatch", ANEW
    return NodeError(f"Pinecone says: {theirs}", code=code, hint=hint, status=status)
