"""Drafts, files and the canvas over REST."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from engine.services import catalog
from nexod_app.site import Site
from tests.nexod_app.api.specs import flow, node, topic

JSON = {"Content-Type": "application/json"}


async def made(api: httpx.AsyncClient, spec: dict | None = None) -> dict:
    answer = await api.post("/workflows", json=spec or topic())
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_workflow_comes_back_as_it_was_sent(api: httpx.AsyncClient):
    answer = await api.post("/workflows", json=topic())
    body = answer.json()
    assert answer.status_code == 201 and answer.headers["etag"] == '"1"'
    assert body.keys() == {"id", "name", "rev", "version", "spec", "problems", "created_at", "updated_at"}
    assert (body["name"], body["rev"], body["version"], body["problems"]) == ("Test", 1, 1, [])
    again = await api.get(f"/workflows/{body['id']}")
    assert again.json() == body and again.headers["etag"] == '"1"'
    assert (await api.get(f"/workflows/{body['id']}", headers={"If-None-Match": '"1"'})).status_code == 304


async def test_errors_are_refused_and_nothing_is_stored_warnings_pass(api: httpx.AsyncClient):
    bad = flow(node("a", text="{{ nobody.text }}"), node("a"))
    for path in ("/workflows", "/workflows/import"):
        answer = await api.post(path, json=bad)
        assert answer.status_code == 422
        assert {"unknown_reference", "duplicate_id"} <= {p["code"] for p in answer.json()["error"]["details"]}
    assert (await api.get("/workflows")).json() == {"items": [], "next": None}
    warned = await made(api, flow(node("a", "llm", prompt="x", provider="openai")))
    assert [(p["code"], p["severity"]) for p in warned["problems"]] == [("missing_key", "warning")]


async def test_a_change_names_the_revision_it_was_made_on(api: httpx.AsyncClient):
    one = await made(api)
    path, other = f"/workflows/{one['id']}", {**topic(), "name": "Other"}
    assert (await api.put(path, json=other)).status_code == 428
    for stale in ('"2"', "nonsense", '"0"'):
        assert (await api.put(path, json=other, headers={"If-Match": stale})).status_code == 412
    bad = await api.put(path, json=flow(node("a", "nonsense")), headers={"If-Match": '"1"'})
    assert bad.status_code == 422 and (await api.get(path)).json() == one
    changed = await api.put(path, json=other, headers={"If-Match": '"1"'})
    assert changed.status_code == 200 and changed.headers["etag"] == '"2"'
    assert (changed.json()["name"], changed.json()["rev"], changed.json()["version"]) == ("Other", 2, 2)
    back = await api.put(path, json=topic(), headers={"If-Match": "*"})
    assert (back.json()["rev"], back.json()["version"]) == (3, 1), "the same content is the same version"


async def test_of_two_who_change_at_once_one_wins(api: httpx.AsyncClient):
    one = await made(api)
    send = [
        api.put(f"/workflows/{one['id']}", json={**topic(), "name": str(n)}, headers={"If-Match": '"1"'})
        for n in range(5)
    ]
    assert sorted(answer.status_code for answer in await asyncio.gather(*send)) == [200, 412, 412, 412, 412]


async def test_a_deleted_workflow_is_gone_and_its_runs_stay(api: httpx.AsyncClient):
    one = await made(api)
    run = (await api.post(f"/workflows/{one['id']}/runs", json={"inputs": {"topic": "x"}})).json()["run_id"]
    answer = await api.delete(f"/workflows/{one['id']}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "workflow_in_use")
    await api.post(f"/runs/{run}/cancel")
    assert (await api.delete(f"/workflows/{one['id']}")).status_code == 204
    for path in (f"/workflows/{one['id']}", f"/workflows/{one['id']}/export"):
        assert (await api.get(path)).status_code == 404
    assert (await api.post(f"/workflows/{one['id']}/runs", json={"inputs": {"topic": "x"}})).status_code == 404
    assert (await api.delete(f"/workflows/{one['id']}")).status_code == 404
    assert (await api.get("/workflows")).json()["items"] == []
    assert (await api.get(f"/runs/{run}")).json()["status"] == "cancelled"
    assert len((await api.get(f"/workflows/{one['id']}/runs")).json()["items"]) == 1
    assert (await api.get(f"/runs/{run}/graph")).json() == one["spec"]


@pytest.mark.parametrize("template", catalog.templates(), ids=lambda template: template["slug"])
async def test_a_file_survives_the_round_trip_byte_for_byte(api: httpx.AsyncClient, template: dict):
    one = await made(api, template["spec"])
    file = (await api.get(f"/workflows/{one['id']}/export")).content
    assert (
        file.endswith(b"}\n")
        and file == json.dumps(json.loads(file), indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"
    )
    two = await api.post("/workflows/import", content=file, headers=JSON)
    assert two.status_code == 201 and two.json()["id"] != one["id"] and two.json()["spec"] == one["spec"]
    assert (await api.get(f"/workflows/{two.json()['id']}/export")).content == file


async def test_lists_come_in_pages_last_changed_first(api: httpx.AsyncClient):
    ids = [(await made(api, {**topic(), "name": str(n)}))["id"] for n in range(5)]
    await api.put(f"/workflows/{ids[0]}", json=topic(), headers={"If-Match": "*"})
    seen, after = [], ""
    while after is not None:
        page = (await api.get("/workflows", params={"limit": 2, "after": after})).json()
        assert page.keys() == {"items", "next"} and len(page["items"]) <= 2
        seen += [item["id"] for item in page["items"]]
        after = page["next"]
    assert seen == [ids[0], *reversed(ids[1:])]


# The canvas --------------------------------------------------------------------------------------------------


def batch(seq: int, rev: int, *ops: dict, client: str = "tab") -> dict:
    return {"client": client, "seq": seq, "rev": rev, "ops": list(ops)}


ADD = {"op": "add", "nodes": [node("more")], "edges": []}


async def test_a_batch_is_applied_once_however_often_it_is_sent(api: httpx.AsyncClient):
    one = await made(api)
    path = f"/workflows/{one['id']}/ops"
    answers = await asyncio.gather(*(api.post(path, json=batch(1, 1, ADD)) for _ in range(4)))
    assert [answer.json() for answer in answers] == [{"rev": 2, "problems": []}] * 4
    assert (await api.post(path, json=batch(1, 99, ADD))).json() == {"rev": 2, "problems": []}
    spec = (await api.get(f"/workflows/{one['id']}")).json()["spec"]
    assert [n["id"] for n in spec["nodes"]] == ["draft", "more"]


async def test_a_stale_batch_is_refused_with_the_current_revision(api: httpx.AsyncClient):
    one = await made(api)
    path = f"/workflows/{one['id']}/ops"
    await api.post(path, json=batch(1, 1, ADD))
    answer = await api.post(path, json=batch(1, 1, ADD, client="other tab"))
    assert answer.status_code == 409
    assert (answer.json()["error"]["code"], answer.json()["error"]["rev"]) == ("conflict", 2)


async def test_a_draft_may_have_errors_but_neither_runs_nor_travels(api: httpx.AsyncClient):
    one = await made(api)
    path = f"/workflows/{one['id']}"
    wrong = {"op": "set", "id": "draft", "path": ["config", "text"], "value": "{{ nobody.text }}"}
    answer = (await api.post(f"{path}/ops", json=batch(1, 1, wrong))).json()
    assert [p["code"] for p in answer["problems"]] == ["unknown_reference"]
    stored = (await api.get(path)).json()
    assert stored["problems"] == answer["problems"] and stored["rev"] == 2
    for answer in (
        await api.get(f"{path}/export"),
        await api.post(f"{path}/runs", json={"inputs": {"topic": "x"}}),
        await api.post(f"{path}/versions"),
    ):
        assert answer.status_code == 422 and answer.json()["error"]["details"][0]["code"] == "unknown_reference"
    unset = {"op": "set", "id": "draft", "path": ["config"]}
    answer = (await api.post(f"{path}/ops", json=batch(2, 2, unset))).json()
    assert answer["rev"] == 3 and answer["problems"]
    right = {"op": "set", "id": "draft", "path": ["config"], "value": {"text": "fine"}}
    assert (
        await api.post(
            f"{path}/ops", json=batch(3, 3, right, {"op": "set", "id": None, "path": ["outputs"], "value": {}})
        )
    ).json()["problems"] == []
    assert (await api.get(f"{path}/export")).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        batch(-1, 1),
        {**batch(1, 1), "client": ""},
        {**batch(1, 1), "rev": "1"},
        {**batch(1, 1), "seq": True},
        {**batch(1, 1), "ops": None},
        {**batch(1, 1), "more": 1},
        batch(1, 1, {"op": "explode"}),
        batch(1, 1, {"op": "set", "id": None, "path": ["nodes"], "value": 1}),
    ],
)
async def test_a_bad_batch_is_422_and_changes_nothing(api: httpx.AsyncClient, body: dict):
    one = await made(api)
    answer = await api.post(f"/workflows/{one['id']}/ops", json=body)
    assert answer.status_code == 422 and answer.json()["error"]["details"]
    assert (await api.get(f"/workflows/{one['id']}")).json() == one


async def test_a_saved_version_is_kept_and_the_same_content_is_the_same(api: httpx.AsyncClient):
    one = await made(api)
    path = f"/workflows/{one['id']}"
    await api.post(f"{path}/ops", json=batch(1, 1, ADD))
    assert (await api.get(path)).json()["version"] == 1
    for _ in range(2):
        assert (await api.post(f"{path}/versions")).json()["version"] == 2
    assert [v["version"] for v in (await api.get(f"{path}/versions")).json()["items"]] == [2, 1]


async def test_import_opens_no_door(api: httpx.AsyncClient, site: Site, monkeypatch: pytest.MonkeyPatch):
    import socket
    import subprocess

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("an import reached out")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    hostile = flow(
        node("a", "http", url="http://169.254.169.254/", headers={"x": "{{ input }}"}), node("b", "llm", prompt="x")
    )
    assert (await api.post("/workflows/import", json=hostile)).status_code in (201, 422)


async def test_a_workflow_is_read_as_python(api: httpx.AsyncClient):
    one = await made(api)
    for query, word in (("", "StateGraph"), ("?target=langgraph", "StateGraph"), ("?target=crewai", "Flow[")):
        answer = await api.get(f"/workflows/{one['id']}/code{query}")
        assert answer.status_code == 200 and word in answer.text and compile(answer.text, "flow.py", "exec")
        assert answer.headers["content-type"].startswith("text/x-python")
        assert answer.headers["content-disposition"] == 'inline; filename="test.py"'
    refused = await api.get(f"/workflows/{one['id']}/code?target=nonsense")
    assert refused.status_code == 422 and refused.json()["error"]["details"][0]["field"] == "target"
    assert (await api.get("/workflows/no-such-id/code")).status_code == 404
    odd = await made(api, flow(node("a", text="{{ type(run.id) }}")))
    told = (await api.get(f"/workflows/{odd['id']}/code")).json()["error"]
    assert told["details"][0]["node_id"] == "a" and told["details"][0]["field"] == "config.text"
