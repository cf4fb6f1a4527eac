"""f. From the command to the first 200 out of a built tree, and the memory of web and worker at rest."""

from __future__ import annotations

import re
import time
from pathlib import Path

from bench.table import Row, median
from tests.running import Nexod

ROUNDS = 5


def rows() -> list[Row]:
    nexod = Nexod()
    nexod.start()  # migrates, and warms the file cache
    nexod.stop()
    times, memory = [], []
    for _ in range(ROUNDS):
        nexod.start()
        times.append(nexod.answered_s)
        time.sleep(4)
        memory.append(_memory_mb(nexod))
        nexod.stop()
    return [
        Row("f  start from a built tree to the first 200", median(times), "s", most=2),
        Row("f  memory of all processes at rest (PSS)", median(memory), "MB", most=300),
    ]


def _memory_mb(nexod: Nexod) -> float:
    """Shared pages count once: the proportional set size of `nexod up` and all below it."""
    assert nexod.process
    return sum(_pss_kb(pid) for pid in _family(nexod.process.pid)) / 1000


def _family(pid: int) -> list[int]:
    children = [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
    return [pid, *(below for child in children for below in _family(child))]


def _pss_kb(pid: int) -> int:
    found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
    return int(found[1]) if found else 0
