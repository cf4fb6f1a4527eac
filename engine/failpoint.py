"""Named instants at which a test may kill this process. Does nothing unless `NEXOD_FAILPOINT` is set.

`NEXOD_FAILPOINT=after_claim` dies at the first hit, `after_claim:7` at the seventh, `after_claim:0.05` at each
with that probability; several are separated by commas.
Names: after_admit, before_doorbell, after_dequeue, after_claim, in_node, after_effect, after_record, after_pause,
after_answer, after_terminal; and those of an ingest.
"""

from __future__ import annotations

import os
import random
import signal
from itertools import count

NAMES = (
    "after_admit", "before_doorbell", "after_dequeue", "after_claim", "in_node", "after_effect", "after_record",
    "after_pause", "after_answer", "after_terminal",
)  # fmt: skip

INGEST = (
    "ingest_claimed", "ingest_fetched", "ingest_read", "ingest_embedded", "ingest_stored", "ingest_flipping",
    "ingest_flipped", "ingest_forgetting",
)  # fmt: skip


def parse(text: str) -> dict[str, float]:
    """Name → n-th hit (1 and more) or probability (below 1)."""
    points = (part.strip().partition(":") for part in text.split(",") if part.strip())
    return {name: float(when or 1) for name, _, when in points}


_points = parse(os.environ.get("NEXOD_FAILPOINT", ""))
_hits = {name: count(1) for name in _points}


def hit(name: str) -> None:
    """Die here by SIGKILL if the environment says so."""
    if name in _points and _due(_points[name], next(_hits[name])):
        os.write(2, f"failpoint {name}\n".encode())
        os.kill(os.getpid(), signal.SIGKILL)


def _due(when: float, nth: int) -> bool:
    return random.random() < when if when < 1 else nth == when
