"""The rules of the drawing hold; they are JavaScript without a browser, so Node checks them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NODE = Path(sys.executable).parent / "node"


def test_the_graph_keeps_its_rules() -> None:
    done = subprocess.run([NODE, "--test", HERE / "graph.test.mjs"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
