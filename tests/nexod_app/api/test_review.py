"""The way out of `needs_review` over REST."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from engine.events import NewEvent
from engine.store import ledger
from nexod_app.site import Site
from tests.nexod_app.api.specs import topic
from tests.nexod_app.api.test_runs import journal, make


async def in_review(api: httpx.AsyncClient, site: Site, *events: NewEvent) -> str:
    workflow = await make(api, topic())
    run = (await api.post(f"/workflows/{workflow}/runs", json={"inputs": {"topic": "x"}})).json()["run_id"]
    claim = ledger.claim(site.db, "a worker", 60, run)
    assert claim
    ledger.append(site.db, [ledger.Append(claim.workspace_id, run, claim.epoch, events, "review")])
    return run


DOUBT = NewEvent("run_needs_review", {"reason": "unsafe_effect"}, "draft", "draft#1")
QUARANTINE = NewEvent("run_needs_review", {"reason": "quarantined"})


@pytest.mark.parametrize(
    "body", [{"action": "repeat"}, {"action": "use", "output": {"text": "it went out"}}, {"action": "fail"}]
)
async def test_a_person_says_how_a_step_in_doubt_ended(api: httpx.AsyncClient, site: Site, body: dict[str, Any]):
    run = await in_review(api, site, DOUBT)
    shown = (await api.get(f"/runs/{run}")).json()
    assert (shown["status"], shown["reason"]) == ("needs_review", "unsafe_effect")
    assert shown["nodes"]["draft"]["status"] == "needs_review"
    waited = await api.get(f"/runs/{run}?wait=5")
    assert waited.status_code == 200, "nothing more happens by itself"
    answer = await api.post(f"/runs/{run}/resolve", json={"node_id": "draft", **body})
    assert answer.status_code == 202
    last = (await journal(api, run))[-1]
    assert (last["type"], last["node_id"], last["key"]) == ("review_resolved", "draft", "draft#1")
    assert last["payload"] == {"by": "key:test", **body}
    assert (await api.get(f"/runs/{run}")).json()["status"] == "pending"
    assert (await api.post(f"/runs/{run}/resolve", json={"node_id": "draft", **body})).status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"node_id": "draft"}, "action"),
        ({"node_id": "draft", "action": "nothing"}, "action"),
        ({"node_id": "draft", "action": "use"}, "output"),
        ({"node_id": "other", "action": "repeat"}, "node_id"),
        ({"node_id": None, "action": "repeat"}, "node_id"),
        ({"node_id": "draft", "key": "draft#9", "action": "repeat"}, "node_id"),
        ({"node_id": "draft", "action": "repeat", "more": 1}, "more"),
    ],
)
async def test_a_bad_resolution_changes_nothing(api: httpx.AsyncClient, site: Site, body: dict[str, Any], field: str):
    run = await in_review(api, site, DOUBT)
    answer = await api.post(f"/runs/{run}/resolve", json=body)
    assert answer.status_code == 422 and answer.json()["error"]["details"][0]["field"] == field
    assert (await api.get(f"/runs/{run}")).json()["status"] == "needs_review"


async def test_a_quarantined_run_is_repeated_or_ended(api: httpx.AsyncClient, site: Site):
    run = await in_review(api, site, QUARANTINE)
    assert (
        await api.post(f"/runs/{run}/resolve", json={"node_id": None, "action": "use", "output": 1})
    ).status_code == 422
    assert (await api.post(f"/runs/{run}/resolve", json={"node_id": None, "action": "repeat"})).status_code == 202
    assert (await api.get(f"/runs/{run}")).json()["status"] == "pending"
    run = await in_review(api, site, QUARANTINE)
    assert (await api.post(f"/runs/{run}/resolve", json={"node_id": None, "action": "fail"})).status_code == 202
    ended = (await api.get(f"/runs/{run}")).json()
    assert ended["status"] == "failed" and ended["error"]["code"] == "failed_by_person"
