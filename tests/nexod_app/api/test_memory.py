"""Memory over REST: what people see of it, change and take along."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from engine.knowledge import memory
from engine.runner import Runner
from engine.services import identity
from engine.store.session import Workspace
from nexod_app.site import Site
from tests.nexod_app.api.conftest import client
from tests.nexod_app.api.specs import flow, node

FORM = {"type": "object", "properties": {"title": {"type": "string"}, "price": {"type": "number"}}}


async def texts(api: httpx.AsyncClient, **params: Any) -> list[str]:
    return [one["text"] for one in (await api.get("/memory", params=params)).json()["items"]]


async def test_facts_are_added_found_changed_and_deleted(api: httpx.AsyncClient):
    made = await api.post("/memory", json={"text": " Anna drinks tea. ", "subject": "customer/anna"})
    assert made.status_code == 201
    fact = made.json()
    assert (fact["kind"], fact["text"], fact["subject"], fact["confidence"]) == (
        "fact", "Anna drinks tea.", "customer/anna", 1.0,
    )  # fmt: skip
    await api.post("/memory", json={"text": "Bert drinks water."})
    assert await texts(api) == ["Bert drinks water.", "Anna drinks tea."]
    assert await texts(api, query="DRINKS anna") == ["Anna drinks tea."]
    assert await texts(api, query="100%") == []
    umlaut = (await api.post("/memory", json={"text": "Ärger mit Öl."})).json()
    assert await texts(api, query="ärger öl") == await texts(api, query="ÄRGER") == ["Ärger mit Öl."]
    await api.delete(f"/memory/{umlaut['id']}")
    assert await texts(api, kind="pattern") == []
    changed = await api.put(f"/memory/{fact['id']}", json={"text": "Anna drinks coffee."})
    assert changed.json()["text"] == "Anna drinks coffee."
    assert changed.json()["subject"] == "customer/anna"
    assert (await api.get(f"/memory/{fact['id']}")).json() == changed.json()
    assert (await api.delete(f"/memory/{fact['id']}")).status_code == 204
    assert (await api.get(f"/memory/{fact['id']}")).status_code == 404
    assert (await api.delete(f"/memory/{fact['id']}")).status_code == 404


async def test_lists_come_in_pages(api: httpx.AsyncClient):
    for n in range(5):
        await api.post("/memory", json={"text": f"Fact {n}"})
    first = (await api.get("/memory?limit=3")).json()
    rest = (await api.get("/memory", params={"limit": 3, "after": first["next"]})).json()
    assert [one["text"] for one in [*first["items"], *rest["items"]]] == [f"Fact {n}" for n in (4, 3, 2, 1, 0)]
    assert rest["next"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "text"), ({"text": " "}, "text"), ({"text": 7}, "text"), ({"text": "x" * 10_001}, "text"),
     ({"text": "x", "subject": "y" * 201}, "subject"), ({"text": "x", "confidence": 1}, "confidence"),
     ({"text": "a\0b"}, "text")],
)  # fmt: skip
async def test_what_cannot_be_kept_is_refused(api: httpx.AsyncClient, body: dict[str, Any], field: str):
    answer = await api.post("/memory", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["field"] == field
    assert await texts(api) == []


async def test_threads_are_read_and_deleted_by_their_names(api: httpx.AsyncClient, ws: Workspace):
    for thread in ("customer/anna", "customer/bert"):
        said = [("user", "Hello?", "k:q"), ("assistant", "Hello.", "k:a")]
        memory.tell(ws.db, ws.id, thread, said)
    listed = (await api.get("/memory/threads")).json()["items"]
    assert [(one["thread"], one["messages"]) for one in listed] == [("customer/bert", 2), ("customer/anna", 2)]
    page = (await api.get("/memory/threads/customer/anna", params={"limit": 1})).json()
    rest = (await api.get("/memory/threads/customer%2Fanna", params={"after": page["next"]})).json()
    assert [(one["role"], one["text"]) for one in [*page["items"], *rest["items"]]] == [
        ("user", "Hello?"), ("assistant", "Hello."),
    ]  # fmt: skip
    assert (await api.delete("/memory/threads/customer/anna")).status_code == 204
    assert (await api.get("/memory/threads/customer/anna")).status_code == 404
    assert (await api.delete("/memory/threads/customer/anna")).status_code == 404
    assert (await api.get("/memory/threads/customer/bert")).status_code == 200


async def test_a_message_is_changed_and_deleted(
    api: httpx.AsyncClient, ws: Workspace, site: Site, monkeypatch: pytest.MonkeyPatch
):
    memory.tell(ws.db, ws.id, "t", [("user", "My name is Ana.", "k:q"), ("assistant", "Hello Ana.", "k:a")])
    question, answer = (await api.get("/memory/threads/t")).json()["items"]
    monkeypatch.setenv("NEXOD_SECRET_CMS", "hunter2hunter2")
    changed = await api.put(f"/memory/messages/{question['id']}", json={"text": " I am Anna, hunter2hunter2. "})
    assert changed.json() == {**question, "text": "I am Anna, [redacted]."}
    assert [one["text"] for one in memory.thread(ws.db, ws.id, "t")] == ["I am Anna, [redacted].", "Hello Ana."]
    assert (await api.delete(f"/memory/messages/{answer['id']}")).status_code == 204
    assert [one["text"] for one in memory.thread(ws.db, ws.id, "t")] == ["I am Anna, [redacted]."]
    assert (await api.delete(f"/memory/messages/{answer['id']}")).status_code == 404
    for body in ({"text": ""}, {"text": "x" * 8001}, {"text": 7}, {"role": "user"}):
        assert (await api.put(f"/memory/messages/{question['id']}", json=body)).status_code == 422, body
    async with client(site, identity.create_key(ws, "reader", ["read"])["key"]) as reader:
        assert (await reader.put(f"/memory/messages/{question['id']}", json={"text": "x"})).status_code == 403
        assert (await reader.delete(f"/memory/messages/{question['id']}")).status_code == 403


async def test_everything_goes_into_one_file(api: httpx.AsyncClient, ws: Workspace):
    await api.post("/memory", json={"text": "Anna drinks tea."})
    memory.say(ws.db, ws.id, "t", "user", "Hello?", key="k")
    answer = await api.get("/memory/export")
    assert "memory.json" in answer.headers["content-disposition"]
    file = answer.json()
    assert [one["text"] for one in file["facts"]] == ["Anna drinks tea."]
    assert file["patterns"] == []
    assert [(one["thread"], [m["text"] for m in one["messages"]]) for one in file["threads"]] == [("t", ["Hello?"])]


async def test_reading_is_not_writing(api: httpx.AsyncClient, site: Site, ws: Workspace):
    fact = (await api.post("/memory", json={"text": "Anna drinks tea."})).json()
    async with client(site, identity.create_key(ws, "reader", ["read"])["key"]) as reader:
        assert (await reader.get("/memory")).status_code == 200
        assert (await reader.put(f"/memory/{fact['id']}", json={"text": "x"})).status_code == 403
        assert (await reader.delete(f"/memory/{fact['id']}")).status_code == 403


# Patterns --------------------------------------------------------------------------------------------------------


async def asked(api: httpx.AsyncClient, workflow: str) -> dict[str, Any]:
    run = (await api.post(f"/workflows/{workflow}/runs?wait=20", json={"inputs": {}})).json()
    return (await api.get(f"/approvals/{run['waiting_for'][0]}")).json()


async def decide(api: httpx.AsyncClient, approval: dict[str, Any], decision: str, **more: Any) -> httpx.Response:
    return await api.post(f"/approvals/{approval['id']}", json={"decision": decision, "hash": approval["hash"], **more})


async def offer(api: httpx.AsyncClient) -> str:
    spec = flow(node("ok", "approval", question="Send this offer?", schema=FORM, data={"title": "Lamp", "price": 40}))
    return (await api.post("/workflows", json=spec)).json()["id"]


async def patterns(api: httpx.AsyncClient) -> list[dict[str, Any]]:
    return (await api.get("/memory?kind=pattern")).json()["items"]


async def test_an_edit_before_approving_becomes_a_pattern(api: httpx.AsyncClient, working: Runner):
    workflow = await offer(api)
    approval = await asked(api, workflow)
    said = {"title": "Lamp", "price": 35}
    assert (await decide(api, approval, "approve", data=said, comment="Too dear")).status_code == 200
    (pattern,) = await patterns(api)
    assert pattern["text"] == "Send this offer: changed price from 40 to 35 (Too dear)"
    assert pattern["subject"] == f"{workflow}/ok"
    assert pattern["details"]["changes"] == [{"field": "price", "from": 40, "to": 35}]
    assert pattern["run_id"] == approval["run_id"]
    assert (pattern["seen"], pattern["confidence"]) == (1, round(2 / 3, 4))


async def test_a_rejection_teaches_by_its_reason_and_only_by_that(api: httpx.AsyncClient, working: Runner):
    workflow = await offer(api)
    await decide(api, await asked(api, workflow), "reject")
    await decide(api, await asked(api, workflow), "approve")
    assert await patterns(api) == []
    await decide(api, await asked(api, workflow), "reject", comment="We do not sell lamps.")
    (pattern,) = await patterns(api)
    assert pattern["text"] == "Send this offer: rejected, because: We do not sell lamps."
    assert pattern["confidence"] == round(2 / 5, 4)


async def test_confidence_follows_how_often_people_decide_alike(api: httpx.AsyncClient, working: Runner):
    workflow = await offer(api)
    found: list[list[float]] = []
    for price in (35, 36, None, 37):
        data = {} if price is None else {"data": {"title": "Lamp", "price": price}}
        await decide(api, await asked(api, workflow), "approve", **data)
        found.append([one["confidence"] for one in await patterns(api)])
    assert found == [[0.6667], [0.75, 0.75], [0.6, 0.6], [0.6667, 0.6667, 0.6667]]
    assert {one["seen"] for one in await patterns(api)} == {3}


async def test_a_second_click_teaches_nothing_more(api: httpx.AsyncClient, working: Runner):
    approval = await asked(api, await offer(api))
    assert (await decide(api, approval, "reject", comment="No.")).status_code == 200
    assert (await decide(api, approval, "reject", comment="No, really.")).status_code == 409
    assert len(await patterns(api)) == 1


async def test_a_decision_that_is_not_taken_teaches_nothing(api: httpx.AsyncClient, working: Runner):
    approval = await asked(api, await offer(api))
    assert (await decide(api, approval, "approve", data={"price": "dear"})).status_code == 422
    assert await patterns(api) == []


async def test_patterns_hold_no_secret(api: httpx.AsyncClient, working: Runner, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NEXOD_SECRET_SHOP", "hunter2hunter2")
    approval = await asked(api, await offer(api))
    await decide(api, approval, "approve", data={"title": "hunter2hunter2"}, comment="it is hunter2hunter2")
    assert "hunter2" not in str(await patterns(api))
    assert "[redacted]" in (await patterns(api))[0]["text"]
