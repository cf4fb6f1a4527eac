"""What tokens cost: `prices.json` holds dollars per million tokens, in and out; a workspace may say otherwise."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_DATED = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2}|latest)$")


Prices = Mapping[str, tuple[float, float]]
"""Model → dollars per million tokens, in and out."""


def cost(model: str, input_tokens: int, output_tokens: int, prices: Prices) -> float | None:
    """Dollars for one call; None for a model that is not in `prices`."""
    price = _price(model, prices)
    return price and round((input_tokens * price[0] + output_tokens * price[1]) / 1_000_000, 8)


def _price(model: str, prices: Prices) -> tuple[float, float] | None:
    """`gpt-4.1-2025-04-14` and `openai/gpt-4.1` are priced as `gpt-4.1`, unless a table names them."""
    name = model.lower()
    short = _DATED.sub("", name.rsplit("/", 1)[-1])
    return next((prices[one] for one in (name, name.rsplit("/", 1)[-1], short) if one in prices), None)


@cache
def table() -> Prices:
    """The prices that Nexod comes with."""
    raw = json.loads(Path(__file__).with_name("prices.json").read_text("utf-8"))
    return {name: (float(into), float(out)) for name, (into, out) in raw.items()}
