"""The process that reads one document: it has no secrets, writes no file, starts nothing, and ends with its parent.

python -m engine.documents.child PARENT < nothing > answer; the task is the JSON in argv[2].
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


def main() -> int:
    parent, task = int(sys.argv[1]), json.loads(sys.argv[2])
    _die_with(parent)
    _confine(task["limits"])
    # What a library prints must not end up in the answer.
    answer = os.dup(1)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    with os.fdopen(answer, "wb") as out:
        out.write(_answer(task))
    # No clean-up of libraries: the process is the clean-up.
    os._exit(0)


def _die_with(parent: int) -> None:
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _confine(limits: dict[str, Any]) -> None:
    os.nice(5)  # runs and their heartbeats go first
    memory, cpu = limits["memory_mb"] * 1024 * 1024, max(1, int(limits["seconds"]))
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_NPROC, 0),
    ):
        with suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))


def _answer(task: dict[str, Any]) -> bytes:
    from engine.documents import Web
    from engine.documents.limits import Limits, broken, peak_kb, swollen, too_much_memory
    from engine.errors import NodeError

    limits = Limits(**task["limits"])
    try:
        from engine.documents.reading import read

        web = Web(**task["web"]) if task["web"] else None
        found = read(Path(task["path"]).read_bytes(), task["name"], task["content_type"], limits, web)
        return json.dumps({"found": asdict(found)}, ensure_ascii=False).encode()
    except NodeError as fault:
        error = fault
    except MemoryError:
        error = too_much_memory(limits)
    except Exception as fault:
        error = broken(f"The file cannot be read ({type(fault).__name__}).")
    if error.code == "document_broken" and swollen(peak_kb("self"), limits):
        # A library that got no memory may take that for a fault of the file.
        error = too_much_memory(limits)
    return json.dumps({"error": error.to_json()}).encode()


if __name__ == "__main__":
    sys.exit(main())
