"""The workflows that are measured: chains of `template` nodes, each reading the one before."""

from __future__ import annotations

import math
from typing import Any


def chain(length: int) -> dict[str, Any]:
    """`n0 → n1 → …`, downwards, in columns beside each other."""
    height = math.isqrt(length) + 1
    return {
        "nexod": 1,
        "name": f"Chain of {length}",
        "inputs": {"type": "object", "properties": {"word": {"type": "string"}}},
        "nodes": [
            {
                "id": f"n{at}",
                "kind": "template",
                "position": {"x": at // height * 280, "y": at % height * 140},
                "config": {"text": text_of(at)},
            }
            for at in range(length)
        ],
        "edges": [{"source": f"n{at}", "port": "out", "target": f"n{at + 1}"} for at in range(length - 1)],
        "outputs": {"text": f"{{{{ n{length - 1}.text }}}}"},
    }


def text_of(at: int) -> str:
    return f"step {at} after {{{{ n{at - 1}.text.size() }}}}" if at else "step 0 for {{ input.word }}"
