"""Writes the pages of docs/ that are made from the code: node types, REST, command line. A test compares them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MADE = "<!-- Made by `make docs` from the code. -->"


def main() -> None:
    for name, write in PAGES.items():
        (ROOT / "docs" / name).write_text(write())


def nodes() -> str:
    return nexod("nodes") + "\n"


def command_line() -> str:
    top = nexod("--help")
    commands = re.search(r"\{([\w,-]+)\}", top)
    assert commands, "the help of `nexod` names no commands"
    parts = [
        "# Command line",
        MADE,
        "`nexod` is `.venv/bin/nexod`, the same as `python -m engine`. What needs the database migrates it first. "
        "stdout carries only the result.",
        block(top),
        *(f"## nexod {name}\n\n{block(nexod(name, '--help'))}" for name in commands[1].split(",")),
        "## Exit codes\n\n| | |\n|---|---|\n| 0 | fine, or the run completed; warnings alone are fine |\n"
        "| 1 | errors in the workflow, or a failed run |\n| 2 | unreadable, no JSON, or bad arguments |\n"
        "| 3 | the run waits, or needs review |",
    ]
    return "\n\n".join(parts) + "\n"


def rest() -> str:
    from engine import events
    from engine.settings import Settings
    from nexod_app.api.app import create_api

    paths = create_api(Settings()).openapi()["paths"]
    groups: dict[str, list[str]] = {}
    for path, operations in paths.items():
        for method, operation in operations.items():
            groups.setdefault(operation["tags"][0], []).append(route(method, path, operation))
    parts = [
        "# REST",
        MADE,
        INTRODUCTION,
        *(f"## {name.capitalize()}\n\n| | | |\n|---|---|---|\n" + "\n".join(rows) for name, rows in groups.items()),
        '## Errors\n\n`{"error": {"code", "message", "request_id", "details": []}}`. A code may be more specific '
        "than the one listed; the status stays.\n\n| | | |\n|---|---|---|\n" + "\n".join(errors()),
        "## Events\n\n" + block((events.__doc__ or "").strip()),
    ]
    return "\n\n".join(parts) + "\n"


INTRODUCTION = """\
All paths begin with `/api/v1`. Send `Authorization: Bearer nxd_…`, or the header `Api-Key`; `nexod keys create` makes a
key. The session cookie of a browser does as well; what changes something then needs the app's own Origin. `/health` and
`/openapi.json` need neither, and the latter describes all this for machines. Lists answer `{"items", "next"}` and take
`?limit&after`.

```sh
curl -H "Authorization: Bearer $KEY" -H "Idempotency-Key: 42" \\
     --json '{"inputs": {"topic": "Tidal energy"}}' "http://127.0.0.1:8000/api/v1/workflows/$ID/runs?wait=30"
curl -N -H "Authorization: Bearer $KEY" -H "Accept: text/event-stream" "http://127.0.0.1:8000/api/v1/runs/$RUN/events"
```"""


def route(method: str, path: str, operation: dict[str, Any]) -> str:
    asked = [one["name"] for one in operation.get("parameters", []) if one["in"] != "path"]
    told = (
        (operation.get("description") or operation["summary"].capitalize())
        .split("\n\n")[0]
        .replace("\n", " ")
        .replace("|", "\\|")
    )
    names = " ".join(f"`{name}`" for name in asked)
    return f"| `{method.upper()} {path.removeprefix('/api/v1')}` | {names} | {told} |"


def errors() -> Iterator[str]:
    from engine.errors import NexodError, NodeError

    for error in sorted(NexodError.__subclasses__(), key=lambda one: (one.status, one.code)):
        if error.__module__ == "engine.errors" and error is not NodeError:
            yield f"| {error.status} | `{error.code}` | {meaning(error.__name__)} |"


def meaning(name: str) -> str:
    """The line of the tree on top of `engine/errors.py`."""
    from engine import errors

    found = re.search(rf"── {name}\s+(?:\d+\s+)?(.+)", errors.__doc__ or "")
    assert found, f"{name} is missing in the tree of engine/errors.py"
    return found[1]


def nexod(*args: str) -> str:
    env = os.environ | {"COLUMNS": "110", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "engine", *args]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout.rstrip()


def block(text: str) -> str:
    return f"```text\n{text}\n```"


PAGES: dict[str, Callable[[], str]] = {"nodes.md": nodes, "rest.md": rest, "cli.md": command_line}

if __name__ == "__main__":
    main()
