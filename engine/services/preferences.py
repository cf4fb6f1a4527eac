"""What a workspace chose about models: whom `auto` asks, what tokens cost it, and what a run may spend."""

from __future__ import annotations

from typing import Any

from engine import llm
from engine.errors import Invalid, Problem
from engine.llm.prices import table
from engine.store import runs, settings
from engine.store.database import now_ms
from engine.store.session import Workspace
from engine.values import is_list, is_object

MOST_PRICES = 500
DEAREST = 100_000.0
MOST_TOKENS = 10**12


def models(ws: Workspace) -> dict[str, Any]:
    """{provider, model, providers: [...]}; `provider` auto leaves the choice to Nexod."""
    chosen = _read(ws)
    return {"provider": chosen.provider, "model": chosen.model, "providers": llm.providers(chosen)}


def choose_models(ws: Workspace, provider: Any, model: Any = "") -> dict[str, Any]:
    """From now on `auto` asks this provider, for this model where a step names none. Raises Invalid."""
    if not isinstance(provider, str) or provider not in ("auto", *llm.NAMES):
        hint = f"Choose auto, {', '.join(llm.NAMES)}."
        raise _invalid("bad_value", f"There is no provider {provider!r}.", hint, "provider")
    if not isinstance(model, str) or len(model) > 200:
        raise _invalid("wrong_type", "The model is a name of at most 200 characters.", "Leave it empty.", "model")
    if llm.missing_key(provider):
        hint = next(one["hint"] for one in llm.providers() if one["name"] == provider)
        raise _invalid("missing_key", f"{provider} has no key here.", hint, "provider")
    model = "" if provider == "auto" else model.strip()
    _write(ws, "models", {"provider": provider, "model": model})
    return models(ws)


def prices(ws: Workspace) -> dict[str, Any]:
    """{items: [{model, input, output, own}], next}: dollars per million tokens, as used from now on."""
    own = _read(ws).prices
    rows = {**table(), **own}
    items = [{"model": name, "input": rows[name][0], "output": rows[name][1], "own": name in own} for name in rows]
    return {"items": sorted(items, key=lambda one: (not one["own"], one["model"])), "next": None}


def set_prices(ws: Workspace, items: Any) -> dict[str, Any]:
    """The whole table. A row as Nexod has it is no price of one's own; one left out falls back to Nexod's."""
    if not is_list(items) or len(items) > MOST_PRICES:
        raise _invalid("wrong_type", f"items is a list of at most {MOST_PRICES} prices.", "", "items")
    rows = dict(_row(at, item) for at, item in enumerate(items))
    _write(ws, "prices", {name: price for name, price in rows.items() if table().get(name) != price})
    return prices(ws)


def set_price(ws: Workspace, model: Any, input: Any = None, output: Any = None) -> dict[str, Any]:
    """One price, the rest as they are; without figures it falls back to Nexod's."""
    name = model.strip().lower() if isinstance(model, str) else model
    rest = [one for one in prices(ws)["items"] if one["model"] != name]
    new = [] if input is None and output is None else [{"model": name, "input": input, "output": output}]
    return set_prices(ws, [*new, *rest])


def budget(ws: Workspace) -> dict[str, Any]:
    """{cost_usd, tokens}: what one run may spend before a person is asked; null for no end."""
    chosen = _read(ws)
    return {"cost_usd": chosen.budget_usd, "tokens": chosen.budget_tokens}


def set_budget(ws: Workspace, cost_usd: Any = None, tokens: Any = None) -> dict[str, Any]:
    """Both of them, from the next call of a model on. Raises Invalid."""
    if cost_usd is not None and not (_is_number(cost_usd) and 0 < cost_usd <= DEAREST):
        raise _invalid(
            "bad_value", f"{cost_usd!r} is no budget in dollars.", "More than 0, or leave it empty.", "cost_usd"
        )
    if tokens is not None and not (_is_number(tokens) and 0 < tokens <= MOST_TOKENS and tokens == round(tokens)):
        hint = "A whole number of 1 or more, or leave it empty."
        raise _invalid("bad_value", f"{tokens!r} is no number of tokens.", hint, "tokens")
    dollars = None if cost_usd is None else float(cost_usd)
    _write(ws, "budget", {"cost_usd": dollars, "tokens": None if tokens is None else int(tokens)})
    return budget(ws)


def usage(ws: Workspace, days: int = 30) -> dict[str, Any]:
    """{days, runs, input_tokens, output_tokens, cost} of what ended lately."""
    with ws.db.read() as conn:
        found = runs.spent(conn, ws.id, now_ms(conn) - days * 86_400_000)
    return {
        "days": days, "runs": found["runs"], "input_tokens": round(found["input_tokens"]),
        "output_tokens": round(found["output_tokens"]), "cost": round(found["cost"], 6),
    }  # fmt: skip


def preferences(ws: Workspace) -> llm.Preferences:
    return _read(ws)


def _row(at: int, item: Any) -> tuple[str, tuple[float, float]]:
    name: Any = item.get("model") if is_object(item) else None
    if not isinstance(name, str) or not 0 < len(name.strip()) <= 200:
        raise _invalid("bad_value", "A price names its model.", "", f"items.{at}.model")
    return name.strip().lower(), (_dollars(item, at, "input"), _dollars(item, at, "output"))


def _dollars(item: dict[str, Any], at: int, name: str) -> float:
    value: Any = item.get(name)
    if not (_is_number(value) and 0 <= value <= DEAREST):
        fault = f"{value!r} is no price."
        raise _invalid("bad_value", fault, "Dollars per million tokens, 0 or more.", f"items.{at}.{name}")
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _read(ws: Workspace) -> llm.Preferences:
    with ws.db.read() as conn:
        return llm.Preferences.of(settings.read(conn, ws.id))


def _write(ws: Workspace, name: str, value: Any) -> None:
    with ws.db.begin() as conn:
        settings.write(conn, ws.id, name, value)


def _invalid(code: str, message: str, hint: str, field: str) -> Invalid:
    return Invalid.of([Problem(code, message, hint, field=field)], message)
