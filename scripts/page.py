"""Builds the page when one of its sources changed since the last build. Node comes from PyPI, into .venv."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from install import ROOT, VENV, one_at_a_time, say

BUILT = ROOT / ".web" / "build" / "client" / "index.html"
PACKAGES = ROOT / "reflex.lock" / "package.json"
STAMP = ROOT / ".web" / "nexod.sha256"
SOURCES = (
    "rxconfig.py",
    "nexod_app",
    "components",
    "assets",
    "engine/node.py",
    "engine/nodes",
    "engine/tools",
    "engine/agents",
    "engine/templates",
    "reflex.lock",
)
"""The forms of the inspector and the library are made from these, the gallery from the templates."""


def main() -> None:
    with one_at_a_time():
        wanted = fingerprint()
        if BUILT.exists() and STAMP.exists() and STAMP.read_text() == wanted:
            return
        say("Building the page")
        STAMP.unlink(missing_ok=True)
        packages = PACKAGES.read_text()
        build()
        if json.loads(PACKAGES.read_text()) == json.loads(packages):
            PACKAGES.write_text(packages)  # npm only shuffled the keys
        STAMP.write_text(fingerprint())


def build() -> None:
    made = subprocess.run(
        [VENV / "bin" / "reflex", "export", "--frontend-only", "--no-zip"],
        cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    if made.returncode or not BUILT.exists():
        sys.exit(
            f"{made.stdout[-8000:]}{made.stderr[-4000:]}\nThe page could not be built; the message above says why."
        )


def environment() -> dict[str, str]:
    """Reflex would otherwise look for bun, measure registries and write its own choice over the machine's."""
    env = os.environ | {
        "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "REFLEX_USE_NPM": "1",
        "REFLEX_TELEMETRY_ENABLED": "false",
        "REFLEX_CHECK_LATEST_VERSION": "0",
        "NPM_CONFIG_OMIT_LOCKFILE_REGISTRY_RESOLVED": "true",  # the lock names no registry
    }
    if "NPM_CONFIG_REGISTRY" not in env:
        asked = subprocess.run(["npm", "config", "get", "registry"], env=env, capture_output=True, text=True)
        env["NPM_CONFIG_REGISTRY"] = asked.stdout.strip()
    return env


def fingerprint() -> str:
    whole = hashlib.sha256()
    for file in sorted(files()):
        whole.update(f"{file.relative_to(ROOT)}\0".encode())
        whole.update(file.read_bytes())
    return whole.hexdigest()


def files() -> Iterator[Path]:
    yield ROOT / "requirements.txt"
    for source in SOURCES:
        path = ROOT / source
        for file in [path] if path.is_file() else path.rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts and not file.is_relative_to(ROOT / "assets/external"):
                yield file


if __name__ == "__main__":
    main()
