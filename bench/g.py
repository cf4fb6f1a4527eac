"""g. Crews and agents as durable runs against the same by the framework alone, one played model server for both.

Each side is a process of its own, started anew for what the first one costs; turn by turn, so that whatever else
this machine does falls on both alike.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.table import Row, median
from tests.running import ROOT
from tests.world.models import ModelServer

LATENCY_MS = 80
"""Before the first byte of each answer of a model. Real ones take longer."""
ROUNDS, STARTS = 15, 3
WORK = {"crew": (6, 1.15), "agent": (3, 1.2)}
"""What is compared: (model calls, target)."""
FIRST_S = 1.5


def rows() -> list[Row]:
    found = [row for work in WORK for row in _compare(work)]
    return [*found, _first()]


def _compare(work: str) -> list[Row]:
    calls, most = WORK[work]
    with ModelServer() as models, Side(f"ours-{work}", models) as ours, Side(f"plain-{work}", models) as plain:
        made = []
        for latency in (LATENCY_MS, 0):
            models.script(*script(latency / 1000))
            pairs = [(ours.once(calls), plain.once(calls)) for _ in range(ROUNDS + 2)][2:]
            a, b = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
            name = f"g  {work} as a durable run, {calls} model calls of {latency} ms, ratio"
            note = f"ours {a:.0f} ms, the framework alone {b:.0f} ms"
            made.append(Row(name, a / b, most=most if latency else None, note=note))
    return made


def _first() -> Row:
    calls, _ = WORK["crew"]
    firsts: dict[str, list[float]] = {"ours-crew": [], "plain-crew": []}
    with ModelServer() as models:
        models.script(*script(LATENCY_MS / 1000))
        for _ in range(STARTS):
            for name, times in firsts.items():
                with Side(name, models) as side:
                    times.append(side.once(calls))
    a, b = (median(times) for times in firsts.values())
    note = f"ours {a:.0f} ms, the framework alone {b:.0f} ms"
    return Row(
        "g  first crew of a process with the engine imported, more", (a - b) / 1000, "s", most=FIRST_S, note=note
    )


class Side:
    """`bench.contest` in a process of its own."""

    def __init__(self, name: str, models: ModelServer) -> None:
        self.name, self.models = name, models
        self._held = ExitStack()

    def __enter__(self) -> Side:
        home = self._held.enter_context(tempfile.TemporaryDirectory())
        self._log = self._held.enter_context(Path(home, "log").open("w+"))
        self.process: Any = subprocess.Popen(
            [sys.executable, "-m", "bench.contest", self.name, self.models.url],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True,
            env={"HOME": home, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", "NEXOD_DATA": home},
        )  # fmt: skip
        self._until("ready")
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        self.process.wait(20)
        self._held.close()

    def once(self, calls: int) -> float:
        """Milliseconds; the server must have been asked exactly `calls` times."""
        self.models.requests.clear()
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        took = self._until("")
        asked = len(self.models.requests)
        assert asked == calls, f"{self.name} asked {asked} times instead of {calls}"
        return float(took)

    def _until(self, wanted: str) -> str:
        """The next line that is the wanted word, or a number; frameworks print things."""
        for line in iter(self.process.stdout.readline, ""):
            word = line.strip()
            if word == wanted or (not wanted and word.replace(".", "", 1).isdigit()):
                return word
        self._log.seek(0)
        raise RuntimeError(f"{self.name} ended: {self._log.read()[-2000:]}")


def script(delay_s: float) -> list[dict[str, Any]]:
    """What the played model says to whom."""

    def use(*expressions: str) -> dict[str, Any]:
        return {"tool_calls": [{"name": "calculate", "arguments": {"expression": text}} for text in expressions]}

    rules = [
        ("Researcher", 0, use("1 + 1", "2 + 2")), ("Researcher", 1, use("3 + 3")),
        ("Researcher", 2, {"text": "Facts {results}."}), ("Analyst", 0, use("10 * 10")),
        ("Analyst", 1, {"text": "Figures {results}."}), ("Writer", 0, {"text": "It is written."}),
        ("Clerk", 0, use("12 * 34")), ("Clerk", 1, use("408 / 2", "408 / 3")), ("Clerk", 2, {"text": "204 and 136."}),
    ]  # fmt: skip
    return [
        {"when": {"system": f"You are {role}", "turn": turn}, "then": {**step, "delay_s": delay_s}}
        for role, turn, step in rules
    ]
