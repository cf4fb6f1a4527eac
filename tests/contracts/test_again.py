"""Runs taken up again: retried with the old keys, forked with their own, resolved by a person."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.client import Client
from tests.contracts.flows import asking, chain, edges, flow, inputs, node, value
from tests.world.sink import Sink


def effects(sink: Sink, path: str) -> list[dict[str, Any]]:
    return [e for e in sink.effects if e["path"] == path]


def post(sink: Sink, id: str, path: str, **config: Any) -> dict[str, Any]:
    return node(id, "http", url=f"{sink.origin}{path}", method="POST", **config)


def breaking(sink: Sink, tag: str, breaks: str = "input.broken") -> dict[str, Any]:
    """A keyed effect, then a step that fails while the input says so."""
    return chain(
        node("first", json={"n": "{{ input.n }}"}),
        post(sink, "send", f"/{tag}", body={"n": "{{ first.n }}"}),
        node("check", "condition", cases=[{"port": "bad", "when": breaks}]),
        inputs=inputs(n="integer", broken="boolean"), outputs={"key": "{{ send.body.key }}"},
    )  # fmt: skip


# Retry -------------------------------------------------------------------------------------------------------


def failing(sink: Sink, tag: str) -> dict[str, Any]:
    """It sends, and then fails at an address that answers 500."""
    return chain(
        node("a", text="A"), post(sink, "send", f"/{tag}/send"), post(sink, "broken", f"/{tag}/broken?status=500"),
        node("end"),
    )  # fmt: skip


def test_a_retry_keeps_successes_and_keys(api: Client, sink: Sink) -> None:
    run = api.run(failing(sink, "retry"))
    assert run["status"] == "failed" and run["error"]["node_id"] == "broken"
    answer = api.post(f"/runs/{run['id']}/retry", status=202)
    assert set(answer) == {"run_id", "forked_from"} and answer["forked_from"]["run_id"] == run["id"]
    again = api.done(answer["run_id"])
    assert again["forked_from"] == answer["forked_from"] and again["version"] == run["version"]
    assert again["inputs"] == run["inputs"] and again["status"] == "failed"
    assert len(effects(sink, "/retry/send")) == 1
    keys = [e["headers"]["idempotency-key"] for e in effects(sink, "/retry/broken")]
    assert len(keys) == 2 and len(set(keys)) == 1
    third = api.done(api.post(f"/runs/{again['id']}/retry", status=202)["run_id"])
    keys = [e["headers"]["idempotency-key"] for e in effects(sink, "/retry/broken")]
    assert len(keys) == 3 and len(set(keys)) == 1 and third["status"] == "failed"
    events = api.events(again["id"])
    assert events[0]["type"] == "run_created" and events[0]["payload"]["forked_from"] == answer["forked_from"]
    assert [e["node_id"] for e in events if e["type"] == "node_completed"] == ["a", "send"]
    assert again["nodes"]["send"] == {"status": "completed", "visits": 1}


def test_a_cancelled_run_is_retried_and_asks_anew(api: Client) -> None:
    run = api.run(asking())
    old = api.asked(run)
    api.post(f"/runs/{run['id']}/cancel", status=202)
    api.done(run["id"])
    answer = api.post(f"/runs/{run['id']}/retry", status=202)
    again = api.status(answer["run_id"], "waiting")
    new = api.asked(again)
    assert new["id"] != old["id"] and new["content"] == old["content"]
    api.decide(old, status=410)
    api.decide(new)
    assert api.done(again["id"])["status"] == "completed"


@pytest.mark.parametrize("action", ["retry"])
def test_only_failed_and_cancelled_runs_are_retried(api: Client, action: str) -> None:
    waiting = api.run(asking())
    for run in (api.run(value("1")), waiting):
        assert api.post(f"/runs/{run['id']}/{action}", status=409)["error"]["code"] == "conflict"


def test_a_retry_runs_the_version_of_its_run(api: Client, sink: Sink) -> None:
    workflow_id = api.create(failing(sink, "version"))
    run = api.run(workflow_id)
    api.send("PUT", f"/workflows/{workflow_id}", 200, json=value("1"), headers={"If-Match": "*"})
    again = api.done(api.post(f"/runs/{run['id']}/retry", status=202)["run_id"])
    assert again["status"] == "failed" and again["version"] == run["version"] == 1


# Fork --------------------------------------------------------------------------------------------------------


def completed(api: Client, run_id: str, node_id: str) -> int:
    return api.event(run_id, "node_completed", node_id)["seq"]


def test_a_fork_has_the_past_up_to_its_cut_and_keys_of_its_own(api: Client, sink: Sink) -> None:
    spec = chain(post(sink, "one", "/fork/one"), post(sink, "two", "/fork/two"), outputs={"k": "{{ two.body.key }}"})
    run = api.run(spec)
    seq = completed(api, run["id"], "one")
    answer = api.post(f"/runs/{run['id']}/fork", {"seq": seq, "outputs": {}}, 202)
    assert answer["forked_from"] == {"run_id": run["id"], "seq": seq}
    fork = api.done(answer["run_id"])
    assert fork["status"] == "completed" and fork["forked_from"] == answer["forked_from"]
    assert len(effects(sink, "/fork/one")) == 1
    keys = [e["headers"]["idempotency-key"] for e in effects(sink, "/fork/two")]
    assert len(keys) == 2 and len(set(keys)) == 2
    assert fork["outputs"] != run["outputs"]


def test_a_fork_may_replace_the_output_it_is_cut_at(api: Client) -> None:
    spec = chain(node("a", json={"n": 1}), node("b", json="{{ a.n + 1 }}"), outputs={"v": "{{ b }}"})
    run = api.run(spec)
    assert run["outputs"] == {"v": 2}
    seq = completed(api, run["id"], "a")
    for given, wanted in (({"n": 41}, 42), ({"n": 0}, 1)):
        fork = api.post(f"/runs/{run['id']}/fork", {"seq": seq, "outputs": {"a": given}}, 202)
        assert api.done(fork["run_id"])["outputs"] == {"v": wanted}
    last = completed(api, run["id"], "b")
    fork = api.post(f"/runs/{run['id']}/fork", {"seq": last, "outputs": {"b": None}}, 202)
    assert api.done(fork["run_id"])["outputs"] == {"v": None}
    assert api.get(f"/runs/{run['id']}") == run


def test_a_fork_at_the_end_or_the_beginning(api: Client) -> None:
    run = api.run(chain(node("a"), node("b"), outputs={"v": "{{ b.text }}"}))
    for seq in (0, api.events(run["id"])[-1]["seq"]):
        for body in ({"seq": seq}, {"seq": seq, "outputs": {}}):
            fork = api.done(api.post(f"/runs/{run['id']}/fork", body, 202)["run_id"])
            assert fork["outputs"] == run["outputs"] and fork["nodes"] == run["nodes"]


def test_outputs_of_a_call_are_replaced_and_of_pause_and_route_not(api: Client) -> None:
    inner = {"nodes": [node("x", json=1)], "edges": [], "outputs": {"v": "{{ x }}"}}
    spec = flow(
        node("sub", "subflow", flow=inner), node("c", "condition", cases=[{"port": "yes", "when": "true"}]),
        node("ask", "approval", question="?"), node("w", "wait", seconds=0), node("end", json="{{ sub.v }}"),
        wires=("sub > c", "c.yes > ask", "ask.approved > w", "w > end"), outputs={"v": "{{ end }}"},
    )  # fmt: skip
    run = api.run(spec)
    api.decide(api.asked(run))
    run = api.done(run["id"])
    path = f"/runs/{run['id']}/fork"
    for name in ("c", "ask", "w"):
        seq = completed(api, run["id"], name)
        found = api.post(path, {"seq": seq, "outputs": {name: {"port": "else", "decision": "approved"}}}, 422)
        assert found["error"]["code"] == "invalid"
    fork = api.post(path, {"seq": completed(api, run["id"], "sub"), "outputs": {"sub": {"v": 9}}}, 202)
    fork = api.status(fork["run_id"], "waiting")
    api.decide(api.asked(fork))
    assert api.done(fork["id"])["outputs"] == {"v": 9}
    seq = completed(api, run["id"], "sub/x")
    inside = api.post(path, {"seq": seq, "outputs": {"sub/x": 5}}, 202)
    inside = api.status(inside["run_id"], "waiting")
    api.decide(api.asked(inside))
    assert api.done(inside["id"])["outputs"] == {"v": 5}


@pytest.mark.parametrize(
    "body",
    [
        {}, {"seq": None}, {"seq": -1}, {"seq": 10_000}, {"seq": "1"}, {"seq": 1.5}, {"seq": True}, {"seq": 10**30},
        {"outputs": {}}, {"seq": 0, "outputs": {"a": 1}}, {"seq": 2, "outputs": {"a": 1}}, {"seq": 3, "outputs": []},
        {"seq": 3, "outputs": {"b": 1}}, {"seq": 3, "outputs": {"a": 1, "b": 1}}, {"seq": 3, "outputs": "x"},
        {"seq": 3, "outputs": {"nobody": 1}}, {"seq": 3, "inputs": {}}, {"seq": 3, "outputs": 0},
        {"seq": 3, "outputs": False}, {"seq": 3, "outputs": ""},
    ],
)  # fmt: skip
def test_a_senseless_fork_is_refused(api: Client, body: dict[str, Any]) -> None:
    run = api.run(chain(node("a"), node("b")))
    api.post(f"/runs/{run['id']}/fork", body, 422)


def test_a_fork_before_the_answer_asks_anew_and_after_it_keeps_it(api: Client) -> None:
    run = api.run(asking())
    old = api.asked(run)
    requested = api.event(run["id"], "approval_requested")["seq"]
    api.decide(old, comment="Mine")
    run = api.done(run["id"])
    fork = api.status(api.post(f"/runs/{run['id']}/fork", {"seq": requested}, 202)["run_id"], "waiting")
    new = api.asked(fork)
    assert new["id"] != old["id"] and new["run_id"] == fork["id"]
    api.decide(new, "reject")
    assert api.done(fork["id"])["outputs"]["decision"] == "rejected"
    decided = api.event(run["id"], "approval_decided")["seq"]
    fork = api.done(api.post(f"/runs/{run['id']}/fork", {"seq": decided}, 202)["run_id"])
    assert fork["outputs"] == run["outputs"]


def test_a_waiting_run_may_be_forked_and_waits_on(api: Client) -> None:
    run = api.run(asking())
    seq = api.events(run["id"])[-1]["seq"]
    fork = api.status(api.post(f"/runs/{run['id']}/fork", {"seq": seq}, 202)["run_id"], "waiting")
    assert fork["waiting_for"] != run["waiting_for"]
    assert api.get(f"/runs/{run['id']}")["status"] == "waiting"


# Review ------------------------------------------------------------------------------------------------------


def in_doubt(api: Client, sink: Sink, tag: str, how: str = "drop=1", **more: Any) -> dict[str, Any]:
    step = post(sink, "send", f"/{tag}?{how}", effect="unsafe") | more
    run = api.run(chain(step, node("end", json="{{ send.body.n }}"), outputs={"v": "{{ end }}"}))
    assert (run["status"], run["reason"]) == ("needs_review", "unsafe_effect")
    assert run["nodes"]["send"]["status"] == "needs_review" and run["completed_at"] is None
    event = api.event(run["id"], "run_needs_review")
    assert event["node_id"] == "send" and event["payload"]["reason"] == "unsafe_effect"
    assert "effect_intended" in [e["type"] for e in api.events(run["id"])]
    return run


def test_an_unsafe_request_whose_end_is_unknown_waits_for_a_person(api: Client, sink: Sink) -> None:
    run = in_doubt(api, sink, "review-use", retry={"attempts": 5, "delay_s": 0})
    assert len(effects(sink, "/review-use")) == 1
    path = f"/runs/{run['id']}/resolve"
    for wrong in (
        {}, {"node_id": "send"}, {"node_id": "send", "action": "explode"}, {"node_id": "end", "action": "repeat"},
        {"node_id": None, "action": "repeat"}, {"node_id": "send", "action": "use"}, {"action": "repeat"},
        {"node_id": "send", "key": "send#9", "action": "repeat"}, {"node_id": 5, "action": "fail"},
        {"node_id": "send", "action": "repeat", "more": 1}, {"node_id": ["send"], "action": ["fail"]},
    ):  # fmt: skip
        api.post(path, wrong, 422)
    answer = api.raw("POST", path, json={"node_id": "send", "action": "use", "output": {"body": {"n": 7}}})
    assert answer.status_code in (200, 202)
    assert api.done(run["id"])["outputs"] == {"v": 7}
    assert len(effects(sink, "/review-use")) == 1
    resolved = api.event(run["id"], "review_resolved")
    assert resolved["payload"]["action"] == "use" and resolved["payload"]["by"]
    assert api.post(path, {"node_id": "send", "action": "fail"}, 409)["error"]["code"] == "conflict"


def test_a_review_may_repeat_the_effect(api: Client, sink: Sink) -> None:
    run = in_doubt(api, sink, "review-repeat")
    api.raw("POST", f"/runs/{run['id']}/resolve", json={"node_id": "send", "key": "send#1", "action": "repeat"})
    again = api.until(run["id"], lambda r: len(effects(sink, "/review-repeat")) == 2 and r["status"] == "needs_review")
    assert again["reason"] == "unsafe_effect"
    api.post(f"/runs/{run['id']}/cancel", status=202)
    assert api.done(run["id"])["status"] == "cancelled"


def test_a_review_may_fail_the_step(api: Client, sink: Sink) -> None:
    run = in_doubt(api, sink, "review-fail")
    api.raw("POST", f"/runs/{run['id']}/resolve", json={"node_id": "send", "action": "fail"})
    ended = api.done(run["id"])
    assert ended["status"] == "failed" and ended["error"]["node_id"] == "send" and ended["reason"] is None


def test_a_failed_review_goes_out_by_a_wired_error_port(api: Client, sink: Sink) -> None:
    spec = flow(
        post(sink, "send", "/review-error?drop=1", effect="unsafe"), node("plan_b", text="{{ send.error.code }}"),
        wires=("send.error > plan_b",), outputs={"v": "{{ plan_b.text }}"},
    )  # fmt: skip
    run = api.run(spec)
    assert run["status"] == "needs_review"
    api.raw("POST", f"/runs/{run['id']}/resolve", json={"node_id": "send", "action": "fail"})
    assert api.done(run["id"])["status"] == "completed"


def test_a_timeout_after_sending_is_a_review_and_before_it_is_not(api: Client, sink: Sink) -> None:
    run = api.run(flow(post(sink, "send", "/review-slow?hold_s=10", effect="unsafe") | {"timeout_s": 0.5}))
    assert (run["status"], run["reason"]) == ("needs_review", "unsafe_effect")
    nowhere = node("send", "http", url="http://127.0.0.1:1/x", method="POST", effect="unsafe")
    run = api.run(flow(nowhere | {"retry": {"attempts": 3, "delay_s": 0}}))
    assert run["status"] == "failed"
    assert [e["type"] for e in api.events(run["id"])].count("node_retry") == 2


def test_an_unsafe_request_that_was_never_sent_may_wait_for_its_next_try(api: Client) -> None:
    nowhere = node("send", "http", url="http://127.0.0.1:1/x", method="POST", effect="unsafe")
    run = api.start(flow(nowhere | {"retry": {"attempts": 3, "delay_s": 60}}))
    run = api.status(run["run_id"], "waiting", "needs_review", "failed")
    assert run["status"] == "waiting" and run["waiting_for"] == []
    api.post(f"/runs/{run['id']}/cancel", status=202)


def test_an_unsafe_request_that_was_answered_is_no_review(api: Client, sink: Sink) -> None:
    spec = flow(post(sink, "send", "/answered?status=503", effect="unsafe") | {"retry": {"attempts": 3, "delay_s": 0}})
    run = api.run(spec)
    assert run["status"] == "failed" and run["error"]["code"] == "http_status"
    assert len(effects(sink, "/answered")) == 1


def test_an_unsafe_request_is_sent_once_however_often_the_flow_around_it_is_tried(api: Client, sink: Sink) -> None:
    inner = {
        "nodes": [post(sink, "send", "/unsafe-inside", effect="unsafe"), post(sink, "bad", "/bad-inside?status=500")],
        "edges": edges("send > bad"),
    }
    run = api.run(flow(node("sub", "subflow", flow=inner) | {"retry": {"attempts": 3, "delay_s": 0}}))
    assert run["status"] == "failed" and run["error"]["code"] == "http_status"
    assert len(effects(sink, "/unsafe-inside")) == 1
    keys = [e["key"] for e in effects(sink, "/bad-inside")]
    assert len(keys) == 3 and len(set(keys)) == 1


def test_cancelling_an_unsafe_request_under_way_is_a_review(api: Client, sink: Sink) -> None:
    started = api.start(flow(post(sink, "send", "/review-cancel?hold_s=10", effect="unsafe")))
    api.event(started["run_id"], "effect_intended")
    api.until(started["run_id"], lambda _: effects(sink, "/review-cancel"))
    api.post(f"/runs/{started['run_id']}/cancel", status=202)
    run = api.status(started["run_id"], "needs_review", "cancelled", seconds=5)
    assert (run["status"], run["reason"]) == ("needs_review", "unsafe_effect")
    api.raw("POST", f"/runs/{run['id']}/resolve", json={"node_id": "send", "action": "use", "output": {}})
    assert api.done(run["id"])["status"] in ("cancelled", "completed")
    assert len(effects(sink, "/review-cancel")) == 1


def test_a_run_that_needs_no_review_cannot_be_resolved(api: Client) -> None:
    body = {"node_id": None, "action": "fail"}
    for run in (api.run(value("1")), api.run(asking())):
        api.post(f"/runs/{run['id']}/resolve", body, 409)


def test_retrying_a_failed_review_does_not_send_again_silently(api: Client, sink: Sink) -> None:
    run = in_doubt(api, sink, "review-retry")
    api.raw("POST", f"/runs/{run['id']}/resolve", json={"node_id": "send", "action": "fail"})
    api.done(run["id"])
    assert len(effects(sink, "/review-retry")) == 1
