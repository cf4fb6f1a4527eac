"""Reads a document in a process of its own, which is stopped when it takes too long, too much, or is not wanted."""

from __future__ import annotations

import json
import os
import resource
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

from engine.documents import Extracted, Section, Web
from engine.documents.limits import (
    DEFAULT,
    Limits,
    broken,
    empty,
    peak_kb,
    swollen,
    timed_out,
    too_large,
    too_much_memory,
)
from engine.errors import Cancelled, NodeError

ROOT = Path(__file__).resolve().parents[2]
CHILD = "engine.documents.child"
POLL_S = 0.1
STARTING_S = 5.0
"""Of the clock, beside what the limits grant: a busy machine starts processes slowly."""


def extract(
    path: Path | str,
    name: str,
    content_type: str = "",
    limits: Limits = DEFAULT,
    cancelled: Callable[[], bool] | None = None,
    web: Web | None = None,
) -> Extracted:
    """The text of a file. Raises NodeError (`document_…`), and Cancelled as soon as `cancelled` says so. Blocks."""
    size = Path(path).stat().st_size
    if size == 0:
        raise empty("The file is empty.")
    if size > limits.file_mb * 1024 * 1024:
        raise too_large(f"The file has {size / 1024 / 1024:.1f} MB; the limit is {limits.file_mb} MB.")
    task = {
        "path": str(Path(path).absolute()), "name": name, "content_type": content_type, "limits": asdict(limits),
        "web": asdict(web) if web else None,
    }  # fmt: skip
    try:
        child = _Child(task, limits)
    except OSError as fault:
        raise NodeError(
            f"No process could be started to read it ({fault.strerror}).", code="document_timeout", retryable=True,
            hint="Try again when the machine has less to do.",
        ) from None  # fmt: skip
    return _result(child.run(cancelled or _never))


def _never() -> bool:
    return False


class _Child:
    def __init__(self, task: dict[str, Any], limits: Limits) -> None:
        self.limits = limits
        self.peak_kb = 0
        self.process = subprocess.Popen(
            [sys.executable, "-m", CHILD, str(os.getpid()), json.dumps(task)],
            cwd=ROOT,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def run(self, cancelled: Callable[[], bool]) -> bytes:
        """What it answered. Whatever happens, it is gone afterwards, and whatever it started too."""
        try:
            answer = self._listen(cancelled)
        except BaseException:
            self._bury(0)
            raise
        if fault := self._bury(STARTING_S):
            raise fault
        return answer

    def _listen(self, cancelled: Callable[[], bool]) -> bytes:
        assert self.process.stdout
        pipe = self.process.stdout.fileno()
        end = time.monotonic() + self.limits.seconds + STARTING_S
        parts: list[bytes] = []
        size = 0
        while True:
            self.peak_kb = max(self.peak_kb, peak_kb(self.process.pid))
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

    def _bury(self, patience: float) -> NodeError | None:
        """Waits for one that has answered, kills all the others; says how it died."""
        assert self.process.stdout
        self.process.stdout.close()
        end = time.monotonic() + patience
        while not os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if time.monotonic() > end:
                break
            time.sleep(0.002)
        # Not yet buried, it keeps its number: the signal reaches its group and nobody else's.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        _, status, used = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return self._cause(self.process.returncode, used) if self.process.returncode else None

    def _cause(self, code: int, used: resource.struct_rusage) -> NodeError:
        """Libraries that get no memory end the process in ways of their own."""
        if used.ru_utime + used.ru_stime > 0.9 * self.limits.seconds:
            return timed_out(self.limits.seconds)
        if code == -signal.SIGKILL or swollen(self.peak_kb, self.limits):
            return too_much_memory(self.limits)
        return broken("The file made its reader crash; it is damaged.")


def _result(answer: bytes) -> Extracted:
    try:
        told = json.loads(answer)
    except ValueError:
        raise broken("The file made its reader crash; it is damaged.") from None
    if "error" in told:
        error = told["error"]
        raise NodeError(error["message"], code=error["code"], hint=error.get("hint", ""))
    found: dict[str, Any] = told["found"]
    sections: list[dict[str, Any]] = found.pop("sections")
    warnings: list[str] = found.pop("warnings")
    links: list[list[str]] = found.pop("links")
    return Extracted(
        **found, sections=tuple(Section(**one) for one in sections), warnings=tuple(warnings),
        links=tuple((words, url) for words, url in links),
    )  # fmt: skip
