"""The originals of documents: files below NEXOD_DATA, or objects in a bucket that speaks S3. Everything here blocks."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.errors import NodeError
from engine.settings import Settings

PART = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}"
TIDIED = 20
KEY = re.compile(rf"{PART}(?:/{PART}){{0,9}}")


class FileStore(ABC):
    """Keys are a few plain words between slashes. Raises NodeError: `file_missing`, `file_key`, `files_full`,
    `files_unauthorized`, `files_unavailable`, `files_timeout`; those worth another try say so."""

    @staticmethod
    def open(settings: Settings) -> FileStore:
        if settings.bucket is None:
            return LocalFiles(settings.data / "files")
        from engine.documents.s3 import S3Files  # a large library, for those who use it

        return S3Files(settings)

    @abstractmethod
    def put(self, key: str, data: bytes) -> None:
        """All of it or nothing; it replaces what was there."""

    @abstractmethod
    def get(self, key: str) -> bytes: ...

    @abstractmethod
    @contextmanager
    def path(self, key: str) -> Generator[Path]:
        """`with store.path(key) as path`: the content as a local file, to read, and only inside."""
        yield Path()

    @abstractmethod
    def delete(self, key: str) -> None:
        """Gone afterwards, also if it was not there."""

    @abstractmethod
    def delete_prefix(self, prefix: str) -> None:
        """`prefix` and everything below `prefix/`."""


def checked(key: str) -> str:
    """Nothing that leads out of the store, in any file system or URL."""
    if not KEY.fullmatch(key):
        raise NodeError(f"{key[:200]!r} is no key of a file.", code="file_key")
    return key


def missing(key: str) -> NodeError:
    return NodeError(f"The file {key!r} is gone.", code="file_missing", hint="Add the document again.")


class LocalFiles(FileStore):
    """One file for each key, readable by its owner only."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, key: str, data: bytes) -> None:
        place = self._place(key)
        for again in range(TIDIED, -1, -1):
            try:
                self._make(place.parent)
                _write(place, data)
                return
            except (FileNotFoundError, FileExistsError) as fault:
                # Somebody deleted what else was in the folder, and the empty folder, after we had made sure of it;
                # in the middle of that, `mkdir` finds something that is no folder any more.
                if not again:
                    raise _failed(fault) from None
            except OSError as fault:
                raise _failed(fault) from None

    def get(self, key: str) -> bytes:
        with self.path(key) as path:
            try:
                return path.read_bytes()
            except FileNotFoundError:
                raise missing(key) from None
            except OSError as fault:
                raise _failed(fault) from None

    @contextmanager
    def path(self, key: str) -> Generator[Path]:
        place = self._place(key)
        if not place.is_file():
            raise missing(key)
        yield place

    def delete(self, key: str) -> None:
        place = self._place(key)
        try:
            place.unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as fault:
            raise _failed(fault) from None
        self._tidy(place.parent)

    def delete_prefix(self, prefix: str) -> None:
        place = self._place(prefix)
        try:
            if place.is_dir():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as fault:
            raise _failed(fault) from None
        self._tidy(place.parent)

    def _place(self, key: str) -> Path:
        return self.root / checked(key)

    def _make(self, folder: Path) -> None:
        """With every folder on the way private, which `parents` of `mkdir` does not promise."""
        for part in [*reversed(folder.relative_to(self.root).parents), folder.relative_to(self.root)]:
            (self.root / part).mkdir(mode=0o700, exist_ok=True)

    def _tidy(self, folder: Path) -> None:
        """Folders that are empty now go too; one that is being filled stays."""
        with suppress(OSError):
            while folder != self.root:
                folder.rmdir()
                folder = folder.parent


def _write(place: Path, data: bytes) -> None:
    """Whoever reads sees the old content or the new one, also after the power failed."""
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=place.parent)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, place)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _failed(fault: OSError) -> NodeError:
    import errno

    if fault.errno in (errno.ENOSPC, errno.EDQUOT):
        return NodeError("The disk is full.", code="files_full", hint="Make room where NEXOD_DATA is.", retryable=True)
    return NodeError(
        f"The file store cannot be used ({fault.strerror}).",
        code="files_unavailable",
        hint="Check NEXOD_DATA and its owner.",
        retryable=True,
    )
