"""A file that comes with a request, streamed to disk: never much of it in memory, never more of it than allowed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import IO, Any

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from engine.errors import Invalid, Problem, TooLarge
from nexod_app.api.calls import DRAIN_BYTES, DRAIN_S

FILE_BYTES = 25 * 2**20
AROUND = 64 * 1024
"""What the parts around the file may take."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """`fields` are the other parts, as text."""

    name: str
    content_type: str
    file: IO[bytes]
    size: int
    fields: dict[str, str]

    def read(self) -> bytes:
        self.file.seek(0)
        return self.file.read()


def is_upload(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "multipart/form-data"


@asynccontextmanager
async def uploaded(request: Request) -> AsyncGenerator[Uploaded]:
    """The one part named `file`. It is gone from the disk afterwards."""
    parser = MultiPartParser(request.headers, _counted(request), max_files=1, max_fields=10, max_part_size=AROUND)
    try:
        form = await parser.parse()
    except MultiPartException as fault:
        raise _bad(f"The upload cannot be read: {fault.message}") from None
    except (KeyError, ValueError, AssertionError):
        raise _bad("The upload cannot be read.") from None
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise _bad("There is no file in it.")
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        if (file.size or 0) > FILE_BYTES:
            raise _too_large()
        yield Uploaded(file.filename or "", file.content_type or "", file.file, file.size or 0, fields)
    finally:
        await form.close()


async def _counted(request: Request) -> AsyncGenerator[bytes]:
    """The body as it comes, as long as it is not too much."""
    length, most = request.headers.get("content-length", ""), FILE_BYTES + AROUND
    over, read, started = length.isdigit() and int(length) > most, 0, monotonic()
    async for chunk in request.stream():
        read += len(chunk)
        over = over or read > most
        if not over:
            yield chunk
        # What is too much is still taken in for a moment: many clients hear no answer while they send.
        elif read > DRAIN_BYTES or monotonic() - started > DRAIN_S:
            break
    if over:
        raise _too_large()


def _too_large() -> TooLarge:
    return TooLarge(f"The file is over {FILE_BYTES // 2**20} MB.", hint="Split it, or leave out its pictures.")


def _bad(message: str) -> Invalid:
    hint = 'Send multipart/form-data with one part named "file".'
    return Invalid.of([Problem("missing_field", message, hint, field="file")], message)


def form(**fields: Any) -> dict[str, Any]:
    """For `/openapi.json`: a multipart body with a file and these fields."""
    properties: dict[str, Any] = {"file": {"type": "string", "contentMediaType": "application/octet-stream"}}
    properties |= {name: {"type": kind} for name, kind in fields.items()}
    return {"multipart/form-data": {"schema": {"type": "object", "properties": properties, "required": ["file"]}}}
