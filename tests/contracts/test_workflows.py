"""Workflows over REST: stored, replaced, changed by the canvas, deleted, exported and imported."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.contracts.client import Client
from tests.contracts.flows import asking, chain, edges, flow, inputs, node, value

FIELDS = {"id", "name", "rev", "version", "spec", "problems", "created_at", "updated_at"}


def full() -> dict[str, Any]:
    """Every optional field of the format, none at its default."""
    return {
        "nexod": 1, "name": "Büro 😀 \"quoted\" / {{ not rendered }}", "description": "Zeile 1\nZeile 2\t.",
        "target": "langgraph",
        "inputs": inputs(topic="string", n="integer"),
        "nodes": [
            {"id": "a", "kind": "template", "v": 1, "title": "First", "position": {"x": -1.5, "y": 1e3}, "join": "any",
             "config": {"json": {"z": [1, 2.5, None, True, "{{ input.topic }}"], "a": {}}},
             "retry": {"attempts": 3, "delay_s": 0.5, "factor": 1.5, "max_delay_s": 7}, "timeout_s": 12.5,
             "max_visits": 3},
            {"id": "b", "kind": "http", "config": {"url": "https://api.example.org/", "auth": {"type": "bearer",
             "token": {"$secret": "BOUND"}}, "headers": {"X-Two": {"$secret": "BOUND"}}}},
            {"id": "c", "kind": "note", "config": {"text": "Why"}},
        ],
        "edges": edges("a > b"),
        "outputs": {"body": "{{ b.body }}", "nested": {"list": ["{{ a }}"]}},
    }  # fmt: skip


# Store, read, replace ----------------------------------------------------------------------------------------


def test_a_stored_workflow_has_the_contracts_fields(api: Client) -> None:
    response = api.raw("POST", "/workflows", json=value("1"))
    made = response.json()
    assert response.status_code == 201 and set(made) >= FIELDS
    assert made["name"] == "Check" and made["problems"] == [] and made["rev"] >= 1 and made["version"] == 1
    assert response.headers["ETag"].strip('"') == str(made["rev"])
    read = api.raw("GET", f"/workflows/{made['id']}")
    assert read.json() == made and read.headers["ETag"] == response.headers["ETag"]
    assert made["created_at"].endswith("Z") and "T" in made["created_at"]


def test_only_three_fields_are_required(api: Client) -> None:
    made = api.post("/workflows", {"nexod": 1, "name": "n", "nodes": []}, 201)
    assert made["spec"]["target"] == "langgraph" and made["spec"]["nodes"] == []
    for missing in ("nexod", "name", "nodes"):
        spec = {"nexod": 1, "name": "n", "nodes": []}
        del spec[missing]
        (problem,) = api.refused(spec, "missing_field")
        assert problem["field"] == missing
    for missing in ("id", "kind", "config"):
        spec = flow(node("n", text="x"))
        del spec["nodes"][0][missing]
        assert any(missing in (p["field"] or "") for p in api.refused(spec, "missing_field"))


def test_defaults_are_the_contracts(api: Client) -> None:
    spec = api.post("/workflows", chain(node("a"), node("b")), 201)["spec"]
    (first, _), (edge,) = spec["nodes"], spec["edges"]
    assert first["v"] == 1 and first["join"] == "all" and first["max_visits"] == 25
    assert first["position"] == {"x": 0, "y": 0}
    assert first["retry"] == {"attempts": 1, "delay_s": 1, "factor": 2, "max_delay_s": 60}
    assert edge == {"source": "a", "port": "out", "target": "b"}


def test_a_port_left_out_of_an_edge_is_out(api: Client) -> None:
    spec = flow(node("a"), node("b"), edges=[{"source": "a", "target": "b"}])
    assert api.post("/workflows", spec, 201)["spec"]["edges"] == edges("a > b")


def test_names_need_not_be_unique(api: Client) -> None:
    assert api.create(value("1")) != api.create(value("1"))


def test_an_empty_workflow_is_stored_and_cannot_run(api: Client) -> None:
    for nodes in ([], [node("only", "note", text="words")]):
        workflow_id = api.create(flow(*nodes))
        api.post(f"/workflows/{workflow_id}/runs", {"inputs": {}}, 422)


def test_a_refused_spec_stores_nothing(api: Client) -> None:
    before = [item["id"] for item in api.get("/workflows", params={"limit": 200})["items"]]
    api.refused(flow(node("a", "nonsense")), "unknown_kind")
    api.post("/workflows/import", flow(node("a", "nonsense")), 422)
    assert [item["id"] for item in api.get("/workflows", params={"limit": 200})["items"]] == before


def test_put_needs_the_revision_that_was_read(api: Client) -> None:
    made = api.post("/workflows", value("1"), 201)
    path, other = f"/workflows/{made['id']}", value("2")
    assert api.send("PUT", path, 428, json=other)["error"]["code"] == "precondition_required"
    for stale in (
        '"999"',
        "999",
        '"0"',
        '"abc"',
        "abc",
        '"-1"',
        '""',
        '"1e0"',
        'W/"999"',
        '"999", "998"',
        "\u0661".encode(),
    ):
        found = api.send("PUT", path, 412, json=other, headers={"If-Match": stale})
        assert found["error"]["code"] == "precondition_failed", stale
    etag = api.raw("GET", path).headers["ETag"]
    response = api.raw("PUT", path, json=other, headers={"If-Match": etag})
    changed = response.json()
    assert response.status_code == 200 and changed["rev"] == made["rev"] + 1
    assert response.headers["ETag"] == f'"{changed["rev"]}"'
    api.send("PUT", path, 412, json=other, headers={"If-Match": etag})
    assert api.send("PUT", path, 200, json=other, headers={"If-Match": "*"})["rev"] == changed["rev"] + 1


def test_of_ten_puts_at_once_one_wins(api: Client) -> None:
    made = api.post("/workflows", value("1"), 201)

    def put(n: int) -> int:
        headers = {"If-Match": f'"{made["rev"]}"'}
        return api.raw("PUT", f"/workflows/{made['id']}", json=value(str(n)), headers=headers).status_code

    with ThreadPoolExecutor(10) as pool:
        assert sorted(pool.map(put, range(10))) == [200] + [412] * 9


def test_put_refuses_a_spec_with_errors_and_keeps_the_old_one(api: Client) -> None:
    made = api.post("/workflows", value("1"), 201)
    path = f"/workflows/{made['id']}"
    api.send("PUT", path, 422, json=flow(node("a", "nonsense")), headers={"If-Match": "*"})
    assert api.get(path) == made


def test_the_same_content_is_the_same_version(api: Client) -> None:
    made = api.post("/workflows", value("1"), 201)
    path, put = f"/workflows/{made['id']}", {"If-Match": "*"}
    assert made["version"] == 1
    assert api.send("PUT", path, 200, json=value("2"), headers=put)["version"] == 2
    assert api.send("PUT", path, 200, json=value("2"), headers=put)["version"] == 2
    old = api.run(made["id"])
    assert old["version"] == 2 and old["outputs"] == {"v": 2}
    api.send("PUT", path, 200, json=value("3"), headers=put)
    assert api.get(f"/runs/{old['id']}")["version"] == 2
    assert api.run(made["id"])["outputs"] == {"v": 3}


def test_warnings_are_stored_and_stop_nothing(api: Client) -> None:
    spec = flow(
        node("c", "condition", cases=[{"port": "yes", "when": "false"}]), node("a"), node("b", text="{{ a.text }}"),
        wires=("c.yes > a", "a > b", "c.else > b"),
    )  # fmt: skip
    spec["nodes"][2]["join"] = "any"
    made = api.post("/workflows", spec, 201)
    (warning,) = made["problems"]
    assert (warning["code"], warning["severity"], warning["node_id"]) == ("may_not_have_run", "warning", "b")
    assert warning["hint"]
    assert api.get(f"/workflows/{made['id']}")["problems"] == made["problems"]
    assert api.run(made["id"])["status"] in ("completed", "failed")


# Delete ------------------------------------------------------------------------------------------------------


def test_a_deleted_workflow_is_gone_and_its_runs_stay(api: Client) -> None:
    workflow_id = api.create(value("1"))
    run = api.run(workflow_id)
    api.send("DELETE", f"/workflows/{workflow_id}", 204)
    api.get(f"/workflows/{workflow_id}", 404)
    api.get(f"/workflows/{workflow_id}/export", 404)
    api.send("DELETE", f"/workflows/{workflow_id}", 404)
    api.send("PUT", f"/workflows/{workflow_id}", 404, json=value("2"), headers={"If-Match": "*"})
    api.post(f"/workflows/{workflow_id}/runs", {"inputs": {}}, 404)
    api.post(f"/workflows/{workflow_id}/ops", {"client": "c", "seq": 1, "rev": 1, "ops": []}, 404)
    assert api.get(f"/runs/{run['id']}") == run
    assert api.events(run["id"])[-1]["type"] == "run_completed"
    assert [item["id"] for item in api.get(f"/workflows/{workflow_id}/runs")["items"]] == [run["id"]]
    assert workflow_id not in [item["id"] for item in api.get("/workflows", params={"limit": 200})["items"]]


def test_a_workflow_with_an_unfinished_run_is_in_use(api: Client) -> None:
    workflow_id = api.create(asking())
    run = api.run(workflow_id)
    assert run["status"] == "waiting"
    found = api.send("DELETE", f"/workflows/{workflow_id}", 409)
    assert found["error"]["code"] == "workflow_in_use"
    api.get(f"/workflows/{workflow_id}")
    api.post(f"/runs/{run['id']}/cancel", status=202)
    api.done(run["id"])
    api.send("DELETE", f"/workflows/{workflow_id}", 204)


# Export and import -------------------------------------------------------------------------------------------


def test_an_export_is_byte_stable(api: Client) -> None:
    made = api.post("/workflows", full(), 201)
    first = api.raw("GET", f"/workflows/{made['id']}/export")
    assert first.status_code == 200 and first.headers["content-type"].startswith("application/json")
    assert first.content == api.raw("GET", f"/workflows/{made['id']}/export").content
    text = first.content.decode()
    parsed = json.loads(text)
    assert text == json.dumps(parsed, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
    again = api.raw("POST", "/workflows/import", content=first.content, headers={"Content-Type": "application/json"})
    assert again.status_code == 201 and again.json()["id"] != made["id"]
    assert api.raw("GET", f"/workflows/{again.json()['id']}/export").content == first.content
    assert again.json()["spec"] == made["spec"]


def test_an_export_says_the_same_as_what_was_sent(api: Client) -> None:
    sent = full()
    parsed = api.raw("GET", f"/workflows/{api.create(sent)}/export").json()
    assert {k: parsed[k] for k in ("nexod", "name", "description", "target", "inputs", "edges", "outputs")} == {
        k: sent[k] for k in ("nexod", "name", "description", "target", "inputs", "edges", "outputs")
    }
    for was, now in zip(sent["nodes"], parsed["nodes"], strict=True):
        assert {k: now[k] for k in was} == was


def test_the_order_of_keys_and_the_spelling_of_numbers_do_not_show_in_an_export(api: Client) -> None:
    step = '{"id":"a","kind":"template","config":{"text":"%s"},"position":{%s}}'
    one = '{"nexod":1,"name":"n","nodes":[' + step % ("\\u00e4", '"x":1.0,"y":2') + "]}"
    two = '{"edges":[],"nodes":[' + step % ("ä", '"y":2.0,"x":1') + '],"name":"n","nexod":1}'
    exports = set()
    for text in (one, two):
        made = api.raw("POST", "/workflows/import", content=text.encode(), headers={"Content-Type": "application/json"})
        exports.add(api.raw("GET", f"/workflows/{made.json()['id']}/export").content)
    assert len(exports) == 1


def test_an_export_holds_names_of_secrets_and_no_values(api: Client) -> None:
    text = api.raw("GET", f"/workflows/{api.create(full())}/export").text
    assert '"$secret": "BOUND"' in text
    assert "bound-elsewhere" not in text


def test_the_bytes_of_a_file_may_be_imported_without_saying_what_they_are(api: Client) -> None:
    data = api.raw("GET", f"/workflows/{api.create(value('1'))}/export").content
    assert api.raw("POST", "/workflows/import", content=data).status_code == 201
    binary = {"Content-Type": "application/octet-stream"}
    assert api.raw("POST", "/workflows/import", content=data, headers=binary).status_code == 201


def test_a_draft_with_errors_is_neither_exported_nor_run(api: Client) -> None:
    made = api.post("/workflows", value("1"), 201)
    change(api, made, {"op": "add", "nodes": [node("x", "nonsense")], "edges": []})
    found = api.get(f"/workflows/{made['id']}/export", 422)
    assert any(p["code"] == "unknown_kind" for p in found["error"]["details"])
    api.post(f"/workflows/{made['id']}/runs", {"inputs": {}}, 422)


# The canvas' operations --------------------------------------------------------------------------------------


def change(api: Client, made: dict[str, Any], *ops: Any, status: int = 200, **more: Any) -> Any:
    now = api.get(f"/workflows/{made['id']}")
    body = {"client": "test", "seq": now["rev"], "rev": now["rev"], "ops": list(ops), **more}
    return api.post(f"/workflows/{made['id']}/ops", body, status)


def test_operations_change_the_draft_step_by_step(api: Client) -> None:
    made = api.post("/workflows", flow(node("a")), 201)
    answer = change(api, made, {"op": "add", "nodes": [node("b", text="{{ a.text }}")], "edges": edges("a > b")})
    assert set(answer) >= {"rev", "problems"} and answer["rev"] == made["rev"] + 1 and answer["problems"] == []
    answer = change(
        api, made,
        {"op": "move", "items": [{"id": "b", "x": 10, "y": -5.5}]},
        {"op": "set", "id": "b", "path": ["config", "text"], "value": "{{ nobody }}"},
        {"op": "set", "id": None, "path": ["name"], "value": "Renamed"},
    )  # fmt: skip
    assert [p["code"] for p in answer["problems"]] == ["unknown_reference"]
    now = api.get(f"/workflows/{made['id']}")
    assert now["name"] == "Renamed" and now["problems"] == answer["problems"]
    assert now["spec"]["nodes"][1]["position"] == {"x": 10, "y": -5.5}
    assert change(api, made, {"op": "remove", "nodes": ["b"], "edges": edges("a > b")})["problems"] == []
    assert len(api.get(f"/workflows/{made['id']}")["spec"]["nodes"]) == 1


def test_operations_are_applied_once_per_client_and_seq(api: Client) -> None:
    made = api.post("/workflows", flow(node("a")), 201)
    path = f"/workflows/{made['id']}/ops"
    body = {"client": "c1", "seq": 1, "rev": made["rev"], "ops": [{"op": "add", "nodes": [node("b")]}]}
    first = api.post(path, body)
    assert api.post(path, body) == first
    assert len(api.get(f"/workflows/{made['id']}")["spec"]["nodes"]) == 2
    found = api.post(path, {**body, "client": "c2"}, 409)
    assert found["error"]["rev"] == first["rev"]
    later = api.post(path, {**body, "client": "c2", "rev": first["rev"], "ops": []})
    assert later["rev"] == first["rev"] + 1
    assert api.post(path, body) == first


def test_a_stale_revision_is_a_conflict_that_names_the_current_one(api: Client) -> None:
    made = api.post("/workflows", flow(node("a")), 201)
    found = change(api, made, {"op": "move", "items": [{"id": "a", "x": 1, "y": 1}]}, status=409, rev=999)
    assert found["error"]["code"] == "conflict" and found["error"]["rev"] == made["rev"]


@pytest.mark.parametrize(
    "ops",
    [
        None, {}, "x", [None], [{}], [{"op": "explode"}], [{"op": ["add"]}], [{"op": "add", "nodes": "x"}],
        [{"op": "add", "nodes": [1]}], [{"op": "move", "items": [{"id": "nobody", "x": 1, "y": 1}]}],
        [{"op": "move", "items": [{"id": "a", "x": "1", "y": 1}]}], [{"op": "move", "items": [{"id": "a"}]}],
        [{"op": "set", "id": "nobody", "path": ["title"], "value": 1}],
        [{"op": "set", "id": "a", "path": [], "value": 1}], [{"op": "set", "id": "a", "value": 1}],
        [{"op": "set", "id": "a", "path": ["title", "x"], "value": 1}],
        [{"op": "set", "id": None, "path": ["nexod"], "value": 2}],
        [{"op": "set", "id": None, "path": ["nodes"], "value": []}],
        [{"op": "set", "id": "a", "path": ["config", 0, "x"], "value": 1}],
        [{"op": "set", "id": "a", "path": [{}], "value": 1}],
        [{"op": "remove", "nodes": [["a"]]}], [{"op": "remove", "edges": [{"source": {}}]}],
        [{"op": "remove", "edges": [{"source": ["a"], "port": [], "target": {}}]}],
        [{"op": "add", "surprise": 1}], [{"op": "move", "items": [{"id": "a", "x": True, "y": 1}]}],
    ],
)  # fmt: skip
def test_a_senseless_operation_is_refused_and_changes_nothing(api: Client, ops: Any) -> None:
    made = api.post("/workflows", flow(node("a")), 201)
    body = {"client": "c", "seq": 1, "rev": made["rev"], "ops": ops}
    assert api.post(f"/workflows/{made['id']}/ops", body, 422)["error"]["code"] == "invalid"
    assert api.get(f"/workflows/{made['id']}") == made


@pytest.mark.parametrize(
    "wrong",
    [{"client": None}, {"client": ""}, {"client": 1}, {"client": "x" * 300}, {"seq": "1"}, {"seq": -1}, {"seq": 1.5},
     {"seq": True}, {"seq": 10**30}, {"rev": None}, {"rev": "1"}, {"rev": 10**30}],
)  # fmt: skip
def test_operations_say_who_sends_them_and_for_which_revision(api: Client, wrong: dict[str, Any]) -> None:
    made = api.post("/workflows", flow(node("a")), 201)
    body = {"client": "c", "seq": 1, "rev": made["rev"], "ops": [], **wrong}
    api.post(f"/workflows/{made['id']}/ops", body, 422)


@pytest.mark.parametrize(
    "hostile",
    [
        {"op": "add", "nodes": [{"id": None}, {}, {"id": 5, "kind": [], "config": 7}]},
        {"op": "add", "nodes": [{"id": "a", "kind": "template", "config": {"text": "twice"}}]},
        {"op": "add", "edges": [{"source": 1}, {}, {"source": "a", "port": {}, "target": []}]},
        {"op": "set", "id": "a", "path": ["config"], "value": None},
        {"op": "set", "id": "a", "path": ["id"], "value": {"deep": [1]}},
        {"op": "set", "id": "a", "path": ["position"], "value": "here"},
        {"op": "set", "id": None, "path": ["inputs"], "value": 5},
        {"op": "set", "id": None, "path": ["outputs"], "value": []},
        {"op": "set", "id": None, "path": ["name"], "value": None},
        {"op": "set", "id": None, "path": ["name"], "value": {"a": 1}},
        {"op": "set", "id": None, "path": ["target"], "value": "moon"},
        {"op": "set", "id": "a", "path": ["config", "text"], "value": "\ud800"},
        {"op": "set", "id": "a", "path": ["config", "text"], "value": "a\0b"},
        {"op": "set", "id": "a", "path": ["config", "text"], "value": "x" * 70_000},
    ],
)
def test_a_draft_may_become_wrong_and_stays_usable(api: Client, hostile: dict[str, Any]) -> None:
    made = api.post("/workflows", flow(node("a")), 201)
    body = json.dumps({"client": "c", "seq": 1, "rev": made["rev"], "ops": [hostile]})
    headers = {"Content-Type": "application/json"}
    response = api.raw("POST", f"/workflows/{made['id']}/ops", content=body, headers=headers)
    assert response.status_code in (200, 422), response.text
    now = api.get(f"/workflows/{made['id']}")
    if response.status_code == 200:
        assert [p for p in now["problems"] if p["severity"] == "error"]
    else:
        assert now == made
    assert made["id"] in [item["id"] for item in api.get("/workflows")["items"]]
    api.send("PUT", f"/workflows/{made['id']}", 200, json=value("1"), headers={"If-Match": "*"})


@pytest.mark.parametrize("depth", [25, 100, 300, 700])
def test_a_deep_value_in_a_draft_does_not_lock_it(api: Client, depth: int) -> None:
    made = api.post("/workflows", flow(node("a", json=1)), 201)
    deep = "[" * depth + "]" * depth
    op = f'{{"op": "set", "id": "a", "path": ["config", "json"], "value": {deep}}}'
    body = f'{{"client": "c", "seq": 1, "rev": {made["rev"]}, "ops": [{op}]}}'
    headers = {"Content-Type": "application/json"}
    response = api.raw("POST", f"/workflows/{made['id']}/ops", content=body, headers=headers)
    assert response.status_code in (200, 422), response.text
    change(api, made, {"op": "set", "id": "a", "path": ["config", "json"], "value": 2})
    assert api.run(made["id"])["status"] == "completed"


def test_twenty_tabs_at_once_lose_no_operation(api: Client) -> None:
    made = api.post("/workflows", flow(node("a")), 201)

    def one(n: int) -> int:
        rev, tries = made["rev"], 0
        while True:
            body = {"client": f"tab{n}", "seq": 1, "rev": rev, "ops": [{"op": "add", "nodes": [node(f"n{n}")]}]}
            response = api.raw("POST", f"/workflows/{made['id']}/ops", json=body)
            if response.status_code == 200:
                return tries
            assert response.status_code == 409, response.text
            rev, tries = response.json()["error"]["rev"], tries + 1

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(one, range(20)))
    now = api.get(f"/workflows/{made['id']}")
    assert len(now["spec"]["nodes"]) == 21 and now["rev"] == made["rev"] + 20
