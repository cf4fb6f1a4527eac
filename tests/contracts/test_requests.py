"""What every route does alike: who may ask, what a body is, what an error looks like, what an id may be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contracts.client import Client, envelope
from tests.contracts.flows import asking, flow, node, value
from tests.running import Nexod

NOBODYS_IDS = [
    "00000000-0000-0000-0000-000000000000",
    "0196F1C0-7B4A-7000-8000-0000DEADBEEF",
    "nope",
    "1",
    "-1",
    "null",
    "..%2f..%2fetc%2fpasswd",
    "a%00b",
    "%F0%9F%92%A3",
    "%ff%fe",
    "%0d%0aX-Injected:%201",
    "'%20or%201=1--",
    "{id}",
    "x" * 3000,
]
ROUTES_WITH_ID = [
    ("GET", "/workflows/{}", None),
    ("PUT", "/workflows/{}", {"nexod": 1, "name": "n", "nodes": []}),
    ("DELETE", "/workflows/{}", None),
    ("POST", "/workflows/{}/ops", {"client": "c", "seq": 1, "rev": 1, "ops": []}),
    ("GET", "/workflows/{}/export", None),
    ("POST", "/workflows/{}/runs", {"inputs": {}}),
    ("GET", "/workflows/{}/runs", None),
    ("POST", "/agents/{}/runs", {"inputs": {}}),
    ("GET", "/runs/{}", None),
    ("GET", "/runs/{}/events", None),
    ("POST", "/runs/{}/cancel", None),
    ("POST", "/runs/{}/retry", None),
    ("POST", "/runs/{}/fork", {"seq": 0, "outputs": {}}),
    ("POST", "/runs/{}/resolve", {"node_id": None, "action": "fail"}),
    ("GET", "/approvals/{}", None),
    ("POST", "/approvals/{}", {"decision": "approve", "hash": "x"}),
]
ROUTES = [
    ("GET", "/workflows", None),
    ("POST", "/workflows", {"nexod": 1, "name": "n", "nodes": []}),
    ("POST", "/workflows/import", {"nexod": 1, "name": "n", "nodes": []}),
    ("GET", "/runs", None),
    ("GET", "/approvals", None),
    ("GET", "/node-types", None),
    ("GET", "/schema/workflow", None),
    *ROUTES_WITH_ID,
]
WITH_BODY = [route for route in ROUTES if route[0] in ("POST", "PUT") and not route[1].endswith(("/cancel", "/retry"))]


@pytest.fixture(scope="module")
def known(api: Client) -> dict[str, str]:
    """An id of each sort, for routes that would otherwise answer 404."""
    workflow_id = api.create(asking())
    run = api.run(workflow_id)
    return {"workflows": workflow_id, "agents": workflow_id, "runs": run["id"], "approvals": run["waiting_for"][0]}


def ours(path: str, known: dict[str, str]) -> str:
    return path.format(known[path.split("/")[1]]) if "{}" in path else path


@pytest.fixture(scope="module")
def anybody(nexod: Nexod) -> Iterator[Client]:
    with Client(nexod.url) as client:
        yield client


# Who may ask -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_every_route_wants_a_key_or_a_session(anybody: Client, method: str, path: str, body: Any) -> None:
    found = anybody.send(method, path.format("nope"), 401, json=body)
    assert found["error"]["code"] == "unauthorized"


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer nxd_wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"Authorization": "Bearer nxd_" + "a" * 36},
        {"Authorization": b"Bearer nxd_\xff\xfe"},
        {"Api-Key": ""},
        {"Api-Key": "nxd_" + "0" * 5000},
        {"Cookie": "nexod_session=nope"},
        {"Cookie": "nexod_session="},
    ],
)
def test_a_wrong_key_is_unauthorized(anybody: Client, headers: dict[str, Any]) -> None:
    response = anybody.raw("GET", "/workflows", headers=headers)
    assert response.status_code == 401
    assert envelope(response.json())["code"] == "unauthorized"


def test_both_headers_carry_a_key(api: Client, anybody: Client) -> None:
    key = api.key("read")
    assert anybody.raw("GET", "/workflows", headers={"Api-Key": key}).status_code == 200
    assert anybody.raw("GET", "/workflows", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    assert anybody.raw("GET", "/workflows", headers={"Authorization": f"bearer {key}"}).status_code == 200


def test_health_and_openapi_are_open(anybody: Client) -> None:
    health = anybody.get("/health")
    assert health["status"] == "ok" and set(health) >= {"status", "database", "queue", "worker"}
    assert "/api/v1/runs/{run_id}" in anybody.get("/openapi.json")["paths"]


@pytest.mark.parametrize(
    ("scopes", "allowed", "forbidden"),
    [
        (["read"], [("GET", "/workflows")], [("POST", "/workflows"), ("POST", "/runs/{}/cancel")]),
        (["write"], [("POST", "/workflows")], [("GET", "/workflows"), ("POST", "/workflows/{}/runs")]),
        (["run"], [("POST", "/workflows/{}/runs")], [("POST", "/workflows"), ("GET", "/runs")]),
    ],
)
def test_a_key_may_do_what_its_scopes_say(
    api: Client, known: dict[str, str], scopes: list[str], allowed: list[Any], forbidden: list[Any]
) -> None:
    with Client(api.origin, api.key(*scopes)) as client:
        for method, path in allowed:
            body = value("1") if path == "/workflows" else {"inputs": {}}
            response = client.raw(method, ours(path, known), json=body if method == "POST" else None)
            assert response.status_code < 300, response.text
        for method, path in forbidden:
            found = client.send(method, ours(path, known), 403, json={} if method == "POST" else None)
            assert found["error"]["code"] == "forbidden"


def test_a_session_changes_things_only_from_our_own_pages(nexod: Nexod) -> None:
    with Client(nexod.url) as browser:
        token = nexod.cli("login-link").rpartition("token=")[2]
        own = {"Origin": nexod.url}
        # A link that is merely opened signs nobody in.
        opened = browser.http.get(f"{nexod.url}/login", params={"token": token})
        assert opened.status_code == 200 and opened.headers["content-type"].startswith("text/html")
        assert browser.raw("GET", "/workflows").status_code == 401
        browser.post("/session", {"token": token}, headers=own)
        assert browser.raw("GET", "/workflows").status_code == 200
        browser.post("/workflows", value("1"), 201, headers=own)
        for origin in (
            "https://evil.example", "null", f"{nexod.url}.evil.example", "",
            nexod.url[:-1], "http://127.0.0.1", "file://",
        ):  # fmt: skip
            found = browser.post("/workflows", value("1"), 403, headers={"Origin": origin})
            assert found["error"]["code"] == "forbidden"
        assert browser.post("/session", {"token": token}, 401, headers=own)["error"]["code"] == "unauthorized"
        cookie = next(c for c in browser.http.cookies.jar if "session" in c.name)
        assert cookie.has_nonstandard_attr("HttpOnly")
        assert cookie.value
        browser.send("DELETE", "/session", 204, headers=own)
        again = {"Cookie": f"{cookie.name}={cookie.value}"}
        assert browser.raw("GET", "/workflows", headers=again).status_code == 401


@pytest.mark.parametrize(
    "path",
    ["/", "/workflows/any", "/runs", "/runs/any", "/inbox", "/library", "/settings", "/login", "/login?token=any"],
)
def test_every_page_answers_at_its_address(nexod: Nexod, path: str) -> None:
    page = httpx.get(f"{nexod.url}{path}")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    assert "set-cookie" not in page.headers


def test_sign_in_attempts_alone_are_limited_by_rate(bare_api: Client) -> None:
    with Client(bare_api.origin) as guest:
        answers = [guest.raw("POST", "/session", json={"token": f"{n:030}"}).status_code for n in range(40)]
        assert set(answers) == {401, 429}
        assert answers[-1] == 429
    assert all(bare_api.raw("GET", "/workflows").status_code == 200 for _ in range(60))


# Ids ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path", "body"), ROUTES_WITH_ID)
def test_an_id_that_is_not_ours_is_not_found(api: Client, method: str, path: str, body: Any) -> None:
    headers = {"If-Match": '"1"'} if method == "PUT" else {}
    for nobodys in NOBODYS_IDS:
        found = api.send(method, path.format(nobodys), 404, json=body, headers=headers)
        assert found["error"]["code"] == "not_found", nobodys


@pytest.mark.parametrize(("method", "path", "body"), ROUTES_WITH_ID)
@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"surprise": 1}', "[" * 100 + "]" * 100])
def test_an_id_that_is_not_ours_is_not_found_whatever_the_body_is(
    api: Client, method: str, path: str, body: Any, text: str | None
) -> None:
    headers = {"If-Match": '"1"'} | ({} if text is None else {"Content-Type": "application/json"})
    assert api.send(method, path.format("nope"), 404, content=text, headers=headers)["error"]["code"] == "not_found"


def test_a_known_id_is_found_under_its_own_spelling_only(api: Client, known: dict[str, str]) -> None:
    for name in ("workflows", "runs", "approvals"):
        api.get(f"/{name}/{known[name]}")
        api.get(f"/{name}/{known[name].upper()}", 404)
        api.get(f"/{name}/{known[name]}%20", 404)
        api.get(f"/{name}/{known[name]}%00", 404)


def test_ids_of_one_sort_are_unknown_to_another(api: Client, known: dict[str, str]) -> None:
    api.get(f"/runs/{known['workflows']}", 404)
    api.get(f"/workflows/{known['runs']}", 404)
    api.get(f"/approvals/{known['runs']}", 404)


def test_an_unknown_route_and_a_wrong_method_answer_in_the_envelope(api: Client) -> None:
    assert api.get("/nothing/here", 404)["error"]["code"] == "not_found"
    api.send("DELETE", "/node-types", 405)
    api.send("PATCH", "/workflows", 405)


# Bodies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path", "body"), WITH_BODY)
@pytest.mark.parametrize(
    "text",
    ["", " ", "{", "{]", "nul", '{"a": NaN}', '{"a": Infinity}', '{"a": -Infinity}', '{"a": 1, "a": 2}', '{"a": 1e999}',
     "{'a': 1}", '{"a": 1,}', "{} {}", b"\xff\xfe{\0}\0", b'{"a": "\xc3"}', "\ufeff{}", '{"a": 01}', '{"a": "\t"}'],
)  # fmt: skip
def test_what_is_no_json_is_malformed(
    api: Client, known: dict[str, str], method: str, path: str, body: Any, text: str | bytes
) -> None:
    if text == "" and path.endswith("/runs"):
        text = " "  # a run may be started without a body
    headers = {"Content-Type": "application/json", "If-Match": "*"}
    found = api.send(method, ours(path, known), 400, content=text, headers=headers)
    assert found["error"]["code"] == "malformed_json"


@pytest.mark.parametrize(("method", "path", "body"), WITH_BODY)
@pytest.mark.parametrize("whole", [None, [], [1], "text", 7, True, 1.5])
def test_a_body_that_is_no_object_is_invalid(
    api: Client, known: dict[str, str], method: str, path: str, body: Any, whole: Any
) -> None:
    headers = {"Content-Type": "application/json", "If-Match": "*"}
    found = api.send(method, ours(path, known), 422, content=json.dumps(whole), headers=headers)
    assert found["error"]["code"] == "invalid"
    assert found["error"]["details"]


@pytest.mark.parametrize(("method", "path", "body"), WITH_BODY)
def test_unknown_fields_are_refused_by_name(
    api: Client, known: dict[str, str], method: str, path: str, body: Any
) -> None:
    hash_ = api.get(f"/approvals/{known['approvals']}")["hash"]
    right = {"hash": hash_} if path.startswith("/approvals") else {}
    found = api.send(method, ours(path, known), 422, json={**body, **right, "surprise": 1}, headers={"If-Match": "*"})
    assert {p["code"] for p in found["error"]["details"]} >= {"unknown_field"}
    assert any("surprise" in (p["field"] or "") for p in found["error"]["details"])


@pytest.mark.parametrize(("method", "path", "body"), WITH_BODY)
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "jsonp"])
def test_only_json_is_taken(api: Client, known: dict[str, str], method: str, path: str, body: Any, kind: str) -> None:
    headers = {"Content-Type": kind, "If-Match": "*"}
    found = api.send(method, ours(path, known), 415, content=json.dumps(body), headers=headers)
    assert found["error"]["code"] == "unsupported_media_type"


def test_json_may_be_named_with_its_character_set(api: Client) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert api.raw("POST", "/workflows", content=json.dumps(value("1")), headers=headers).status_code == 201


@pytest.mark.parametrize("path", ["/workflows", "/workflows/import"])
def test_five_megabytes_are_the_most(api: Client, path: str) -> None:
    spec = json.dumps(flow(node("n", text="x"))).encode()
    at_limit = spec + b" " * (5 * 1024 * 1024 - len(spec))
    headers = {"Content-Type": "application/json"}
    assert api.raw("POST", path, content=at_limit, headers=headers).status_code == 201
    assert api.send("POST", path, 413, content=at_limit + b" ", headers=headers)["error"]["code"] == "too_large"
    chunks = (at_limit[n : n + 65536] for n in range(0, len(at_limit), 65536))
    chunked = api.send("POST", path, 413, content=(c for part in (chunks, iter([b" "])) for c in part), headers=headers)
    assert chunked["error"]["code"] == "too_large"


def test_a_flood_of_brackets_costs_nothing(api: Client) -> None:
    for text in ("[" * 4_000_000, '{"a":' * 800_000, "[" * 2000 + "]" * 2000, "[" * 100_000 + "]" * 100_000):
        response = api.raw("POST", "/workflows", content=text, headers={"Content-Type": "application/json"})
        assert response.status_code in (400, 422)
        envelope(response.json())


def test_a_request_id_is_in_header_and_body(api: Client) -> None:
    response = api.raw("GET", "/runs/nope", headers={"X-Request-Id": "my-own-7"})
    assert response.headers["X-Request-Id"] == response.json()["error"]["request_id"] == "my-own-7"
    first, second = (api.get("/runs/nope", 404)["error"]["request_id"] for _ in range(2))
    assert first != second


# Lists -------------------------------------------------------------------------------------------------------

LISTS = ["/workflows", "/runs", "/approvals", "/workflows/{}/runs"]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", ["0", "-1", "abc", "", "1.5", "1e2", "99999999999999999999", "null", "NaN"])
def test_a_senseless_limit_is_refused(api: Client, known: dict[str, str], path: str, limit: str) -> None:
    assert api.get(ours(path, known), 422, params={"limit": limit})["error"]["code"] == "invalid"


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "after",
    ["garbage", "%", "AAAA", "W10", "e30", "bnVsbA", "MQ", "WzEsIDJd", "x" * 2000, "W1siYSJdXQ", "\u2603", "a b", "-1"],
)
def test_a_cursor_that_is_not_ours_is_refused(api: Client, known: dict[str, str], path: str, after: str) -> None:
    response = api.raw("GET", ours(path, known), params={"after": after})
    assert response.status_code in (200, 422), response.text
    if response.status_code == 422:
        envelope(response.json())


@pytest.mark.parametrize("path", LISTS)
def test_no_cursor_breaks_the_server(api: Client, known: dict[str, str], path: str) -> None:
    from base64 import urlsafe_b64encode

    for place in (
        "[" * 3000,
        f'[{10**40}, "x"]',
        '[1, "\\ud800"]',
        '"\\ud800"',
        '"\\u0000"',
        "1e999",
        "NaN",
        '[true, "x"]',
    ):
        after = urlsafe_b64encode(place.encode()).decode().rstrip("=")
        response = api.raw("GET", ours(path, known), params={"after": after})
        assert response.status_code in (200, 422), (place[:40], response.status_code, response.text[:200])


@pytest.mark.parametrize("path", LISTS)
def test_pages_follow_each_other_without_gap_or_repetition(api: Client, path: str) -> None:
    workflow_id = api.create(asking())
    for _ in range(3):
        api.run(workflow_id)
        api.create(value("1"))
    seen: list[str] = []
    after: str | None = None
    for _ in range(1000):
        params = {"limit": 2} | ({"after": after} if after else {})
        page = api.get(path.format(workflow_id), params=params)
        assert set(page) == {"items", "next"}
        assert len(page["items"]) <= 2
        seen += [item["id"] for item in page["items"]]
        if (after := page["next"]) is None:
            break
    assert len(seen) == len(set(seen)) >= 3
    whole = api.get(path.format(workflow_id), params={"limit": 1000})["items"]
    assert seen == [item["id"] for item in whole]


def test_lists_are_filtered_by_status(api: Client, known: dict[str, str]) -> None:
    assert {run["status"] for run in api.get("/runs", params={"status": "waiting"})["items"]} == {"waiting"}
    pending = api.get("/approvals", params={"status": "pending"})["items"]
    assert {approval["status"] for approval in pending} == {"pending"}
    api.get("/approvals", 422, params={"status": "bogus"})
    api.get("/runs", 422, params={"status": "bogus"})
