"""What tokens cost: `prices.json` holds dollars per million tokens, in and out. An unknown model costs nothing."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

_DATED = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2}|latest)$")


def cost(model: str, input_tokens: int, output_tokens: int) -> float:
    """Dollars for one call; `gpt-4.1-2025-04-14` and `openai/gpt-4.1` are priced as `gpt-4.1`."""
    name = _DATED.sub("", model.rsplit("/", 1)[-1].lower())
    into, out = _table().get(name, (0.0, 0.0))
    return round((input_tokens * into + output_tokens * out) / 1_000_000, 8)


@cache
def _table() -> dict[str, tuple[float, float]]:
    raw = json.loads(Path(__file__).with_name("prices.json").read_text("utf-8"))
    return {name: (float(into), float(out)) for name, (into, out) in raw.items()}
