"""Pins the two requirements files with hashes, for every supported Python and system. `--upgrade` moves on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from install import ROOT, VENV, uv_environment

OPTIONS = ("--quiet", "--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url")


def main() -> None:
    for name in ("requirements", "requirements-dev"):
        command = [VENV / "bin" / "uv", "pip", "compile", *OPTIONS, f"{name}.in", "-o", f"{name}.txt"]
        subprocess.run(
            [*command, *sys.argv[1:]],
            cwd=ROOT,
            env=uv_environment() | {"UV_CUSTOM_COMPILE_COMMAND": "make lock"},
            check=True,
        )


if __name__ == "__main__":
    main()
