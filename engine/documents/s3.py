"""Originals in a bucket of Amazon S3 or of anything that speaks its protocol. The only file that knows obstore."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from engine.documents.files import FileStore, checked, missing
from engine.errors import NodeError
from engine.settings import Bucket, Settings

T = TypeVar("T")
CONNECT_S, REQUEST_S, GIVE_UP_S = 5.0, 60.0, 90.0
RETRIES = 3
STATUS = re.compile(r"status code: (\d{3})")
CODE = re.compile(r"<Code>([A-Za-z]{1,60})</Code>")
HINT = "Check NEXOD_FILES and the AWS_… variables where Nexod is started."
LEFT_S = 3600
"""A download that old belongs to a process that was killed."""


class S3Files(FileStore):
    def __init__(self, settings: Settings, *, request_s: float = REQUEST_S, retries: int = RETRIES) -> None:
        assert settings.bucket
        self.bucket = settings.bucket
        self.downloads = settings.data / "tmp"
        self.retries = retries
        self._store = _store(settings.bucket, request_s, retries)

    def put(self, key: str, data: bytes) -> None:
        # One request, so that nobody ever sees a part of it.
        self._ask(checked(key), lambda: self._store.put(key, data, use_multipart=False))

    def get(self, key: str) -> bytes:
        return self._ask(checked(key), lambda: bytes(self._store.get(key).bytes()), reads=True)

    @contextmanager
    def path(self, key: str) -> Generator[Path]:
        data = self.get(key)
        self.downloads.mkdir(mode=0o700, exist_ok=True)
        self._sweep()
        handle, name = tempfile.mkstemp(dir=self.downloads, prefix="file-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            yield Path(name)
        finally:
            with suppress(OSError):
                os.unlink(name)

    def delete(self, key: str) -> None:
        self._remove(checked(key), [key])

    def delete_prefix(self, prefix: str) -> None:
        def found() -> list[str]:
            return [item["path"] for page in self._store.list(prefix) for item in page]

        self._remove(prefix, [*self._ask(checked(prefix), found), prefix])

    def _remove(self, key: str, keys: list[str], again: int = 0) -> None:
        try:
            self._ask(key, lambda: self._store.delete(keys))
        except _Missing:
            return
        except NodeError as fault:
            if not fault.retryable or again == self.retries:
                raise
            # The library does not repeat a deletion whose connection broke; it may be repeated as often as one likes.
            self._remove(key, keys, again + 1)

    def _sweep(self) -> None:
        for file in self.downloads.glob("file-*"):
            with suppress(OSError):
                if time.time() - file.stat().st_mtime > LEFT_S:
                    file.unlink()

    def _ask(self, key: str, call: Callable[[], T], reads: bool = False) -> T:
        from obstore.exceptions import BaseError

        try:
            return call()
        except (BaseError, OSError, ValueError) as fault:
            # Its text may hold the whole request, so only what is known of it is told.
            text = str(fault)
        raise _failure(self.bucket, key, text, reads)


class _Missing(NodeError):
    """Told apart because what is not there need not be deleted."""


def _store(bucket: Bucket, request_s: float, retries: int) -> Any:
    from obstore.store import S3Store

    if TYPE_CHECKING:
        from obstore.store import S3Config
    # Everything that obstore would otherwise look for in the environment, or ask the cloud for, is said here.
    config: S3Config = {
        "region": bucket.region,
        "access_key_id": bucket.key_id,
        "secret_access_key": bucket.secret,
        "skip_signature": False,
        "unsigned_payload": False,
        "virtual_hosted_style_request": False,
        "disable_bulk_delete": True,  # not everything that speaks S3 can do it
    }
    if bucket.endpoint:
        config |= {"endpoint": bucket.endpoint, "aws_endpoint_url_s3": bucket.endpoint}
    if bucket.token:
        config["session_token"] = bucket.token
    return S3Store(
        bucket.name,
        prefix=bucket.prefix or None,
        config=config,
        client_options={
            "allow_http": bucket.endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=CONNECT_S),
            "timeout": timedelta(seconds=request_s),
        },
        retry_config={
            "max_retries": retries,
            "retry_timeout": timedelta(seconds=GIVE_UP_S),
            "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=3), "base": 2},
        },
    )


def _failure(bucket: Bucket, key: str, text: str, reads: bool) -> NodeError:
    status = int(found[1]) if (found := STATUS.search(text)) else 0
    code = found[1] if (found := CODE.search(text)) else ""
    where = f"the bucket {bucket.name!r}"
    if code == "NoSuchBucket":
        return NodeError(f"There is no bucket {bucket.name!r}.", code="files_unavailable", hint=HINT)
    if status == 404 or "not found" in text[:300]:
        fault = missing(key)
        return _Missing(fault.message, code=fault.code, hint=fault.hint) if not reads else fault
    if status in (401, 403):
        told = f" ({code})" if code else ""
        return NodeError(f"{where.capitalize()} refused the request{told}.", code="files_unauthorized", hint=HINT)
    if "redirect" in text[:2000].lower():
        return NodeError(
            f"{where.capitalize()} is in another region.", code="files_unavailable", hint="Set AWS_REGION to it."
        )
    if "Timeout" in text:
        return NodeError(f"{where.capitalize()} did not answer in time.", code="files_timeout", retryable=True)
    if status in (429, 503) or status >= 500:
        return NodeError(f"{where.capitalize()} answered {status}.", code="files_unavailable", retryable=True)
    if status:
        return NodeError(f"{where.capitalize()} answered {status} {code}".rstrip() + ".", code="files_unavailable")
    return NodeError(f"{where.capitalize()} cannot be reached.", code="files_unavailable", hint=HINT, retryable=True)
