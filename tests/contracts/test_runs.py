"""Runs: started, waited for, read, followed live, cancelled; once per idempotency key."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.contracts.client import Client
from tests.contracts.flows import asking, chain, flow, inputs, node, value
from tests.world.sink import Sink

FIELDS = {
    "id", "workflow_id", "version", "target", "status", "reason", "inputs", "outputs", "error", "waiting_for",
    "forked_from", "usage", "nodes", "created_at", "started_at", "completed_at",
}  # fmt: skip
TERMINAL = {"run_completed", "run_failed", "run_cancelled"}


def topic() -> dict[str, Any]:
    return flow(
        node("draft", text="About {{ input.topic }}"),
        inputs=inputs(topic="string"),
        outputs={"text": "{{ draft.text }}"},
    )


# Start -------------------------------------------------------------------------------------------------------


def test_a_start_is_accepted_at_once(api: Client) -> None:
    workflow_id = api.create(topic())
    response = api.raw("POST", f"/workflows/{workflow_id}/runs", json={"inputs": {"topic": "tea"}})
    assert response.status_code == 202
    started = response.json()
    assert set(started) == {"run_id", "status"} and started["status"] == "pending"
    run = api.done(started["run_id"])
    assert set(run) >= FIELDS
    assert run["workflow_id"] == workflow_id and run["target"] == "langgraph" and run["version"] == 1
    assert (run["status"], run["reason"], run["error"], run["forked_from"]) == ("completed", None, None, None)
    assert run["inputs"] == {"topic": "tea"} and run["outputs"] == {"text": "About tea"}
    assert run["waiting_for"] == [] and run["nodes"] == {"draft": {"status": "completed", "visits": 1}}
    assert run["created_at"] <= run["started_at"] <= run["completed_at"]
    assert set(run["usage"]) >= {"input_tokens", "output_tokens", "cost"}


def test_wait_answers_with_the_whole_run(api: Client) -> None:
    workflow_id = api.create(topic())
    response = api.raw("POST", f"/workflows/{workflow_id}/runs", json={"inputs": {"topic": "tea"}}, params={"wait": 30})
    assert response.status_code == 200
    run = response.json()
    assert run["status"] == "completed" and run == api.get(f"/runs/{run['id']}")


@pytest.mark.parametrize("wait", ["0", "60", "0.5", "1.5"])
def test_wait_is_at_most_a_minute(api: Client, wait: str) -> None:
    workflow_id = api.create(topic())
    body = {"inputs": {"topic": "tea"}}
    response = api.raw("POST", f"/workflows/{workflow_id}/runs", json=body, params={"wait": wait})
    assert response.status_code in (200, 202) and set(response.json()) >= FIELDS


@pytest.mark.parametrize("wait", ["61", "60.1", "-1", "abc", "", "inf", "nan", "1e9", "true"])
def test_a_senseless_wait_starts_nothing(api: Client, wait: str) -> None:
    workflow_id = api.create(topic())
    body = {"inputs": {"topic": "tea"}}
    api.post(f"/workflows/{workflow_id}/runs", body, 422, params={"wait": wait})
    assert api.get(f"/workflows/{workflow_id}/runs")["items"] == []


def test_when_time_is_up_the_answer_is_202_with_the_run(api: Client) -> None:
    workflow_id = api.create(flow(node("later", "wait", seconds=30)))
    response = api.raw("POST", f"/workflows/{workflow_id}/runs", json={}, params={"wait": 1})
    assert response.status_code == 202
    run = response.json()
    assert run["status"] == "waiting" and run["waiting_for"] == [] and run["nodes"]["later"]["status"] == "waiting"
    api.post(f"/runs/{run['id']}/cancel", status=202)


def test_a_timer_alone_keeps_the_wait_open_and_a_question_ends_it(api: Client) -> None:
    run = api.run(chain(node("later", "wait", seconds=1), node("end")))
    assert run["status"] == "completed"
    workflow_id = api.create(flow(node("later", "wait", seconds=600), node("ask", "approval", question="?")))
    response = api.raw("POST", f"/workflows/{workflow_id}/runs", json={}, params={"wait": 30})
    assert response.status_code == 200
    run = response.json()
    assert run["status"] == "waiting" and len(run["waiting_for"]) == 1
    api.post(f"/runs/{run['id']}/cancel", status=202)


def test_a_run_may_be_started_without_a_body(api: Client) -> None:
    workflow_id = api.create(value("1"))
    for content in (b"", b"{}", b'{"inputs": {}}'):
        headers = {"Content-Type": "application/json"} if content else {}
        assert api.raw("POST", f"/workflows/{workflow_id}/runs", content=content, headers=headers).status_code == 202


@pytest.mark.parametrize(
    ("given", "codes", "field"),
    [
        ({}, {"missing_field"}, "topic"),
        ({"topic": None}, None, "topic"),
        ({"topic": 5}, None, "topic"),
        ({"topic": "x", "more": 1}, {"unknown_field"}, "more"),
        ({"topic": ["x"]}, None, "topic"),
    ],
)
def test_inputs_are_checked_each_by_name(
    api: Client, given: dict[str, Any], codes: set[str] | None, field: str
) -> None:
    workflow_id = api.create(topic())
    found = api.post(f"/workflows/{workflow_id}/runs", {"inputs": given}, 422)["error"]
    assert found["code"] == "invalid"
    assert any(field in (p["field"] or "") for p in found["details"])
    assert codes is None or {p["code"] for p in found["details"]} == codes
    assert api.get(f"/workflows/{workflow_id}/runs")["items"] == []


def test_every_fault_of_the_inputs_is_named_at_once(api: Client) -> None:
    workflow_id = api.create(flow(node("n"), inputs=inputs(a="string", b="integer", c="boolean")))
    found = api.post(f"/workflows/{workflow_id}/runs", {"inputs": {"b": "x", "c": "y", "d": 1}}, 422)
    named = " ".join(p["field"] for p in found["error"]["details"])
    assert all(f"inputs.{name}" in named for name in "abcd")


def test_a_hundred_thousand_faults_are_told_in_part_and_at_once(api: Client) -> None:
    declared = {"type": "object", "properties": {"l": {"type": "array", "items": {"type": "string"}}}}
    workflow_id = api.create(value("1", inputs=declared))
    began = time.monotonic()
    found = api.post(f"/workflows/{workflow_id}/runs", {"inputs": {"l": [0] * 100_000}}, 422)
    assert 0 < len(found["error"]["details"]) <= 500 and time.monotonic() - began < 2


@pytest.mark.parametrize(
    "body",
    [{"inputs": []}, {"inputs": None}, {"inputs": "x"}, {"nodes": []}, {"inputs": {}, "nodes": []},
     {"inputs": {}, "spec": {}}, {"inputs": {}, "graph": {}}, {"topic": "x"}],
)  # fmt: skip
def test_a_run_takes_inputs_and_never_a_graph(api: Client, body: dict[str, Any]) -> None:
    api.post(f"/workflows/{api.create(value('1'))}/runs", body, 422)


def test_undeclared_inputs_are_refused_where_none_are_declared(api: Client) -> None:
    api.post(f"/workflows/{api.create(value('1'))}/runs", {"inputs": {"x": 1}}, 422)


def test_defaults_of_inputs_are_filled_in(api: Client) -> None:
    declared = {"type": "object", "properties": {"n": {"type": "integer", "default": 7}}}
    run = api.run(value("input.n + 1", inputs=declared))
    assert run["inputs"] == {"n": 7} and run["outputs"] == {"v": 8}


def test_odd_inputs_never_break_the_server(api: Client) -> None:
    workflow_id = api.create(flow(node("n", json="{{ input.v }}"), inputs={"type": "object", "properties": {"v": {}}}))
    headers = {"Content-Type": "application/json"}
    for text in (
        str(10**300), str(-(10**300)), "1e308", "-0.0", "0.1e-400", '"\\u0000"', '"\\ud83d\\ude00"', '"\\ud800"',
        "[" * 100 + "]" * 100, "[" * 400 + "]" * 400, "[" * 700 + "]" * 700, "[" * 900 + "]" * 900,
        '{"a":' * 300 + "1" + "}" * 300, '{"": {"": ""}}', '{"$secret": "CANARY"}', '{"$blob": "x"}',
        '{"$blob": "x", "size": 1, "preview": "y"}', '"' + "x" * 1_000_000 + '"', "9007199254740993", "[null]",
        "18446744073709551616", "true", "{}", '{"__proto__": {"a": 1}}', "[]",
    ):  # fmt: skip
        response = api.raw(
            "POST", f"/workflows/{workflow_id}/runs", content=f'{{"inputs": {{"v": {text}}}}}', headers=headers,
            params={"wait": 30},
        )  # fmt: skip
        assert response.status_code in (200, 413, 422), (text[:40], response.text[:300])
        if response.status_code == 200:
            run = response.json()
            assert run["status"] in ("completed", "failed"), (text[:40], run["error"])
            assert run["status"] == "completed" or run["error"]["code"] not in ("internal", "internal_error"), text[:40]
            api.events(run["id"])


def test_large_integers_and_texts_come_back_exactly(api: Client) -> None:
    workflow_id = api.create(
        flow(
            node("n", json="{{ input.v }}"),
            inputs={"type": "object", "properties": {"v": {}}},
            outputs={"v": "{{ n }}"},
        )
    )
    for given in (
        9007199254740993,
        -(2**63),
        "e\u0301 \U0001f600 \x7f",
        {"b": 1, "a": [1.5, None]},
        0.1,
        "",
        "{{ x }}",
    ):
        assert api.run(workflow_id, v=given)["outputs"] == {"v": given}


def test_the_agents_alias_starts_the_same_runs(api: Client) -> None:
    workflow_id = api.create(topic())
    response = api.raw("POST", f"/agents/{workflow_id}/runs", json={"inputs": {"topic": "x"}})
    assert response.status_code == 202
    started = response.json()
    assert set(started) >= {"run_id", "status", "estimated_duration"} and started["status"] == "pending"
    assert api.done(started["run_id"])["workflow_id"] == workflow_id
    waited = api.raw("POST", f"/agents/{workflow_id}/runs", json={"inputs": {"topic": "x"}}, params={"wait": 30})
    assert waited.status_code == 200 and "estimated_duration" in waited.json()
    assert len(api.get(f"/agents/{workflow_id}/runs")["items"]) == 2


def test_the_alias_repeats_its_whole_answer(api: Client) -> None:
    path, headers = f"/agents/{api.create(value('1'))}/runs", {"Idempotency-Key": "alias"}
    first = api.post(path, {}, 202, headers=headers)
    api.done(first["run_id"])
    assert first["estimated_duration"] is None and api.post(path, {}, 202, headers=headers) == first
    assert api.post(path, {}, 202)["estimated_duration"] > 0


# Idempotency -------------------------------------------------------------------------------------------------


def test_the_same_key_gets_the_same_answer(api: Client) -> None:
    workflow_id = api.create(topic())
    first = api.start(workflow_id, _key="k1", topic="tea")
    assert api.start(workflow_id, _key="k1", topic="tea") == first
    path, headers = f"/workflows/{workflow_id}/runs", {"Idempotency-Key": "k1"}
    api.post(path, {"inputs": {"topic": "coffee"}}, 422, headers=headers)
    api.post(f"/workflows/{api.create(topic())}/runs", {"inputs": {"topic": "tea"}}, 422, headers=headers)
    assert api.start(workflow_id, _key="k2", topic="tea") != first
    waited = api.raw("POST", path, json={"inputs": {"topic": "tea"}}, headers=headers, params={"wait": 30})
    assert waited.status_code == 200 and waited.json()["id"] == first["run_id"]
    assert len(api.get(path)["items"]) == 2


def test_the_same_key_gets_the_same_answer_after_the_workflow_changed(api: Client) -> None:
    workflow_id = api.create(topic())
    first = api.start(workflow_id, _key="changed", topic="tea")
    api.done(first["run_id"])
    api.send("PUT", f"/workflows/{workflow_id}", 200, json=value("1"), headers={"If-Match": "*"})
    assert api.start(workflow_id, _key="changed", topic="tea") == first
    rev = api.get(f"/workflows/{workflow_id}")["rev"]
    broken = {"client": "c", "seq": 1, "rev": rev, "ops": [{"op": "add", "nodes": [node("x", "nonsense")]}]}
    api.post(f"/workflows/{workflow_id}/ops", broken)
    assert api.start(workflow_id, _key="changed", topic="tea") == first
    api.send("DELETE", f"/workflows/{workflow_id}", 204)
    assert len(api.get(f"/workflows/{workflow_id}/runs")["items"]) == 1


def test_the_order_of_keys_makes_no_other_body(api: Client) -> None:
    workflow_id = api.create(flow(node("n"), inputs=inputs(a="integer", b="integer")))
    path, headers = f"/workflows/{workflow_id}/runs", {"Idempotency-Key": "order", "Content-Type": "application/json"}
    one = api.raw("POST", path, content='{"inputs":{"a":1,"b":2}}', headers=headers)
    two = api.raw("POST", path, content='{ "inputs": {"b": 2, "a": 1} }', headers=headers)
    assert one.status_code == two.status_code == 202 and one.json() == two.json()


def test_twenty_callers_with_one_key_start_one_run(api: Client) -> None:
    workflow_id = api.create(topic())
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: json.dumps(api.start(workflow_id, _key="race", topic="x")), range(20)))
    assert len(set(answers)) == 1
    assert len(api.get(f"/workflows/{workflow_id}/runs")["items"]) == 1


def test_a_refused_start_uses_up_no_key(api: Client) -> None:
    workflow_id = api.create(topic())
    path, headers = f"/workflows/{workflow_id}/runs", {"Idempotency-Key": "refused"}
    api.post(path, {"inputs": {}}, 422, headers=headers)
    api.post(path, {"inputs": {"topic": "x"}}, 202, headers=headers)


def test_a_key_has_a_sensible_length(api: Client) -> None:
    path, body = f"/workflows/{api.create(topic())}/runs", {"inputs": {"topic": "x"}}
    api.post(path, body, 202, headers={"Idempotency-Key": "x" * 255})
    api.post(path, body, 422, headers={"Idempotency-Key": "x" * 256})


# Events ------------------------------------------------------------------------------------------------------


def test_the_journal_of_a_small_run(api: Client) -> None:
    run = api.run(topic(), topic="tea")
    events = api.events(run["id"])
    assert [e["type"] for e in events] == [
        "run_created", "run_started", "node_started", "node_completed", "run_completed",
    ]  # fmt: skip
    assert all(set(e) == {"seq", "type", "node_id", "key", "at", "payload"} for e in events)
    assert [e["node_id"] for e in events] == [None, None, "draft", "draft", None]
    assert [e["key"] for e in events] == [None, None, "draft#1", "draft#1", None]
    assert events[0]["payload"]["inputs"] == {"topic": "tea"}
    assert events[3]["payload"]["output"] == {"text": "About tea"}
    assert events[4]["payload"]["outputs"] == {"text": "About tea"}
    assert [e["at"] for e in events] == sorted(e["at"] for e in events)


def test_events_come_in_pages_of_at_most_500(api: Client) -> None:
    run = api.run(chain(*(node(f"n{n}", text="x") for n in range(300))))
    path = f"/runs/{run['id']}/events"
    first = api.get(path)
    assert isinstance(first, list) and len(first) == 500 and first[0]["seq"] == 0
    rest = api.get(path, params={"after": 499})
    assert [e["seq"] for e in rest] == list(range(500, 500 + len(rest))) and rest[-1]["type"] == "run_completed"
    assert api.get(path, params={"after": 0})[0]["seq"] == 1
    assert api.get(path, params={"after": rest[-1]["seq"]}) == []
    assert api.get(path, params={"after": 10_000}) == []
    assert api.get(path, params={"after": -1})[0]["seq"] == 0


@pytest.mark.parametrize("after", ["abc", "1.5", "", "null", "-2", "0x1"])
def test_a_senseless_after_is_refused(api: Client, after: str) -> None:
    run = api.run(value("1"))
    api.get(f"/runs/{run['id']}/events", 422, params={"after": after})


def test_a_far_after_is_an_empty_page(api: Client) -> None:
    run = api.run(value("1"))
    for after in (2**31, 2**63, 2**64, 10**30):
        response = api.raw("GET", f"/runs/{run['id']}/events", params={"after": after})
        assert response.status_code == 422 or response.json() == [], response.text
    assert api.raw("GET", f"/runs/{run['id']}/events/{10**30}").status_code in (404, 422)


def test_the_stream_tells_the_journal_and_closes(api: Client) -> None:
    run = api.run(topic(), topic="tea")
    messages = api.stream(run["id"])
    assert all("event" not in m for m in messages)
    assert [m["data"] for m in messages] == api.events(run["id"])
    assert [int(m["id"]) for m in messages] == [m["data"]["seq"] for m in messages]
    assert [m["data"]["seq"] for m in api.stream(run["id"], last=2)] == [3, 4]
    assert [m["data"]["seq"] for m in api.stream(run["id"], after=1)] == [2, 3, 4]
    assert [m["data"]["seq"] for m in api.stream(run["id"], last=3, after=0)] == [4]
    for last in (4, 5, 99, 10**30):
        assert api.stream(run["id"], last=last) == []


@pytest.mark.parametrize("last", ["", "abc", "-1", "1.5", "\u0661".encode()])
def test_a_senseless_last_event_id_begins_anew(api: Client, last: Any) -> None:
    run = api.run(value("1"))
    headers = {"Accept": "text/event-stream", "Last-Event-ID": last}
    response = api.raw("GET", f"/runs/{run['id']}/events", headers=headers)
    assert response.status_code == 200 and response.text.count("\nid: 0\n") == 1


def test_the_stream_is_live_and_resumes_across_a_pause(api: Client) -> None:
    run = api.run(asking())
    seen: list[dict[str, Any]] = []
    follower = threading.Thread(target=lambda: seen.extend(api.stream(run["id"])))
    follower.start()
    late = api.events(run["id"])
    api.decide(api.asked(run))
    follower.join(20)
    assert not follower.is_alive()
    assert [m["data"] for m in seen] == api.events(run["id"]) and seen[-1]["data"]["type"] == "run_completed"
    again = api.stream(run["id"], last=late[-1]["seq"])
    assert [m["data"] for m in again] == api.events(run["id"])[len(late) :]


def test_a_reader_from_the_future_is_sent_home_with_the_run(api: Client) -> None:
    run = api.run(asking())
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(api.stream, run["id"], last=999, seconds=20)
        time.sleep(0.3)
        api.post(f"/runs/{run['id']}/cancel", status=202)
        assert reading.result(10) == []


def test_many_readers_see_the_same(api: Client) -> None:
    started = api.start(chain(*(node(f"n{n}") for n in range(60))))
    with ThreadPoolExecutor(10) as pool:
        streams = list(pool.map(lambda _: api.stream(started["run_id"]), range(10)))
    events = api.events(started["run_id"])
    assert all([m["data"] for m in one] == events for one in streams)


def test_model_text_is_streamed_beside_the_journal(api: Client) -> None:
    words = " ".join(f"w{n}" for n in range(12))
    script = f'x-world: {{"text": "{words}", "chunk_delay_s": 0.1}}'
    started = api.start(flow(node("n", "llm", prompt=f"Hello {script}")))
    messages = api.stream(started["run_id"])
    pieces = [m for m in messages if m.get("event") == "token"]
    assert pieces and all("id" not in m for m in pieces)
    assert words.startswith("".join(m["data"]["text"] for m in pieces).strip()[:20])
    assert all(m["data"]["node_id"] == "n" for m in pieces)
    assert [m["data"] for m in messages if "event" not in m] == api.events(started["run_id"])
    assert not any("token" in e["type"] for e in api.events(started["run_id"]))
    assert api.get(f"/runs/{started['run_id']}")["status"] == "completed"


def test_the_stream_needs_leave_and_a_run(api: Client) -> None:
    accept = {"Accept": "text/event-stream"}
    assert httpx.get(f"{api.origin}/api/v1/runs/nope/events", headers=accept).status_code == 401
    assert api.raw("GET", "/runs/nope/events", headers=accept).status_code == 404


# Cancel ------------------------------------------------------------------------------------------------------


def cancelled_within_two_seconds(api: Client, run_id: str) -> list[dict[str, Any]]:
    began = time.monotonic()
    assert api.post(f"/runs/{run_id}/cancel", status=202)
    run = api.status(run_id, "cancelled", "completed", "failed", seconds=5)
    assert run["status"] == "cancelled" and time.monotonic() - began < 2
    events = api.events(run_id)
    assert [e["type"] for e in events[-1:]] == ["run_cancelled"]
    assert "cancel_requested" in [e["type"] for e in events]
    assert [e["type"] for e in events if e["type"] in TERMINAL] == ["run_cancelled"]
    assert run["completed_at"] and run["waiting_for"] == []
    assert not {n["status"] for n in run["nodes"].values()} & {"running", "waiting", "idle"}
    return events


def test_a_waiting_run_is_cancelled_with_its_question(api: Client) -> None:
    run = api.run(asking())
    approval = api.asked(run)
    cancelled_within_two_seconds(api, run["id"])
    assert api.get(f"/approvals/{approval['id']}")["status"] == "cancelled"
    found = api.decide(approval, status=410)
    assert found["error"]["code"] == "gone"
    assert api.post(f"/runs/{run['id']}/cancel", status=409)["error"]["code"] == "conflict"


def test_a_run_inside_a_model_stream_is_cancelled(api: Client) -> None:
    words = " ".join("w" for _ in range(100))
    started = api.start(flow(node("n", "llm", prompt=f'Hi x-world: {{"text": "{words}", "chunk_delay_s": 0.2}}')))
    api.event(started["run_id"], "node_started")
    cancelled_within_two_seconds(api, started["run_id"])


def test_a_run_inside_a_slow_request_is_cancelled_and_nothing_starts_after(api: Client, sink: Sink) -> None:
    started = api.start(
        chain(
            node("slow", "http", url=f"{sink.origin}/slow?hold_s=20"),
            node("next", "http", url=f"{sink.origin}/after", method="POST"),
        )
    )
    api.event(started["run_id"], "node_started", "slow")
    cancelled_within_two_seconds(api, started["run_id"])
    time.sleep(0.3)
    assert not [e for e in sink.effects if e["path"] == "/after"]


def test_runs_at_a_timer_a_backoff_and_in_a_map_are_cancelled(api: Client, sink: Sink) -> None:
    inner = {"nodes": [node("w", "wait", seconds=60)], "edges": []}
    broken = node("n", "http", url=f"{sink.origin}/x?status=500") | {"retry": {"attempts": 5, "delay_s": 30}}
    short = node("n", "http", url=f"{sink.origin}/x?status=500") | {"retry": {"attempts": 50, "delay_s": 3}}
    for spec in (
        flow(node("w", "wait", seconds=60)), flow(node("m", "subflow", over="[1, 2, 3]", flow=inner)), flow(broken),
        flow(short),
    ):  # fmt: skip
        started = api.start(spec)
        api.until(started["run_id"], lambda run: run["status"] in ("waiting", "running"))
        time.sleep(0.3)
        cancelled_within_two_seconds(api, started["run_id"])


def test_a_hundred_cancels_at_once_are_one(api: Client) -> None:
    run = api.run(asking())
    with ThreadPoolExecutor(20) as pool:
        codes = list(pool.map(lambda _: api.raw("POST", f"/runs/{run['id']}/cancel").status_code, range(40)))
    assert set(codes) <= {202, 409} and 202 in codes
    assert [e["type"] for e in api.events(run["id"])].count("run_cancelled") == 1


def test_an_ended_run_cannot_be_cancelled(api: Client) -> None:
    for run in (api.run(value("1")), api.run(flow(node("f", "fail", message="x")))):
        assert api.post(f"/runs/{run['id']}/cancel", status=409)["error"]["code"] == "conflict"
