"""Questions to people: asked with their literal content, answered exactly once, in the contract's order of checks."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.contracts.client import Client
from tests.contracts.flows import asking, flow, inputs, node

FIELDS = {
    "id", "type", "run_id", "workflow_id", "node_id", "status", "question", "content", "schema", "data", "hash",
    "deadline_at", "decision", "comment", "decided_by", "decided_at",
}  # fmt: skip
FORM = {
    "type": "object",
    "properties": {"title": {"type": "string", "minLength": 2}, "copies": {"type": "integer"}},
    "required": ["title"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def reader(api: Client) -> Iterator[Client]:
    """A key that may read and run, and decide nothing."""
    with Client(api.origin, api.key("read", "write", "run")) as client:
        yield client


def test_a_question_shows_what_it_asks_word_for_word(api: Client) -> None:
    spec = asking(
        question="Publish {{ input.t }}?", content={"title": "{{ input.t }}", "list": "{{ input.l }}", "n": 1},
        schema=FORM, data={"title": "{{ input.t }}", "copies": "{{ size(input.l) }}"},
        inputs=inputs(t="string", l="array"),
    )  # fmt: skip
    run = api.run(spec, t="T<b>", l=[1, None])
    assert run["status"] == "waiting" and run["nodes"]["ask"] == {"status": "waiting", "visits": 1}
    asked = api.asked(run)
    assert set(asked) >= FIELDS
    assert asked["question"] == "Publish T<b>?" and asked["content"] == {"title": "T<b>", "list": [1, None], "n": 1}
    assert asked["schema"] == FORM and asked["data"] == {"title": "T<b>", "copies": 2}
    assert (asked["status"], asked["type"], asked["node_id"]) == ("pending", "approval", "ask")
    assert (asked["run_id"], asked["workflow_id"]) == (run["id"], run["workflow_id"])
    assert all(asked[name] is None for name in ("deadline_at", "decision", "comment", "decided_by", "decided_at"))
    assert asked["id"] in [item["id"] for item in api.get("/approvals", params={"status": "pending"})["items"]]


def test_approve_and_reject_lead_their_own_ways(api: Client) -> None:
    for decision, way, other in (("approve", "publish", "drop"), ("reject", "drop", "publish")):
        run = api.run(asking())
        decided = api.decide(api.asked(run), decision, comment="Because é")
        word = {"approve": "approved", "reject": "rejected"}[decision]
        assert decided["status"] == word and decided["comment"] == "Because é" and decided["decided_at"]
        assert decided["decided_by"]
        run = api.done(run["id"])
        assert run["outputs"] == {"decision": word, "by": decided["decided_by"], "data": {}}
        assert run["nodes"][way]["status"] == "completed" and run["nodes"][other]["status"] == "skipped"
        event = api.event(run["id"], "approval_decided")
        assert event["payload"]["decision"] == word and event["payload"]["approval_id"] == decided["id"]
        assert event["payload"]["decided_by"] == decided["decided_by"] and event["node_id"] == "ask"


def test_an_edge_that_is_not_drawn_ends_its_branch(api: Client) -> None:
    run = api.run(flow(node("ask", "approval", question="?")))
    api.decide(api.asked(run), "reject")
    assert api.done(run["id"])["status"] == "completed"


def test_the_checks_come_in_the_contracts_order(api: Client, reader: Client) -> None:
    wrong_everything = {"decision": "perhaps", "hash": "wrong", "surprise": 1}
    # 404 before 403
    reader.post("/approvals/nope", wrong_everything, 404)
    open_ = api.asked(api.run(asking(schema=FORM)))
    path = f"/approvals/{open_['id']}"
    # 403 before everything else
    assert reader.post(path, wrong_everything, 403)["error"]["code"] == "forbidden"
    assert reader.raw("POST", path, content="{", headers={"Content-Type": "application/json"}).status_code == 403
    assert reader.raw("POST", path).status_code == 403
    # other hash before data off the schema
    found = api.post(path, {"decision": "approve", "hash": "wrong", "data": {"title": 5}}, 409)
    assert found["error"]["code"] == "conflict"
    found = api.post(path, {"decision": "approve", "hash": open_["hash"], "data": {"title": 5}}, 422)
    assert any("title" in p["field"] for p in found["error"]["details"])
    assert api.get(path)["status"] == "pending"
    done = api.decide(open_, data={"title": "Fine"})
    # decided before other hash, and with the winner
    found = api.post(path, {"decision": "reject", "hash": "wrong", "data": {"title": 5}}, 409)
    assert found["error"]["approval"] == done
    assert reader.post(path, wrong_everything, 403)
    # expired or cancelled before other hash
    run = api.run(asking())
    late = api.asked(run)
    api.post(f"/runs/{run['id']}/cancel", status=202)
    found = api.post(f"/approvals/{late['id']}", {"decision": "approve", "hash": "wrong"}, 410)
    assert found["error"]["code"] == "gone"
    assert reader.post(f"/approvals/{late['id']}", wrong_everything, 403)


@pytest.mark.parametrize(
    "body",
    [
        {}, {"decision": "approve"}, {"decision": "approved"}, {"decision": "APPROVE"}, {"decision": None},
        {"decision": ["approve"]}, {"decision": True}, {"decision": "approve", "comment": 5},
        {"decision": "approve", "comment": "x" * 100_000}, {"decision": "approve", "extra": 1},
    ],
)  # fmt: skip
def test_an_incomplete_answer_decides_nothing(api: Client, body: dict[str, Any]) -> None:
    asked = api.asked(api.run(asking()))
    path = f"/approvals/{asked['id']}"
    if body != {"decision": "approve"}:
        body = {"hash": asked["hash"], **body}
    assert api.post(path, body, 422)["error"]["code"] == "invalid"
    for odd in (None, 5, ["x"], {"a": 1}, ""):
        assert api.raw("POST", path, json={"decision": "approve", "hash": odd}).status_code in (409, 422)
    assert api.get(path) == asked


def test_absent_data_is_the_prefill_and_given_data_is_checked(api: Client) -> None:
    def ask() -> tuple[dict[str, Any], dict[str, Any]]:
        run = api.run(asking(schema=FORM, data={"title": "Prefilled", "copies": 3}))
        return run, api.asked(run)

    run, asked = ask()
    api.decide(asked)
    assert api.done(run["id"])["outputs"]["data"] == {"title": "Prefilled", "copies": 3}
    run, asked = ask()
    for data in (
        {"title": "x"},
        {"copies": 1},
        {"title": "ok", "more": 1},
        [],
        "x",
        5,
        {},
        {"title": "ok", "copies": 1.5},
    ):
        api.decide(asked, status=422, data=data)
    assert api.decide(asked, data={"title": "Mine"})["data"] == {"title": "Mine"}
    assert api.done(run["id"])["outputs"]["data"] == {"title": "Mine"}
    run, asked = ask()
    assert api.decide(asked, "reject", data={"title": 5, "rubbish": True})["status"] == "rejected"
    assert api.done(run["id"])["status"] == "completed"


def test_a_prefill_off_the_schema_must_be_corrected(api: Client) -> None:
    asked = api.asked(api.run(asking(schema=FORM)))
    api.decide(asked, status=422)
    api.decide(asked, data={"title": "Now it fits"})


def test_twenty_clicks_at_once_are_one_answer(api: Client) -> None:
    for _ in range(3):
        run = api.run(asking())
        asked = api.asked(run)

        def click(n: int, asked: dict[str, Any] = asked) -> tuple[int, dict[str, Any]]:
            body = {"decision": "approve" if n % 2 else "reject", "hash": asked["hash"], "comment": str(n)}
            response = api.raw("POST", f"/approvals/{asked['id']}", json=body)
            return response.status_code, response.json()

        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(click, range(20)))
        codes = sorted(code for code, _ in answers)
        assert codes == [200] + [409] * 19
        (winner,) = [body for code, body in answers if code == 200]
        assert all(body["error"]["approval"] == winner for code, body in answers if code == 409)
        run = api.done(run["id"])
        assert run["outputs"]["decision"] == winner["status"]
        assert [e["type"] for e in api.events(run["id"])].count("approval_decided") == 1


def test_an_answer_and_a_cancel_at_once_leave_one_of_them(api: Client) -> None:
    for _ in range(8):
        run = api.run(asking())
        asked = api.asked(run)
        with ThreadPoolExecutor(2) as pool:
            body = {"decision": "approve", "hash": asked["hash"]}
            one = pool.submit(api.raw, "POST", f"/approvals/{asked['id']}", json=body)
            two = pool.submit(api.raw, "POST", f"/runs/{run['id']}/cancel")
        assert (one.result().status_code, two.result().status_code) in ((200, 202), (410, 202), (200, 409))
        ended = api.done(run["id"])
        status = api.get(f"/approvals/{asked['id']}")["status"]
        assert status == ("approved" if one.result().status_code == 200 else "cancelled")
        assert ended["status"] in ("cancelled", "completed")
        api.events(run["id"])


def test_several_questions_wait_side_by_side(api: Client) -> None:
    spec = flow(
        node("a", "approval", question="A?"), node("b", "approval", question="B?"),
        node("end", text="{{ a.decision }} {{ b.decision }}"),
        wires=("a.approved > end", "a.rejected > end", "b.approved > end", "b.rejected > end"),
        outputs={"v": "{{ end.text }}"},
    )  # fmt: skip
    run = api.run(spec)
    assert len(run["waiting_for"]) == 2
    first, second = (api.get(f"/approvals/{one}") for one in run["waiting_for"])
    assert first["hash"] != second["hash"]
    api.post(f"/approvals/{second['id']}", {"decision": "approve", "hash": first["hash"]}, 409)
    api.decide(second, "reject")
    run = api.until(run["id"], lambda r: r["status"] == "waiting" and len(r["waiting_for"]) == 1)
    assert run["waiting_for"] == [first["id"]]
    api.decide(first)
    words = {first["node_id"]: "approved", second["node_id"]: "rejected"}
    assert api.done(run["id"])["outputs"] == {"v": f"{words['a']} {words['b']}"}


def test_other_branches_go_on_while_one_asks(api: Client) -> None:
    spec = flow(node("ask", "approval", question="?"), node("w", "wait", seconds=0.2), node("x"), wires=("w > x",))
    run = api.start(spec)
    run = api.until(run["run_id"], lambda r: r["nodes"]["x"]["status"] == "completed" and r["status"] == "waiting")
    assert run["nodes"]["ask"]["status"] == "waiting"


def test_a_deadline_ends_the_question_by_its_own_port(api: Client) -> None:
    spec = flow(
        node("ask", "approval", question="?", deadline_s=1), node("late", text="{{ ask.decision }}"),
        wires=("ask.timeout > late",), outputs={"v": "{{ late.text }}", "by": "{{ ask.decided_by }}"},
    )  # fmt: skip
    began = time.time()
    run = api.run(spec)
    asked = api.asked(run)
    assert asked["deadline_at"]
    run = api.done(run["id"], 10)
    assert run["outputs"] == {"v": "timeout", "by": None} and time.time() - began < 6
    asked = api.get(f"/approvals/{asked['id']}")
    assert asked["status"] == "expired"
    assert api.decide(asked, status=410)["error"]["code"] == "gone"
    assert api.event(run["id"], "approval_decided")["payload"]["decision"] == "timeout"


def test_a_loop_asks_anew_and_reads_the_comment(api: Client) -> None:
    spec = flow(
        node("draft", text="{{ has(ask.comment) ? 'Again: ' + ask.comment : 'First' }}"),
        node("ask", "approval", question="?", content="{{ draft.text }}"),
        node("start"), wires=("start > draft", "draft > ask", "ask.rejected > draft"),
        outputs={"v": "{{ draft.text }}"},
    )  # fmt: skip
    run = api.run(spec)
    first = api.asked(run)
    assert first["content"] == "First"
    api.decide(first, "reject", comment="shorter")
    run = api.until(run["id"], lambda r: r["status"] == "waiting" and r["waiting_for"] not in ([], [first["id"]]))
    second = api.asked(run)
    assert second["content"] == "Again: shorter" and run["nodes"]["draft"]["visits"] == 2
    assert api.decide(first, status=409)["error"]["approval"]["status"] == "rejected"
    api.decide(second)
    run = api.done(run["id"])
    assert run["outputs"] == {"v": "Again: shorter"} and run["nodes"]["ask"]["visits"] == 2


def test_answers_are_kept_as_they_are(api: Client) -> None:
    run = api.run(asking())
    odd = 'Line 1\nLine 2 "quotes" \u2028 😀 </script> {{ input.x }}'
    asked = api.asked(run)
    decided = api.post(f"/approvals/{asked['id']}", {"decision": "approve", "hash": asked["hash"], "comment": odd})
    assert decided["comment"] == odd
    run = api.done(run["id"])
    assert api.event(run["id"], "node_completed", "publish")["payload"]["output"] == {"text": f"Out: {odd}"}


def test_no_null_byte_breaks_the_server(api: Client) -> None:
    run = api.run(asking(question="Is {{ 'a' + input.x }} it?", inputs=inputs(x="string")), x="\0b")
    asked = api.asked(run)
    assert "b" in asked["question"]
    assert api.decide(asked, comment="c\0d", data={"e": "\0f"})["status"] == "approved"
    assert api.done(run["id"])["status"] == "completed"
    for path in ("/runs?workflow_id=%00", "/approvals?run_id=%00", "/runs?status=%00", "/runs?after=%00"):
        assert api.raw("GET", path).status_code in (200, 422)
    assert api.raw("POST", "/keys", json={"name": "a\0b"}).status_code == 422


def test_odd_answers_never_break_the_server(api: Client) -> None:
    asked = api.asked(api.run(asking()))
    headers = {"Content-Type": "application/json"}
    for data in ("[" * 300 + "]" * 300, "[" * 900 + "]" * 900, '"\\ud800"', str(10**300), '{"$secret": "CANARY"}'):
        text = f'{{"decision": "approve", "hash": "wrong", "data": {data}}}'
        response = api.raw("POST", f"/approvals/{asked['id']}", content=text, headers=headers)
        assert response.status_code in (409, 422), response.text[:300]
    big = json.dumps({"decision": "approve", "hash": asked["hash"], "data": {"x": "y" * 4_900_000}})
    response = api.raw("POST", f"/approvals/{asked['id']}", content=big, headers=headers)
    assert response.status_code in (413, 422), response.text[:300]
    assert api.get(f"/approvals/{asked['id']}")["status"] == "pending"


def test_a_decision_names_the_key(api: Client) -> None:
    with Client(api.origin, api.key("approve", name="Bärbel")) as bot:
        decided = bot.decide(api.asked(api.run(asking())))
        assert "Bärbel" in decided["decided_by"]
        bot.get("/approvals", 403)
