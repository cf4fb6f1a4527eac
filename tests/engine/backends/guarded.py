"""A process that runs CrewAI and tells what it did besides: addresses it asked for, files, environment, output.

Run in an empty folder with a `.env`; answers one line of JSON on stdout, after whatever else was printed there.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import socket
import sys
import warnings
from pathlib import Path
from typing import Any

ATTEMPTS: list[str] = []


def guard() -> None:
    """Whoever wants to leave this machine is noted and refused."""

    def refuse(self: socket.socket, address: Any) -> Any:
        if self.family not in (socket.AF_INET, socket.AF_INET6) or str(address[0]).startswith("127."):
            return connect(self, address)
        ATTEMPTS.append(f"connect {address}")
        raise OSError("guarded")

    def look_up(host: Any, *args: Any, **more: Any) -> Any:
        if host in ("127.0.0.1", "localhost", "::1", None):
            return resolve(host, *args, **more)
        ATTEMPTS.append(f"look up {host}")
        raise socket.gaierror("guarded")

    connect, resolve = socket.socket.connect, socket.getaddrinfo
    socket.socket.connect = refuse  # type: ignore[method-assign]
    socket.socket.connect_ex = refuse  # type: ignore[method-assign]
    socket.getaddrinfo = look_up
    socket.gethostbyname = look_up  # type: ignore[assignment]


async def work() -> dict[str, Any]:
    from tests.engine.backends.crews import CREW, Play, drawing, plan_of

    use = json.dumps({"tool_calls": [{"name": "calculate", "arguments": {"expression": "2 * 3"}}]})
    script = f"x-demo: {json.dumps([use, 'Six.'])}"
    tasks = [{**task, "description": f"{task['description']} {script}"} for task in CREW["tasks"][:2]]
    sequential = Play(
        plan_of(drawing("crewai", "demo", approve=False, tasks=tasks, members=CREW["members"][:2])), "crewai"
    )
    hand = json.dumps({"tool_calls": [{"name": "delegate_work_to_coworker", "arguments": {
        "task": f"Work it out. {script}", "context": "-", "coworker": "Analyst"}}]})  # fmt: skip
    one = [{"id": "all", "description": f"Do it. x-demo: {json.dumps([hand, 'Done.'])}"}]
    manager = {"provider": "demo"}
    led = Play(
        plan_of(drawing("crewai", "demo", approve=False, tasks=one, process="hierarchical", manager=manager)), "crewai"
    )
    ends = [await sequential.attempt(), await led.attempt()]
    return {"ends": ends, "texts": [sequential.outputs["text"], led.outputs["text"]],
            "asked": led.recorded("model_called")}  # fmt: skip


def main() -> None:
    guard()
    before, warn, files, done = dict(os.environ), warnings.warn, seen(), dict[str, Any]()

    def tell() -> None:
        changed = sorted(name for name in {*os.environ, *before} if os.environ.get(name) != before.get(name))
        found = {"attempts": ATTEMPTS, "environment": changed, "warnings": warnings.warn is warn,
                 "files": sorted(set(seen()) - set(files)), "vector_store": "lancedb" in sys.modules}  # fmt: skip
        print(json.dumps(done | found))

    atexit.register(tell)  # the first to register is the last to be called: telemetry is sent at the exit
    done |= asyncio.run(work())


def seen() -> list[str]:
    """The files of the working directory, which is also the home, and the folder that CrewAI was given."""
    kept = [str(path.relative_to(Path.cwd())) for path in Path.cwd().rglob("*")]
    storage = os.environ.get("CREWAI_STORAGE_DIR")
    return [*kept, storage] if storage and Path(storage).exists() else kept


if __name__ == "__main__":
    main()
