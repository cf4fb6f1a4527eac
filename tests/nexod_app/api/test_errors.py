"""One error body, whatever goes wrong."""

from __future__ import annotations

import json

import httpx
import pytest

from engine.services import workflows
from nexod_app.site import Site
from tests.nexod_app.api.specs import flow, node, topic


def told(answer: httpx.Response) -> tuple[int, str]:
    error = answer.json()["error"]
    assert isinstance(error["message"], str) and isinstance(error["details"], list)
    assert error["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, error["code"]


async def test_what_is_not_there_is_404_and_a_wrong_method_405(api: httpx.AsyncClient):
    assert told(await api.get("/nowhere")) == (404, "not_found")
    answer = await api.patch("/workflows/x")
    assert told(answer) == (405, "method_not_allowed") and answer.headers["allow"] == "DELETE, GET, PUT"


@pytest.mark.parametrize(
    "bad_id", ["x", "0", "%00", "01900000-0000-7000-8000-000000000000", "'; drop", "%F0%9F%98%80", "a" * 500]
)
async def test_an_id_that_is_not_ours_is_404(api: httpx.AsyncClient, bad_id: str):
    reads = ["/workflows/{}", "/workflows/{}/export", "/workflows/{}/runs", "/workflows/{}/versions", "/runs/{}",
             "/runs/{}/events", "/runs/{}/graph", "/runs/{}/events/0", "/approvals/{}"]  # fmt: skip
    for path in reads:
        assert told(await api.get(path.format(bad_id))) == (404, "not_found"), path
    stream = await api.get(f"/runs/{bad_id}/events", headers={"Accept": "text/event-stream"})
    assert told(stream) == (404, "not_found")
    assert told(await api.put(f"/workflows/{bad_id}", json=topic())) == (404, "not_found")
    for path in ("/workflows/{}", "/keys/{}"):
        assert told(await api.delete(path.format(bad_id))) == (404, "not_found")
    ops = {"client": "c", "seq": 1, "rev": 1, "ops": []}
    bodies = {"/workflows/{}/ops": ops, "/workflows/{}/runs": {"inputs": {}}, "/agents/{}/runs": {"inputs": {}},
              "/runs/{}/fork": {"seq": 0}, "/runs/{}/resolve": {"node_id": None, "action": "fail"},
              "/runs/{}/cancel": {}, "/runs/{}/retry": {}, "/approvals/{}": {"decision": "approve", "hash": "x"},
              "/workflows/{}/versions": {}}  # fmt: skip
    for path, body in bodies.items():
        assert told(await api.post(path.format(bad_id), json=body)) == (404, "not_found"), path


async def test_a_body_is_json_and_says_so(api: httpx.AsyncClient):
    for kind in ("text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", ""):
        answer = await api.post("/workflows", content=b"{}", headers={"Content-Type": kind})
        assert told(answer) == (415, "unsupported_media_type"), kind
    for body in (b"", b"{", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"\xff", b"1e999"):
        answer = await api.post("/workflows", content=body, headers={"Content-Type": "application/json"})
        assert told(answer) == (400, "malformed_json"), body


async def test_a_body_over_5_mb_is_refused_before_it_is_read(api: httpx.AsyncClient):
    sent = 0

    async def endless():
        nonlocal sent
        while sent < 100 * 2**20:
            sent += 2**16
            yield b" " * 2**16

    answer = await api.post("/workflows/import", content=endless(), headers={"Content-Type": "application/json"})
    assert told(answer) == (413, "too_large")
    big = b" " * (5 * 2**20 + 1)
    answer = await api.post("/workflows", content=big, headers={"Content-Type": "application/json"})
    assert told(answer) == (413, "too_large")


async def test_depth_and_odd_shapes_are_422(api: httpx.AsyncClient):
    deep = b"[" * 100_000 + b"]" * 100_000
    for body in (deep, b"[]", b"null", b'"text"', b'{"nexod": 9}'):
        answer = await api.post("/workflows", content=body, headers={"Content-Type": "application/json"})
        assert told(answer) == (422, "invalid") and answer.json()["error"]["details"], body[:20]


async def test_a_broken_character_is_422_wherever_it_comes(api: httpx.AsyncClient):
    made = (await api.post("/workflows", json=topic())).json()
    json_type = {"Content-Type": "application/json"}
    bodies = {
        f"/workflows/{made['id']}/runs": '{"inputs": {"topic": "\\ud800"}}',
        f"/workflows/{made['id']}/ops": '{"client": "c", "seq": 1, "rev": 1, "ops": [{"op": "\\ud800"}]}',
        "/keys": '{"name": "\\ud800"}',
        "/workflows": json.dumps(flow(node("a", text="\ud800"))),
    }
    for path, body in bodies.items():
        assert told(await api.post(path, content=body, headers=json_type)) == (422, "invalid"), path


async def test_what_is_no_route_is_told_as_json(api: httpx.AsyncClient):
    for path in ("", "/", "/nothing", "/runs/x/y/z"):
        assert told(await api.get(path)) == (404, "not_found"), path


async def test_bad_parameters_are_422_and_named(api: httpx.AsyncClient):
    for query, field in (("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("after=%%", "after"),
                         ("after=bm90IGpzb24", "after"), ("after=WzFd", "after")):  # fmt: skip
        for path in ("/workflows", "/runs", "/approvals"):
            answer = await api.get(f"{path}?{query}")
            assert told(answer) == (422, "invalid") and answer.json()["error"]["details"][0]["field"] == field, query
    for path in ("/runs?status=odd", "/approvals?status=odd"):
        assert told(await api.get(path)) == (422, "invalid")


async def test_a_bug_of_ours_shows_no_trace(api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(workflows, "list_", broken)
    answer = await api.get("/workflows")
    assert told(answer) == (500, "internal") and "secret" not in answer.text


async def test_without_a_database_the_answer_is_503(api: httpx.AsyncClient, site: Site):
    site.db.engine.dispose()
    for file in site.settings.data.glob("nexod.db*"):
        file.unlink()
    site.settings.data.joinpath("nexod.db").mkdir()
    answer = await api.get("/workflows")
    assert told(answer) == (503, "unavailable") and answer.headers["retry-after"]
    health = await api.get("/health")
    assert health.status_code == 503 and health.json()["status"] == "degraded"


async def test_values_too_deep_or_too_large_to_keep_are_refused(api: httpx.AsyncClient):
    declared = {"type": "object", "properties": {"x": {}}}
    made = (await api.post("/workflows", json=flow(node("a"), inputs=declared))).json()
    path = f"/workflows/{made['id']}/runs"
    for depth in (64, 500, 900, 990, 50_000):
        deep = '{"inputs": {"x": ' + "[" * depth + "]" * depth + "}}"
        answer = await api.post(path, content=deep, headers={"Content-Type": "application/json"})
        assert told(answer) == (422, "invalid"), depth
    large = await api.post(path, json={"inputs": {"x": "y" * 4_500_000}})
    assert told(large) == (413, "too_large")
    run = (await api.post(path, json={"inputs": {"x": [[["fine"]]]}})).json()["run_id"]
    assert (await api.get(f"/runs/{run}")).json()["inputs"] == {"x": [[["fine"]]]}
