"""Reads a document in a process of its own, which is stopped when it takes too long, too much, or is not wanted."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.documents import Extracted, Section
from engine.documents.limits import DEFAULT, Limits, broken, empty, timed_out, too_large
from engine.errors import Cancelled, NodeError

ROOT = Path(__file__).resolve().parents[2]
POLL_S = 0.1
STARTING_S = 5.0
"""Of the clock, beside what the limits grant: a busy machine starts processes slowly."""


def extract(
    path: Path | str,
    name: str,
    content_type: str = "",
    limits: Limits = DEFAULT,
    cancelled: Callable[[], bool] | None = None,
) -> Extracted:
    """The text of a file. Raises NodeError (`document_…`), and Cancelled as soon as `cancelled` says so. Blocks."""
    size = Path(path).stat().st_size
    if size == 0:
        raise empty("The file is empty.")
    if size > limits.file_mb * 1024 * 1024:
        raise too_large(f"The file has {size / 1024 / 1024:.1f} MB; the limit is {limits.file_mb} MB.")
    task = {"path": str(Path(path).absolute()), "name": name, "content_type": content_type, "limits": asdict(limits)}
    return _result(_Child(task, limits).run(cancelled or _never), limits)


def _never() -> bool:
    return False


class _Child:
    def __init__(self, task: dict[str, Any], limits: Limits) -> None:
        self.limits = limits
        self.memory_kb = 0
        self.process = subprocess.Popen(
            [sys.executable, "-m", "engine.documents.child", str(os.getpid()), json.dumps(task)],
            cwd=ROOT,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def run(self, cancelled: Callable[[], bool]) -> bytes:
        """What it answered. Whatever happens, it is gone afterwards."""
        try:
            answer = self._listen(cancelled)
        finally:
            code = self._end()
        if code in (-signal.SIGXCPU, -signal.SIGKILL):
            raise timed_out(self.limits.seconds)
        if code:
            raise self._crash(code)
        return answer

    def _listen(self, cancelled: Callable[[], bool]) -> bytes:
        assert self.process.stdout
        pipe = self.process.stdout.fileno()
        end = time.monotonic() + self.limits.seconds + STARTING_S
        parts: list[bytes] = []
        size = 0
        while True:
            if cancelled():
                raise Cancelled("Reading was stopped.")
            if time.monotonic() > end:
                raise timed_out(self.limits.seconds)
            if not select.select([pipe], [], [], POLL_S)[0]:
                continue
            part = os.read(pipe, 1 << 20)
            if not part:
                return b"".join(parts)
            parts.append(part)
            size += len(part)
            if size > self.limits.output_mb * 1024 * 1024:
                raise too_large(f"The text is larger than {self.limits.output_mb} MB.")

    def _end(self) -> int:
        """Closes its pipe, waits for a child that has answered, kills any other, and buries it."""
        assert self.process.stdout
        self.process.stdout.close()
        if sys.exc_info()[0] is not None:
            self._kill()
        _, status, used = os.wait4(self.process.pid, 0)
        self.memory_kb = used.ru_maxrss
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return self.process.returncode

    def _kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def _crash(self, code: int) -> NodeError:
        """Libraries that get no memory end the process in ways of their own."""
        if self.memory_kb > 0.7 * self.limits.memory_mb * 1024:
            return too_large(f"Reading it needs more than {self.limits.memory_mb:,} MB of memory.")
        return broken("The file made its reader crash; it is damaged.")


def _result(answer: bytes, limits: Limits) -> Extracted:
    try:
        told = json.loads(answer)
    except ValueError:
        raise broken("The file made its reader crash; it is damaged.") from None
    if "error" in told:
        error = told["error"]
        raise NodeError(error["message"], code=error["code"], hint=error.get("hint", ""))
    found = told["found"]
    sections = tuple(Section(**section) for section in found.pop("sections"))
    return Extracted(**{**found, "sections": sections, "warnings": tuple(found["warnings"])})
