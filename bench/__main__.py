"""Prints one table; exits with 1 when a target is missed."""

from __future__ import annotations

import importlib
import os
import platform
import sys
import time

from bench.table import Row, show

PARTS = "abcdefghij"


def main() -> int:
    chosen = [part for part in PARTS if part in "".join(sys.argv[1:])] or list(PARTS)
    rows: list[Row] = []
    for part in chosen:
        began = time.monotonic()
        rows += importlib.import_module(f"bench.{part}").rows()
        print(f"· {part} took {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, medians\n")
    print(show(rows))
    return int(any(row.met is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
