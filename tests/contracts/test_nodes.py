"""Each kind as the contract's table says it: config, ports, output; joins, loops, retries, timeouts, maps."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.contracts.client import Client
from tests.contracts.flows import chain, flow, inputs, node
from tests.world.sink import Sink


def output(api: Client, run: dict[str, Any], node_id: str) -> Any:
    return api.event(run["id"], "node_completed", node_id)["payload"]["output"]


def retry(attempts: int, delay_s: float = 0, **more: Any) -> dict[str, Any]:
    return {"retry": {"attempts": attempts, "delay_s": delay_s, **more}}


# template, condition, fail, note -----------------------------------------------------------------------------


def test_template_makes_text_or_the_value(api: Client) -> None:
    run = api.run(
        flow(node("t", text="x"), node("j", json=[1, {"a": None}]), node("s", json="plain"), node("z", json=None))
    )
    assert output(api, run, "t") == {"text": "x"} and output(api, run, "j") == [1, {"a": None}]
    assert output(api, run, "s") == "plain" and output(api, run, "z") is None


def test_json_in_text_stays_text(api: Client) -> None:
    run = api.run(flow(node("t", text='{"a": 1}'), node("j", json='{"a": 1}')))
    assert output(api, run, "t") == {"text": '{"a": 1}'} and output(api, run, "j") == '{"a": 1}'


def test_the_first_true_case_wins(api: Client) -> None:
    cases = [{"port": "low", "when": "input.n < 5"}, {"port": "any", "when": "true"}]
    spec = flow(
        node("c", "condition", cases=cases), node("x"), node("y"), wires=("c.low > x", "c.any > y"),
        inputs=inputs(n="integer"), outputs={"port": "{{ c.port }}"},
    )  # fmt: skip
    for n, port, ran, skipped in ((1, "low", "x", "y"), (9, "any", "y", "x")):
        run = api.run(spec, n=n)
        assert run["outputs"] == {"port": port}
        assert run["nodes"][ran]["status"] == "completed" and run["nodes"][skipped]["status"] == "skipped"


def test_no_true_case_is_else(api: Client) -> None:
    run = api.run(flow(node("c", "condition", cases=[{"port": "yes", "when": "false"}]), outputs={"v": "{{ c.port }}"}))
    assert run["outputs"] == {"v": "else"} and output(api, run, "c") == {"port": "else"}


@pytest.mark.parametrize("when", ["1", "'true'", "null", "[]", "input"])
def test_a_case_that_is_no_truth_value_fails(api: Client, when: str) -> None:
    run = api.run(flow(node("c", "condition", cases=[{"port": "yes", "when": when}])))
    assert run["status"] == "failed" and run["error"]["code"] == "bad_expression"


def test_fail_ends_the_run_with_its_own_words(api: Client) -> None:
    run = api.run(chain(node("a", text="A"), node("f", "fail", message="No {{ a.text }}", code="no_a")))
    assert run["status"] == "failed" and run["outputs"] is None
    assert {k: run["error"][k] for k in ("code", "node_id", "message")} == {
        "code": "no_a", "node_id": "f", "message": "No A",
    }  # fmt: skip
    assert "hint" in run["error"]
    assert api.run(flow(node("f", "fail", message="x")))["error"]["code"] == "failed"


def test_a_note_never_runs_and_is_no_step(api: Client) -> None:
    run = api.run(flow(node("n", "note", text="# Why"), node("a")))
    assert set(run["nodes"]) == {"a"} and run["status"] == "completed"


# http --------------------------------------------------------------------------------------------------------


def test_http_sends_what_is_configured(api: Client, sink: Sink) -> None:
    spec = flow(
        node(
            "h", "http", url=f"{sink.origin}/h/{{{{ input.p }}}}?fixed=1", method="POST",
            query={"q": "{{ input.p }} &", "n": "{{ 1 + 1 }}", "list": ["a", "b"]}, headers={"X-Own": "{{ input.p }}"},
            body={"n": "{{ 1 + 1 }}", "t": "is {{ input.p }}"},
        ),
        inputs=inputs(p="string"), outputs={"v": "{{ h }}"},
    )  # fmt: skip
    run = api.run(spec, p="path")
    assert set(run["outputs"]["v"]) >= {"status", "headers", "body"}
    assert run["outputs"]["v"]["status"] == 200 and isinstance(run["outputs"]["v"]["body"], dict)
    (effect,) = [e for e in sink.effects if e["path"] == "/h/path"]
    assert effect["method"] == "POST" and effect["body"] == '{"n":2,"t":"is path"}'
    assert effect["headers"]["x-own"] == "path" and effect["headers"]["content-type"].startswith("application/json")
    assert effect["headers"]["idempotency-key"]


def test_get_and_head_are_pure_and_others_carry_a_key(api: Client, sink: Sink) -> None:
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
        run = api.run(flow(node("h", "http", url=f"{sink.origin}/method/{method}", method=method)))
        assert run["status"] == "completed", run["error"]
        (effect,) = [e for e in sink.effects if e["path"] == f"/method/{method}"]
        assert ("idempotency-key" in effect["headers"]) == (method not in ("GET", "HEAD"))


def test_the_key_is_the_same_in_each_try_and_another_in_each_visit_and_item(api: Client, sink: Sink) -> None:
    spec = flow(node("h", "http", url=f"{sink.origin}/tries?status=503", method="POST") | retry(3))
    run = api.run(spec)
    assert run["status"] == "failed" and run["error"]["code"] == "http_status"
    keys = [e["key"] for e in sink.effects if e["path"] == "/tries"]
    assert len(keys) == 3 and len(set(keys)) == 1
    retries = [e for e in api.events(run["id"]) if e["type"] == "node_retry"]
    assert [e["payload"]["attempt"] for e in retries] == [1, 2]
    inner = {"nodes": [node("h", "http", url=f"{sink.origin}/items", method="POST")], "edges": []}
    api.run(flow(node("m", "subflow", over="[1, 2, 3]", flow=inner)))
    api.run(flow(node("m", "subflow", over="[1, 2, 3]", flow=inner)))
    keys = [e["key"] for e in sink.effects if e["path"] == "/items"]
    assert len(keys) == len(set(keys)) == 6


def test_fail_on_status_is_a_choice(api: Client, sink: Sink) -> None:
    run = api.run(flow(node("h", "http", url=f"{sink.origin}/st?status=404")))
    assert run["status"] == "failed" and run["error"]["code"] == "http_status" and "404" in run["error"]["message"]
    spec = flow(
        node("h", "http", url=f"{sink.origin}/st?status=404", fail_on_status=False), outputs={"s": "{{ h.status }}"}
    )
    assert api.run(spec)["outputs"] == {"s": 404}
    run = api.run(flow(node("h", "http", url=f"{sink.origin}/st?status=404") | retry(5)))
    assert run["status"] == "failed" and "node_retry" not in [e["type"] for e in api.events(run["id"])]


def test_an_answer_over_its_limit_fails(api: Client, sink: Sink) -> None:
    run = api.run(flow(node("h", "http", url=f"{sink.origin}/big", max_bytes=10)))
    assert run["status"] == "failed" and run["error"]["code"]


def test_retry_after_is_heeded(api: Client, sink: Sink) -> None:
    api.run(flow(node("h", "http", url=f"{sink.origin}/patient?status=429&retry_after=1") | retry(2)))
    first, second = [e["at"] for e in sink.effects if e["path"] == "/patient"]
    assert second - first >= 0.95


def test_backoff_grows_and_is_capped(api: Client, sink: Sink) -> None:
    spec = flow(node("h", "http", url=f"{sink.origin}/backoff?status=500") | retry(4, 0.1, factor=3, max_delay_s=0.4))
    run = api.run(spec)
    delays = [e["payload"]["delay_s"] for e in api.events(run["id"]) if e["type"] == "node_retry"]
    assert len(delays) == 3
    assert 0.05 <= delays[0] <= 0.2 and 0.15 <= delays[1] <= 0.6 and delays[2] <= 0.8 and delays[0] < delays[1]


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1/", "http://nosuchhost.invalid/"],
)
def test_nobody_there_is_a_typed_failure(api: Client, url: str) -> None:
    run = api.run(flow(node("h", "http", url=url)))
    assert run["status"] == "failed" and run["error"]["code"] and run["error"]["node_id"] == "h"


def test_a_timeout_really_stops_the_step(api: Client, sink: Sink) -> None:
    began = time.monotonic()
    run = api.run(flow(node("h", "http", url=f"{sink.origin}/hang?hold_s=30") | {"timeout_s": 0.5}))
    assert run["status"] == "failed" and run["error"]["code"] == "timeout" and time.monotonic() - began < 5


# wait --------------------------------------------------------------------------------------------------------


def test_wait_goes_on_later(api: Client) -> None:
    spec = chain(
        node("w", "wait", seconds="input.s"), node("end", text="{{ w.until }}"), inputs=inputs(s="number"),
        outputs={"until": "{{ end.text }}"},
    )  # fmt: skip
    began = time.time()
    run = api.run(spec, s=0.6)
    assert run["status"] == "completed" and time.time() - began >= 0.6
    assert run["outputs"]["until"].endswith("Z")
    types = [e["type"] for e in api.events(run["id"])]
    assert types.index("timer_set") < types.index("timer_fired")
    assert api.run(chain(node("w", "wait", seconds=0), node("e")))["status"] == "completed"


def test_wait_until_a_point_in_time(api: Client) -> None:
    for until in (
        '"2020-01-01T00:00:00Z"',
        "run.started_at",
        'timestamp(run.started_at) + duration("300ms")',
        "timestamp('2020-01-01T00:00:00+02:00')",
    ):
        run = api.run(flow(node("w", "wait", until=until)))
        assert run["status"] == "completed", (until, run["error"])
    for until in ('"tomorrow"', "5", '"2020-01-01"', '"2020-01-01T00:00:00"', "null"):
        run = api.run(flow(node("w", "wait", until=until)))
        assert run["status"] == "failed" and run["error"]["node_id"] == "w", until
    for seconds in ("'soon'", "null", "true"):
        run = api.run(flow(node("w", "wait", seconds=seconds)))
        assert run["status"] == "failed", seconds


# Joins and loops ---------------------------------------------------------------------------------------------


def test_an_all_join_waits_for_every_live_branch_and_no_other(api: Client) -> None:
    spec = flow(
        node("c", "condition", cases=[{"port": "yes", "when": "true"}]), node("a"), node("b"), node("dead"),
        node("j", text="{{ a.text }}{{ b.text }}"),
        wires=("c.yes > a", "c.yes > b", "c.else > dead", "a > j", "b > j", "dead > j"), outputs={"v": "{{ j.text }}"},
    )  # fmt: skip
    run = api.run(spec)
    assert run["outputs"] == {"v": "ab"} and run["nodes"]["j"] == {"status": "completed", "visits": 1}


def test_an_any_join_takes_the_first_and_runs_once(api: Client) -> None:
    spec = flow(
        node("s"), node("slow", "wait", seconds=0.5), node("quick"),
        node("j", text="{{ has(slow.until) }}") | {"join": "any"},
        wires=("s > slow", "s > quick", "slow > j", "quick > j"), outputs={"v": "{{ j.text }}"},
    )  # fmt: skip
    run = api.run(spec)
    assert run["outputs"] == {"v": "false"} and run["nodes"]["j"]["visits"] == 1
    assert run["status"] == "completed" and run["nodes"]["slow"]["status"] == "completed"


def counting(until: int, **more: Any) -> dict[str, Any]:
    return flow(
        node("s"), node("n", json={"i": "{{ has(n.i) ? n.i + 1 : 1 }}"}) | {"join": "any"} | more,
        node("c", "condition", cases=[{"port": "again", "when": f"n.i < {until}"}]),
        wires=("s > n", "n > c", "c.again > n"), outputs={"i": "{{ n.i }}"},
    )  # fmt: skip


def test_loops_are_bounded_by_visits(api: Client) -> None:
    assert api.run(counting(25))["outputs"] == {"i": 25}
    run = api.run(counting(26))
    assert (
        run["status"] == "failed"
        and run["error"]["code"] == "too_many_visits"
        and run["error"]["node_id"] in ("n", "c")
    )
    assert api.run(counting(4, max_visits=4))["outputs"] == {"i": 4}
    assert api.run(counting(5, max_visits=4))["error"]["code"] == "too_many_visits"


def test_too_many_visits_fail_the_run_also_with_error_wired(api: Client) -> None:
    spec = counting(10, max_visits=3)
    spec["nodes"].append(node("rescue"))
    spec["edges"].append({"source": "n", "port": "error", "target": "rescue"})
    run = api.run(spec)
    assert run["status"] == "failed" and run["error"]["code"] == "too_many_visits"
    assert run["nodes"]["rescue"]["visits"] == 0


def test_every_working_kind_has_an_error_port(api: Client, sink: Sink) -> None:
    inner = {"nodes": [node("f", "fail", message="inside", code="deep")], "edges": []}
    for bad in (
        node("x", text="{{ input.no.where }}"), node("x", "http", url=f"{sink.origin}/e?status=500"),
        node("x", "condition", cases=[{"port": "p", "when": "1"}]), node("x", "wait", seconds="'x'"),
        node("x", "approval", question="{{ input.no.where }}"), node("x", "subflow", flow=inner),
        node("x", "subflow", flow=inner, over="5"),
    ):  # fmt: skip
        run = api.run(flow(bad, node("r", json="{{ x.error }}"), wires=("x.error > r",), outputs={"e": "{{ r }}"}))
        assert run["status"] == "completed", (bad, run["error"])
        assert set(run["outputs"]["e"]) >= {"code", "message"}


def test_a_failure_stops_what_has_not_begun(api: Client) -> None:
    run = api.run(
        flow(node("f", "fail", message="x"), node("w", "wait", seconds=30), node("late"), wires=("w > late",))
    )
    assert run["status"] == "failed" and run["nodes"]["late"]["status"] == "skipped"
    assert run["nodes"]["w"]["status"] in ("cancelled", "skipped")


# subflow -----------------------------------------------------------------------------------------------------

SQUARE = {
    "inputs": inputs(n="integer"),
    "nodes": [node("sq", json="{{ input.n * input.n }}")],
    "edges": [],
    "outputs": {"v": "{{ sq }}"},
}


def test_a_subflow_has_its_outputs_for_an_output(api: Client) -> None:
    run = api.run(flow(node("sub", "subflow", flow=SQUARE, with_={"n": "{{ 3 + 1 }}"}), outputs={"v": "{{ sub }}"}))
    assert run["outputs"] == {"v": {"v": 16}}
    assert (
        run["nodes"]["sub/sq"] == {"status": "completed", "visits": 1} and run["nodes"]["sub"]["status"] == "completed"
    )
    (event,) = [e for e in api.events(run["id"]) if (e["type"], e["node_id"]) == ("node_completed", "sub/sq")]
    assert event["key"] == "sub#1/sq#1"


def test_a_map_keeps_its_order(api: Client) -> None:
    inner = {
        "nodes": [node("w", "wait", seconds="double(3 - index) * 0.1"),
            node("n", json={"i": "{{ index }}", "item": "{{ item }}", "x": "{{ input.x }}"})],
        "edges": [{"source": "w", "target": "n"}], "outputs": {"v": "{{ n }}"},
    }  # fmt: skip
    spec = flow(
        node("m", "subflow", flow=inner, over='["a", "b", "c"]', with_={"x": "{{ item }}{{ index }}"}, concurrency=3),
        outputs={"v": "{{ m.items }}"},
    )  # fmt: skip
    run = api.run(spec)
    assert [one["v"] for one in run["outputs"]["v"]] == [
        {"i": n, "item": c, "x": f"{c}{n}"} for n, c in enumerate("abc")
    ]
    assert run["nodes"]["m[2]/n"] == {"status": "completed", "visits": 1}
    keys = {e["key"] for e in api.events(run["id"]) if e["node_id"] == "m[2]/n"}
    assert keys == {"m#1[2]/n#1"}


def test_a_map_over_nothing_is_an_empty_list(api: Client) -> None:
    run = api.run(flow(node("m", "subflow", flow=SQUARE, over="[]"), outputs={"v": "{{ m }}"}))
    assert run["outputs"] == {"v": {"items": []}}


def test_a_map_runs_so_many_at_once(api: Client, sink: Sink) -> None:
    inner = {"nodes": [node("h", "http", url=f"{sink.origin}/conc?hold_s=0.3")], "edges": []}
    spec = flow(node("m", "subflow", flow=inner, over="[1,2,3,4,5,6]", concurrency=2))
    run = api.run(spec)
    assert run["status"] == "completed"
    at = sorted(e["at"] for e in sink.effects if e["path"] == "/conc")
    assert all(later - earlier >= 0.25 for earlier, later in zip(at, at[2:], strict=False))


FLAKY = {
    "nodes": [
        node("c", "condition", cases=[{"port": "bad", "when": "item == 2"}]),
        node("f", "fail", message="two", code="no_two"),
        node("ok", json="{{ item }}"),
    ],
    "edges": [{"source": "c", "port": "bad", "target": "f"}, {"source": "c", "port": "else", "target": "ok"}],
    "outputs": {"v": "{{ ok }}"},
}  # fmt: skip


def test_a_failing_item_fails_the_map_or_is_collected(api: Client) -> None:
    run = api.run(flow(node("m", "subflow", flow=FLAKY, over="[1, 2, 3]")))
    assert run["status"] == "failed" and run["error"]["code"] == "no_two"
    spec = flow(
        node("m", "subflow", flow=FLAKY, over="[1, 2, 3]", on_item_error="collect"), outputs={"v": "{{ m.items }}"}
    )
    run = api.run(spec)
    assert run["status"] == "completed"
    first, second, third = run["outputs"]["v"]
    assert first == {"v": 1} and third == {"v": 3}
    assert set(second) == {"error"} and second["error"]["code"] == "no_two" and second["error"]["message"] == "two"


def test_only_its_own_names_are_visible_inside(api: Client) -> None:
    inner = {"nodes": [node("x", text="{{ outer.text }}")], "edges": []}
    api.refused(chain(node("outer"), node("sub", "subflow", flow=inner)), "unknown_reference")
    inner = {"nodes": [node("x", text="{{ input.secret }}")], "edges": [], "outputs": {"v": "{{ x.text }}"}}
    spec = flow(node("sub", "subflow", flow=inner), inputs=inputs(secret="string"))
    run = api.run(spec, secret="outside")
    assert run["status"] == "failed" and run["error"]["code"] == "bad_expression"


def test_a_question_inside_a_map_pauses_its_own_item(api: Client) -> None:
    inner = {
        "nodes": [node("ask", "approval", question="Item {{ item }}?"),
            node("n", text="{{ ask.decision }} {{ item }}")],
        "edges": [{"source": "ask", "port": p, "target": "n"} for p in ("approved", "rejected")],
        "outputs": {"v": "{{ n.text }}"},
    }  # fmt: skip
    run = api.run(flow(node("m", "subflow", flow=inner, over="[1, 2]"), outputs={"v": "{{ m.items }}"}))
    assert run["status"] == "waiting" and len(run["waiting_for"]) == 2
    assert run["nodes"]["m"]["status"] == "waiting" and run["nodes"]["m[0]/ask"]["status"] == "waiting"
    asked = sorted((api.get(f"/approvals/{one}") for one in run["waiting_for"]), key=lambda one: one["node_id"])
    assert [one["node_id"] for one in asked] == ["m[0]/ask", "m[1]/ask"]
    assert [one["question"] for one in asked] == ["Item 1?", "Item 2?"]
    api.decide(asked[1], "reject")
    run = api.until(
        run["id"], lambda r: r["nodes"].get("m[1]/n", {}).get("status") == "completed" and r["status"] == "waiting"
    )
    assert run["waiting_for"] == [asked[0]["id"]]
    api.decide(asked[0])
    assert api.done(run["id"])["outputs"] == {"v": [{"v": "approved 1"}, {"v": "rejected 2"}]}


def test_flows_nest(api: Client) -> None:
    inner: dict[str, Any] = {"nodes": [node("x", json="{{ input.n + 1 }}")], "edges": [], "outputs": {"v": "{{ x }}"}}
    for _ in range(2):
        inner = {
            "nodes": [node("s", "subflow", flow=inner, with_={"n": "{{ input.n + 1 }}"})],
            "edges": [],
            "outputs": {"v": "{{ s.v }}"},
        }
    run = api.run(flow(node("s", "subflow", flow=inner, with_={"n": 1}), outputs={"v": "{{ s.v }}"}))
    assert run["outputs"] == {"v": 4} and "s/s/s/x" in run["nodes"]


def test_a_thousand_steps_run(api: Client) -> None:
    run = api.run(chain(*(node(f"n{n}", text="x") for n in range(1000)), outputs={"v": "{{ n999.text }}"}))
    assert run["status"] == "completed" and run["outputs"] == {"v": "x"}


def test_large_outputs_are_kept_or_refused_by_type(api: Client) -> None:
    declared = inputs(s="string")
    spec = chain(
        node("a", json=["{{ input.s }}"] * 3),
        node("b", json="{{ a.size() }}"),
        inputs=declared,
        outputs={"v": "{{ a }}"},
    )
    run = api.run(spec, s="x" * 1_000_000)
    assert run["status"] == "completed" and run["outputs"]["v"] == ["x" * 1_000_000] * 3
    preview = api.event(run["id"], "node_completed", "a")["payload"]["output"]
    assert set(preview) == {"$blob", "size", "preview"}
    run = api.run(chain(node("a", json=["{{ input.s }}"] * 5), inputs=declared), s="x" * 1_000_000)
    assert run["status"] == "failed" and run["error"]["code"] == "too_large" and run["error"]["node_id"] == "a"
    many = chain(*(node(f"n{n}", json=["{{ input.s }}"] * 3) for n in range(14)), inputs=declared)
    run = api.run(many, s="x" * 1_000_000)
    assert run["status"] == "failed" and run["error"]["code"]
