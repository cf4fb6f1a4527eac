"""Questions over REST: the order of the checks, and that exactly one answer is taken."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from engine.runner import Runner
from engine.services import identity
from engine.store.session import Workspace
from nexod_app.site import Site
from tests.nexod_app.api.conftest import client
from tests.nexod_app.api.specs import asking
from tests.nexod_app.api.test_runs import finish, journal, make

FORM = {
    "schema": {"type": "object", "properties": {"text": {"type": "string", "minLength": 3}}, "required": ["text"]},
    "data": {"text": "{{ draft.text }}"},
}


async def asked(api: httpx.AsyncClient, **approval: Any) -> dict[str, Any]:
    """An open question of a waiting run."""
    run = await api.post(f"/workflows/{await make(api, asking(**approval))}/runs?wait=20", json={})
    return (await api.get(f"/approvals/{run.json()['waiting_for'][0]}")).json()


def yes(question: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"decision": "approve", "hash": question["hash"], **more}


async def test_a_question_shows_what_is_asked_and_its_answer_moves_the_run(api: httpx.AsyncClient, working: Runner):
    question = await asked(api, **FORM)
    assert question.keys() >= {
        "id", "type", "run_id", "workflow_id", "node_id", "status", "question", "content", "schema", "data", "hash",
        "deadline_at", "decision", "comment", "decided_by", "decided_at",
    }  # fmt: skip
    assert (question["status"], question["content"], question["data"]) == ("pending", "Words", {"text": "Words"})
    listed = (await api.get("/approvals?status=pending")).json()
    assert listed["items"] == [question] and listed["next"] is None
    answer = await api.post(f"/approvals/{question['id']}", json=yes(question, comment="fine", data={"text": "Better"}))
    assert answer.status_code == 200
    told = answer.json()
    assert (told["status"], told["decision"], told["comment"]) == ("approved", "approved", "fine")
    assert (told["data"], told["decided_by"]) == ({"text": "Better"}, "key:test") and told["decided_at"]
    run = await finish(api, question["run_id"])
    assert run["status"] == "completed" and run["nodes"]["drop"]["status"] == "skipped"
    done = next(e for e in await journal(api, run["id"]) if e["type"] == "node_completed" and e["node_id"] == "ask")
    assert done["payload"]["port"] == "approved" and done["payload"]["output"]["data"] == {"text": "Better"}
    assert (await api.get("/approvals?status=pending")).json()["items"] == []
    assert (await api.get("/approvals?status=approved,rejected")).json()["items"] == [told]


async def test_without_data_the_prefill_is_the_answer_and_a_no_is_not_validated(
    api: httpx.AsyncClient, working: Runner
):
    question = await asked(api, **FORM)
    assert (await api.post(f"/approvals/{question['id']}", json=yes(question))).json()["data"] == {"text": "Words"}
    question = await asked(api, **FORM)
    no = {"decision": "reject", "hash": question["hash"], "data": {"text": 1}}
    assert (await api.post(f"/approvals/{question['id']}", json=no)).json()["status"] == "rejected"
    assert (await finish(api, question["run_id"]))["nodes"]["drop"]["status"] == "completed"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"data": {"text": "x"}}, "data.text"),
        ({"data": {}}, "data"),
        ({"data": []}, "data"),
        ({"hash": None}, "hash"),
        ({"decision": "approved"}, "decision"),
        ({"decision": []}, "decision"),
        ({"comment": 1}, "comment"),
        ({"more": 1}, "more"),
    ],
)
async def test_a_bad_answer_is_422_and_decides_nothing(
    api: httpx.AsyncClient, working: Runner, change: dict[str, Any], field: str
):
    question = await asked(api, **FORM)
    answer = await api.post(f"/approvals/{question['id']}", json=yes(question) | change)
    assert answer.status_code == 422
    assert field in [problem["field"] for problem in answer.json()["error"]["details"]]
    assert (await api.get(f"/approvals/{question['id']}")).json() == question


async def test_the_checks_come_in_their_order(api: httpx.AsyncClient, site: Site, ws: Workspace, working: Runner):
    question = await asked(api, **FORM)
    path, wrong = f"/approvals/{question['id']}", {"decision": "approve", "hash": "other", "data": {}}
    async with client(site, identity.create_key(ws, "reader", ["read", "write", "run", "admin"])["key"]) as reader:
        assert (await reader.post("/approvals/nobody", json=wrong)).status_code == 404
        assert (await reader.post(path, json=wrong)).status_code == 403
        other_hash = await api.post(path, json=wrong)
        assert other_hash.status_code == 409 and "approval" in other_hash.json()["error"]
        assert (await api.post(path, json=wrong | {"hash": question["hash"]})).status_code == 422
        assert (await api.post(path, json=yes(question))).status_code == 200
        assert (await reader.post(path, json=wrong)).status_code == 403
    for body in (wrong, yes(question), {}, {"decision": "reject", "hash": question["hash"]}):
        late = await api.post(path, json=body)
        assert late.status_code == 409 and late.json()["error"]["code"] == "conflict"
        assert late.json()["error"]["approval"]["status"] == "approved"


async def test_of_many_answers_at_once_one_is_taken(api: httpx.AsyncClient, working: Runner):
    question = await asked(api)
    bodies = [
        {"decision": "approve" if n % 2 else "reject", "hash": question["hash"], "comment": str(n)} for n in range(12)
    ]
    answers = await asyncio.gather(*(api.post(f"/approvals/{question['id']}", json=body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 11
    winner = next(answer.json() for answer in answers if answer.status_code == 200)
    assert all(a.json()["error"]["approval"] == winner for a in answers if a.status_code == 409)
    await finish(api, question["run_id"])
    decided = [e for e in await journal(api, question["run_id"]) if e["type"] == "approval_decided"]
    assert [e["payload"]["comment"] for e in decided] == [winner["comment"]]


async def test_a_late_answer_is_410(api: httpx.AsyncClient, working: Runner):
    cancelled = await asked(api)
    await api.post(f"/runs/{cancelled['run_id']}/cancel")
    assert (await api.post(f"/approvals/{cancelled['id']}", json=yes(cancelled))).status_code == 410
    expired = await asked(api, deadline_s=0.2)
    await asyncio.sleep(0.4)
    late = await api.post(f"/approvals/{expired['id']}", json=yes(expired))
    assert (late.status_code, late.json()["error"]["code"]) == (410, "gone")
    run = await finish(api, expired["run_id"])
    assert run["status"] == "completed" and (await api.get(f"/approvals/{expired['id']}")).json()["status"] == "expired"
