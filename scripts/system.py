"""Sees to the programs that the tests drive: Chromium, Redis and PostgreSQL. Installs them where it may."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from install import apt_install, one_at_a_time

DEBIAN_NAMES = {"chromium": "chromium", "redis-server": "redis-server", "postgres": "postgresql"}


def main() -> None:
    with one_at_a_time():
        packages = missing()
        if packages and os.geteuid() == 0 and shutil.which("apt-get"):
            apt_install(packages)
        if packages := missing():
            names = " ".join(packages)
            sys.exit(f"The tests need {names}. On Debian and Ubuntu: sudo apt-get install {names}")


def missing() -> list[str]:
    return [package for program, package in DEBIAN_NAMES.items() if not find(program)]


def find(program: str) -> str | None:
    """Debian keeps the PostgreSQL server off the PATH."""
    servers = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *map(str, servers)]))


if __name__ == "__main__":
    main()
