"""/settings: the workspace's default model, what tokens cost, what a run may spend, and what was used."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from engine.services import preferences
from nexod_app.api.calls import PREFIX, answer, in_thread, needs, read_fields, takes
from nexod_app.auth import Caller

router = APIRouter(prefix=PREFIX, tags=["settings"])
Reader = Annotated[Caller, needs("read")]
Admin = Annotated[Caller, needs("admin")]


@router.get("/settings/models")
async def get_models(who: Reader) -> Response:
    """Whom `provider: auto` asks, and every provider, ready or not. Never a key."""
    return answer(await in_thread(preferences.models, who.ws))


@router.put("/settings/models", openapi_extra=takes("provider", provider="string", model="string"))
async def put_models(who: Admin, request: Request) -> Response:
    """`{"provider", "model"?}`: what `provider: auto` means from now on; `auto` takes the choice back."""
    body = await read_fields(request, "provider", "model")
    return answer(await in_thread(preferences.choose_models, who.ws, body.get("provider"), body.get("model", "")))


@router.get("/settings/prices")
async def get_prices(who: Reader) -> Response:
    """Dollars per million tokens, by model; `own`: this workspace's price instead of Nexod's."""
    return answer(await in_thread(preferences.prices, who.ws))


@router.put("/settings/prices", openapi_extra=takes("items", items="array"))
async def put_prices(who: Admin, request: Request) -> Response:
    """`{"items": [{"model", "input", "output"}]}`, all of them; calls already made keep their cost."""
    body = await read_fields(request, "items", "next")
    return answer(await in_thread(preferences.set_prices, who.ws, body.get("items")))


@router.get("/settings/budget")
async def get_budget(who: Reader) -> Response:
    """What one run may spend, `cost_usd` and `tokens`, before a person is asked for more; null: without end."""
    return answer(await in_thread(preferences.budget, who.ws))


@router.put("/settings/budget", openapi_extra=takes(cost_usd="number", tokens="integer"))
async def put_budget(who: Admin, request: Request) -> Response:
    """`{"cost_usd"?, "tokens"?}`, both of them: what is left out has no end."""
    body = await read_fields(request, "cost_usd", "tokens")
    return answer(await in_thread(preferences.set_budget, who.ws, body.get("cost_usd"), body.get("tokens")))


@router.get("/settings/usage")
async def get_usage(who: Reader, days: Annotated[int, Query(ge=1, le=3660)] = 30) -> Response:
    """Tokens and dollars of the runs started in the last days, once they ended."""
    return answer(await in_thread(preferences.usage, who.ws, days))
