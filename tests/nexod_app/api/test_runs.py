"""Runs over REST, executed by the real runner."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from engine.runner import Runner
from nexod_app.site import Site
from tests.nexod_app.api.specs import asking, flow, node, topic

TEA = {"inputs": {"topic": "tea"}}


async def make(api: httpx.AsyncClient, spec: dict[str, Any]) -> str:
    answer = await api.post("/workflows", json=spec)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def finish(api: httpx.AsyncClient, run_id: str) -> dict[str, Any]:
    answer = await api.get(f"/runs/{run_id}", params={"wait": 20})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def journal(api: httpx.AsyncClient, run_id: str) -> list[dict[str, Any]]:
    return (await api.get(f"/runs/{run_id}/events")).json()


async def test_a_run_is_admitted_at_once_and_shows_what_it_did(api: httpx.AsyncClient, site: Site):
    from tests.nexod_app.api.conftest import worker

    workflow = await make(api, topic())
    answer = await api.post(f"/workflows/{workflow}/runs", json=TEA)
    assert answer.status_code == 202 and answer.json().keys() == {"run_id", "status"}
    run = (await api.get(f"/runs/{answer.json()['run_id']}")).json()
    assert run["status"] == "pending" and run["nodes"] == {"draft": {"status": "idle", "visits": 0}}
    async with worker(site):
        run = await finish(api, run["id"])
    assert run.keys() == {
        "id", "workflow_id", "version", "target", "status", "reason", "inputs", "outputs", "error", "waiting_for",
        "forked_from", "usage", "nodes", "created_at", "started_at", "completed_at",
    }  # fmt: skip
    assert (run["status"], run["outputs"], run["inputs"]) == ("completed", {"text": "About tea"}, {"topic": "tea"})
    assert run["nodes"] == {"draft": {"status": "completed", "visits": 1}} and run["error"] is None


async def test_waiting_for_the_end_answers_with_the_whole_run(api: httpx.AsyncClient, working: Runner):
    workflow = await make(api, topic())
    answer = await api.post(f"/workflows/{workflow}/runs?wait=20", json=TEA)
    assert answer.status_code == 200 and answer.json()["outputs"] == {"text": "About tea"}
    asks = await make(api, asking())
    answer = await api.post(f"/workflows/{asks}/runs?wait=20", json={})
    assert answer.status_code == 200 and answer.json()["status"] == "waiting"
    assert len(answer.json()["waiting_for"]) == 1 and answer.json()["nodes"]["ask"]["status"] == "waiting"


async def test_a_timer_alone_keeps_the_wait_open(api: httpx.AsyncClient, working: Runner):
    long = await make(api, flow(node("w", "wait", seconds=600)))
    answer = await api.post(f"/workflows/{long}/runs?wait=1", json={})
    assert answer.status_code == 202
    assert (answer.json()["status"], answer.json()["waiting_for"]) == ("waiting", [])
    short = await make(api, flow(node("w", "wait", seconds=0.3), node("b"), edges=(("w", "out", "b"),)))
    answer = await api.post(f"/workflows/{short}/runs?wait=20", json={})
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")


async def test_when_time_is_up_the_run_comes_as_it_is(api: httpx.AsyncClient):
    workflow = await make(api, topic())
    for wait in ("0", "0.2"):
        answer = await api.post(f"/workflows/{workflow}/runs?wait={wait}", json=TEA)
        assert answer.status_code == 202 and answer.json()["status"] == "pending"
    assert (await api.post(f"/workflows/{workflow}/runs?wait=61", json=TEA)).status_code == 422


async def test_inputs_are_declared_ones_and_a_body_holds_nothing_else(api: httpx.AsyncClient):
    path = f"/workflows/{await make(api, topic())}/runs"
    for body, field in (
        ({}, "inputs.topic"),
        ({"inputs": {}}, "inputs.topic"),
        ({"inputs": {"topic": 1}}, "inputs.topic"),
        ({"inputs": {"topic": "x", "more": 1}}, "inputs.more"),
        ({"inputs": []}, "inputs"),
        ({"inputs": None}, "inputs"),
        ({**TEA, "spec": topic()}, "spec"),
        ({**TEA, "nodes": []}, "nodes"),
    ):
        answer = await api.post(path, json=body)
        assert answer.status_code == 422, body
        assert [problem["field"] for problem in answer.json()["error"]["details"]] == [field]
    assert (await api.get("/runs")).json()["items"] == []


async def test_what_cannot_run_is_422(api: httpx.AsyncClient):
    for spec, code in (
        (flow(), "missing_field"),
        (flow(node("n", "note", text="only words")), "missing_field"),
        (flow(node("a", "llm", prompt="x", provider="openai")), "missing_key"),
    ):
        answer = await api.post(f"/workflows/{await make(api, spec)}/runs", json={})
        assert answer.status_code == 422 and answer.json()["error"]["details"][0]["code"] == code
        assert answer.json()["error"]["details"][0]["severity"] == "error"


async def test_a_key_admits_once_and_stands_for_one_body(api: httpx.AsyncClient):
    workflow = await make(api, topic())
    path, key = f"/workflows/{workflow}/runs", {"Idempotency-Key": "order-1"}
    answers = await asyncio.gather(*(api.post(path, json=TEA, headers=key) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {202} and len({answer.text for answer in answers}) == 1
    assert len((await api.get(f"/workflows/{workflow}/runs")).json()["items"]) == 1
    other = await api.post(path, json={"inputs": {"topic": "coffee"}}, headers=key)
    assert other.status_code == 422
    elsewhere = await api.post(f"/workflows/{await make(api, topic())}/runs", json=TEA, headers=key)
    assert elsewhere.status_code == 422
    await api.put(f"/workflows/{workflow}", json={**topic(), "name": "New"}, headers={"If-Match": "*"})
    assert (await api.post(path, json=TEA, headers=key)).text == answers[0].text
    assert (await api.post(path, json=TEA, headers={"Idempotency-Key": "order-2"})).text != answers[0].text


async def test_a_run_keeps_the_version_it_started_with(api: httpx.AsyncClient, site: Site):
    from tests.nexod_app.api.conftest import worker

    workflow = await make(api, topic())
    run = (await api.post(f"/workflows/{workflow}/runs", json=TEA)).json()["run_id"]
    await api.put(f"/workflows/{workflow}", json=flow(node("other")), headers={"If-Match": "*"})
    async with worker(site):
        first = await finish(api, run)
        second = (await api.post(f"/workflows/{workflow}/runs?wait=20", json={})).json()
    assert (first["version"], first["outputs"], list(first["nodes"])) == (1, {"text": "About tea"}, ["draft"])
    assert (second["version"], list(second["nodes"])) == (2, ["other"])


async def test_lists_filter_and_come_newest_first(api: httpx.AsyncClient, working: Runner):
    one, two = await make(api, topic()), await make(api, flow(node("f", "fail", message="no")))
    for path, body in ((one, TEA), (two, {}), (one, TEA)):
        await api.post(f"/workflows/{path}/runs?wait=20", json=body)
    everything = (await api.get("/runs")).json()["items"]
    assert [run["status"] for run in everything] == ["completed", "failed", "completed"]
    assert [run["status"] for run in (await api.get("/runs?status=failed,cancelled")).json()["items"]] == ["failed"]
    assert len((await api.get(f"/workflows/{one}/runs")).json()["items"]) == 2
    page = (await api.get("/runs?limit=2")).json()
    assert [run["id"] for run in (await api.get("/runs", params={"after": page["next"]})).json()["items"]] == [
        everything[2]["id"]
    ]
    single = (await api.get(f"/runs/{everything[1]['id']}")).json()
    assert single == everything[1] and single["error"]["node_id"] == "f" and single["usage"] is not None


async def test_the_old_name_answers_too(api: httpx.AsyncClient, working: Runner):
    workflow = await make(api, topic())
    await api.post(f"/workflows/{workflow}/runs?wait=20", json=TEA)
    answer = await api.post(f"/agents/{workflow}/runs", json=TEA)
    assert answer.status_code == 202 and isinstance(answer.json()["estimated_duration"], float)
    assert len((await api.get(f"/agents/{workflow}/runs")).json()["items"]) == 2


# Stop and take up again --------------------------------------------------------------------------------------


async def test_a_waiting_run_is_cancelled_at_once_and_its_question_closed(api: httpx.AsyncClient, working: Runner):
    workflow = await make(api, asking())
    run = (await api.post(f"/workflows/{workflow}/runs?wait=20", json={})).json()
    assert (await api.post(f"/runs/{run['id']}/cancel")).status_code == 202
    ended = (await api.get(f"/runs/{run['id']}")).json()
    assert (
        ended["status"] == "cancelled" and ended["nodes"]["ask"]["status"] == "cancelled" and ended["waiting_for"] == []
    )
    assert (await api.get(f"/approvals/{run['waiting_for'][0]}")).json()["status"] == "cancelled"
    assert [event["type"] for event in await journal(api, run["id"])][-2:] == ["cancel_requested", "run_cancelled"]
    assert (await api.post(f"/runs/{run['id']}/cancel")).status_code == 409


async def test_a_retry_keeps_successes_and_does_the_failed_step_again(api: httpx.AsyncClient, working: Runner):
    spec = flow(node("a"), node("f", "fail", message="{{ a.text }}"), edges=(("a", "out", "f"),))
    run = (await api.post(f"/workflows/{await make(api, spec)}/runs?wait=20", json={})).json()
    assert run["status"] == "failed"
    again = await api.post(f"/runs/{run['id']}/retry")
    last = (await journal(api, run["id"]))[-1]["seq"]
    assert again.status_code == 202 and again.json()["forked_from"] == {"run_id": run["id"], "seq": last}
    second = await finish(api, again.json()["run_id"])
    assert (second["status"], second["version"], second["forked_from"]) == ("failed", 1, again.json()["forked_from"])
    events = await journal(api, second["id"])
    assert [event["seq"] for event in events] == list(range(len(events)))
    assert [e["type"] for e in events if e["node_id"] == "a"] == ["node_started", "node_completed"]
    assert events[0]["payload"]["effect_run_id"] == run["id"]
    assert events[1]["node_id"] == "a", "copied outcomes come before the first attempt"
    done = (await api.post(f"/workflows/{await make(api, topic())}/runs?wait=20", json=TEA)).json()
    assert (await api.post(f"/runs/{done['id']}/retry")).status_code == 409


async def test_a_fork_replaces_one_output_and_goes_on_from_there(api: httpx.AsyncClient, working: Runner):
    spec = flow(
        node("a"), node("b", text="{{ a.text }}!"), edges=(("a", "out", "b"),), outputs={"text": "{{ b.text }}"}
    )
    run = (await api.post(f"/workflows/{await make(api, spec)}/runs?wait=20", json={})).json()
    cut = next(e["seq"] for e in await journal(api, run["id"]) if e["type"] == "node_completed" and e["node_id"] == "a")
    path = f"/runs/{run['id']}/fork"
    made = await api.post(path, json={"seq": cut, "outputs": {"a": {"text": "changed"}}})
    assert made.status_code == 202 and made.json()["forked_from"] == {"run_id": run["id"], "seq": cut}
    fork = await finish(api, made.json()["run_id"])
    assert fork["outputs"] == {"text": "changed!"}
    assert (await journal(api, fork["id"]))[0]["payload"]["effect_run_id"] == fork["id"]
    plain = await finish(api, (await api.post(path, json={"seq": cut})).json()["run_id"])
    assert plain["outputs"] == {"text": "a!"}
    for body in ({"seq": 999}, {"seq": -1}, {"seq": "1"}, {"seq": True}, {}, {"seq": cut, "outputs": {"b": 1}},
                 {"seq": cut - 1, "outputs": {"a": 1}}, {"seq": cut, "outputs": {"a": 1, "b": 1}},
                 {"seq": cut, "outputs": []}, {"seq": cut, "more": 1}):  # fmt: skip
        answer = await api.post(path, json=body)
        assert answer.status_code == 422 and answer.json()["error"]["details"], body


async def test_a_fork_asks_open_questions_anew_and_never_replaces_an_answer(api: httpx.AsyncClient, working: Runner):
    workflow = await make(api, asking())
    run = (await api.post(f"/workflows/{workflow}/runs?wait=20", json={})).json()
    asked = (await api.get(f"/approvals/{run['waiting_for'][0]}")).json()
    await api.post(f"/approvals/{asked['id']}", json={"decision": "approve", "hash": asked["hash"]})
    done = await finish(api, run["id"])
    events = await journal(api, done["id"])
    answered = next(e["seq"] for e in events if e["type"] == "node_completed" and e["node_id"] == "ask")
    refused = await api.post(
        f"/runs/{run['id']}/fork", json={"seq": answered, "outputs": {"ask": {"decision": "rejected"}}}
    )
    assert refused.status_code == 422
    kept = await finish(api, (await api.post(f"/runs/{run['id']}/fork", json={"seq": answered})).json()["run_id"])
    assert kept["status"] == "completed"
    decided = next(e["seq"] for e in events if e["type"] == "approval_decided")
    kept = await finish(api, (await api.post(f"/runs/{run['id']}/fork", json={"seq": decided})).json()["run_id"])
    assert kept["status"] == "completed", "the answer was given, only the step had not taken note"
    asked_at = next(e["seq"] for e in events if e["type"] == "approval_requested")
    anew = await finish(api, (await api.post(f"/runs/{run['id']}/fork", json={"seq": asked_at})).json()["run_id"])
    assert anew["status"] == "waiting" and anew["waiting_for"] != [asked["id"]]


async def test_only_a_run_in_review_is_resolved(api: httpx.AsyncClient, working: Runner):
    run = (await api.post(f"/workflows/{await make(api, topic())}/runs?wait=20", json=TEA)).json()
    answer = await api.post(f"/runs/{run['id']}/resolve", json={"node_id": "draft", "action": "repeat"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")


async def test_large_values_are_previewed_in_lists_and_whole_on_request(api: httpx.AsyncClient, working: Runner):
    spec = flow(
        node("a", text="{{ input.text }}"), inputs={"type": "object", "properties": {"text": {"type": "string"}}}
    )
    run = (
        await api.post(f"/workflows/{await make(api, spec)}/runs?wait=20", json={"inputs": {"text": "x" * 50_000}})
    ).json()
    done = next(e for e in await journal(api, run["id"]) if e["type"] == "node_completed")
    assert done["payload"]["output"].keys() == {"$blob", "size", "preview"}
    whole = (await api.get(f"/runs/{run['id']}/events/{done['seq']}")).json()
    assert whole["payload"]["output"] == {"text": "x" * 50_000}
    assert (await api.get(f"/runs/{run['id']}/events/999")).status_code == 404
