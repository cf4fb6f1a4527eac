"""The workspace's model and prices over REST, and what they mean for a run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from engine.runner import Runner
from engine.services import identity, preferences
from engine.store.session import Workspace
from nexod_app.site import Site
from tests.nexod_app.api.conftest import client
from tests.nexod_app.api.specs import flow, node
from tests.world.models import ModelServer


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with ModelServer() as server:
        monkeypatch.setenv("VLLM_BASE_URL", server.url)
        yield server


async def run(api: httpx.AsyncClient, **config: Any) -> dict[str, Any]:
    spec = flow(node("a", "llm", prompt="Write about bees", **config), outputs={"text": "{{ a.text }}"})
    made = (await api.post("/workflows", json=spec)).json()
    return (await api.post(f"/workflows/{made['id']}/runs?wait=20", json={"inputs": {}})).json()


async def test_nobody_is_chosen_at_first(api: httpx.AsyncClient):
    found = (await api.get("/settings/models")).json()
    assert (found["provider"], found["model"]) == ("auto", "")
    assert [one["name"] for one in found["providers"] if one["auto"]] == ["demo"]


async def test_auto_asks_whom_the_workspace_chose(api: httpx.AsyncClient, models: ModelServer, working: Runner):
    assert (await run(api))["usage"]["cost"] == 0 and not models.requests
    chosen = await api.put("/settings/models", json={"provider": "vllm", "model": "mine/llama"})
    assert chosen.status_code == 200 and chosen.json() == (await api.get("/settings/models")).json()
    models.play({"text": "From here"}, {"text": "And here"})
    assert (await run(api))["outputs"] == {"text": "From here"}
    assert (await run(api, model="other"))["outputs"] == {"text": "And here"}
    assert [one["body"]["model"] for one in models.requests] == ["mine/llama", "other"]
    await run(api, provider="demo")
    await api.put("/settings/models", json={"provider": "auto", "model": "ignored"})
    await run(api)
    assert len(models.requests) == 2
    assert (await api.get("/settings/models")).json()["model"] == ""


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"provider": "nobody"}, "provider"),
        ({"provider": None}, "provider"),
        ({}, "provider"),
        ({"provider": ["demo"]}, "provider"),
        ({"provider": "openrouter"}, "provider"),
        ({"provider": "demo", "model": 5}, "model"),
        ({"provider": "demo", "model": "x" * 201}, "model"),
        ({"provider": "demo", "base_url": "http://evil.example"}, "base_url"),
    ],
)
async def test_what_cannot_answer_cannot_be_chosen(api: httpx.AsyncClient, body: dict[str, Any], field: str):
    refused = await api.put("/settings/models", json=body)
    assert refused.status_code == 422
    assert refused.json()["error"]["details"][0]["field"] == field


async def test_prices_are_changed_and_used(api: httpx.AsyncClient, models: ModelServer, working: Runner):
    before = (await api.get("/settings/prices")).json()
    assert {"model": "gpt-4.1", "input": 2.0, "output": 8.0, "own": False} in before["items"]
    assert (await api.put("/settings/prices", json=before)).json() == before, "what was answered may be sent back"
    mine = {"model": "Mine/Llama", "input": 1, "output": 10.5}
    after = (await api.put("/settings/prices", json={"items": [*before["items"], mine]})).json()
    assert after["items"][0] == {"model": "mine/llama", "input": 1.0, "output": 10.5, "own": True}
    assert len(after["items"]) == len(before["items"]) + 1
    models.play({"text": "Bees", "usage": {"input_tokens": 1_000_000, "output_tokens": 2_000_000}})
    assert (await run(api, provider="vllm", model="mine/llama"))["usage"]["cost"] == 22
    assert (await api.put("/settings/prices", json={"items": []})).json() == before


async def test_one_price_is_changed_and_taken_back(ws: Workspace):
    before = preferences.prices(ws)
    assert preferences.set_price(ws, " GPT-4.1 ", 1.5, 2)["items"][0] == {
        "model": "gpt-4.1", "input": 1.5, "output": 2.0, "own": True,
    }  # fmt: skip
    assert preferences.set_price(ws, "mine", 0, 0)["items"][1]["model"] == "mine"
    preferences.set_price(ws, "mine")
    assert preferences.set_price(ws, "gpt-4.1") == before


async def test_what_was_used_is_told_for_the_workspace(api: httpx.AsyncClient, models: ModelServer, working: Runner):
    nothing = {"days": 30, "runs": 0, "input_tokens": 0, "output_tokens": 0, "cost": 0.0}
    assert (await api.get("/settings/usage")).json() == nothing
    models.play(*[{"text": "Bees", "usage": {"input_tokens": 10, "output_tokens": 5}}] * 2)
    for _ in range(2):
        await run(api, provider="vllm", model="openai/gpt-4.1")
    found = (await api.get("/settings/usage?days=1")).json()
    assert found == {"days": 1, "runs": 2, "input_tokens": 20, "output_tokens": 10, "cost": 0.00012}
    assert (await api.get("/settings/usage?days=0")).status_code == 422


@pytest.mark.parametrize(
    ("items", "field"),
    [
        (None, "items"),
        ({}, "items"),
        ([1], "items.0.model"),
        ([{"model": " ", "input": 1, "output": 1}], "items.0.model"),
        ([{"model": "a", "input": -1, "output": 1}], "items.0.input"),
        ([{"model": "a", "input": 1}], "items.0.output"),
        ([{"model": "a", "input": 1, "output": True}], "items.0.output"),
        ([{"model": "a", "input": 1, "output": "2"}], "items.0.output"),
        ([{"model": "a", "input": 1, "output": 1e300}], "items.0.output"),
        ([{"model": "a", "input": 0, "output": 0}] * 501, "items"),
    ],
)
async def test_what_is_no_price_is_refused_with_its_place(api: httpx.AsyncClient, items: Any, field: str):
    refused = await api.put("/settings/prices", json={"items": items})
    assert refused.status_code == 422
    assert refused.json()["error"]["details"][0]["field"] == field


async def test_a_run_that_passes_its_budget_waits_in_the_inbox(
    api: httpx.AsyncClient, models: ModelServer, working: Runner
):
    assert (await api.get("/settings/budget")).json() == {"cost_usd": None, "tokens": None}
    await api.put("/settings/prices", json={"items": [{"model": "mine", "input": 1000, "output": 1000}]})
    chosen = await api.put("/settings/budget", json={"cost_usd": 0.01})
    assert chosen.json() == (await api.get("/settings/budget")).json() == {"cost_usd": 0.01, "tokens": None}
    models.play(*[{"text": "Bees", "usage": {"input_tokens": 5, "output_tokens": 5}}] * 2)
    steps = [node(id_, "llm", prompt="Write about bees", provider="vllm", model="mine") for id_ in "ab"]
    spec = flow(*steps, edges=(("a", "out", "b"),))
    made = (await api.post("/workflows", json=spec)).json()
    waits = (await api.post(f"/workflows/{made['id']}/runs?wait=20", json={"inputs": {}})).json()
    (asked,) = (await api.get("/approvals?status=pending")).json()["items"]
    assert (waits["status"], waits["waiting_for"]) == ("waiting", [asked["id"]])
    assert (asked["type"], asked["node_id"], asked["data"]) == ("budget", "b", {"more_usd": 0.01})
    said = {"decision": "approve", "hash": asked["hash"], "data": {"more_usd": 0}}
    assert (await api.post(f"/approvals/{asked['id']}", json=said)).status_code == 422
    assert (await api.post(f"/approvals/{asked['id']}", json={**said, "data": None})).status_code == 200
    ended = await ends(api, waits["id"])
    assert (ended["status"], ended["usage"]["cost"]) == ("completed", 0.02)


async def ends(api: httpx.AsyncClient, run_id: str) -> dict[str, Any]:
    for _ in range(400):
        found = (await api.get(f"/runs/{run_id}")).json()
        if found["completed_at"]:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(found["status"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"cost_usd": 0}, "cost_usd"),
        ({"cost_usd": "1"}, "cost_usd"),
        ({"cost_usd": True}, "cost_usd"),
        ({"tokens": 0}, "tokens"),
        ({"tokens": 1.5}, "tokens"),
        ({"tokens": 1e300}, "tokens"),
        ({"euros": 1}, "euros"),
    ],
)
async def test_what_is_no_budget_is_refused(api: httpx.AsyncClient, body: dict[str, Any], field: str):
    refused = await api.put("/settings/budget", json=body)
    assert refused.status_code == 422
    assert refused.json()["error"]["details"][0]["field"] == field


async def test_only_an_admin_changes_them(site: Site, ws: Workspace):
    async with client(site, identity.create_key(ws, "reader", ["read", "write", "run", "approve"])["key"]) as http:
        assert (await http.get("/settings/models")).status_code == 200
        assert (await http.put("/settings/models", json={"provider": "demo"})).status_code == 403
        assert (await http.put("/settings/prices", json={"items": []})).status_code == 403
        assert (await http.put("/settings/budget", json={})).status_code == 403
