"""Model steps: who answers, what is sent, structured output, and every way in which an endpoint can fail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contracts.client import Client
from tests.contracts.conftest import MODEL_KEY
from tests.contracts.flows import chain, flow, inputs, node
from tests.world.models import ModelServer

SCORE = {
    "type": "object",
    "properties": {"score": {"type": "number", "minimum": 0, "maximum": 1}, "why": {"type": "string"}},
    "required": ["score", "why"],
    "additionalProperties": False,
}


def scripted(*steps: dict[str, Any], tag: str = "") -> str:
    """A prompt whose n-th request gets the n-th step from the played endpoint."""
    return f"Say something {tag} x-world: {json.dumps(list(steps))}"


def asked(models: ModelServer, tag: str) -> list[dict[str, Any]]:
    """The bodies of the requests that hold `tag`."""
    return [r["body"] for r in models.requests if tag in json.dumps(r["body"])]


def llm(prompt: str, **config: Any) -> dict[str, Any]:
    return flow(node("n", "llm", prompt=prompt, **config), outputs={"v": "{{ n }}"})


# Who answers -------------------------------------------------------------------------------------------------


def test_auto_is_the_endpoint_that_the_operator_set(api: Client, models: ModelServer) -> None:
    run = api.run(llm(scripted({"text": "From the world", "model": "w-1"}, tag="auto-1")))
    answer = run["outputs"]["v"]
    assert answer["text"] == "From the world" and answer["model"] == "w-1"
    assert set(answer) == {"text", "model", "usage"} and set(answer["usage"]) >= {
        "input_tokens",
        "output_tokens",
        "cost",
    }
    assert run["usage"]["output_tokens"] == answer["usage"]["output_tokens"] > 0
    assert len(asked(models, "auto-1")) == 1
    sent = next(r for r in models.requests if "auto-1" in json.dumps(r["body"]))
    assert sent["headers"]["authorization"] == f"Bearer {MODEL_KEY}"


def test_without_any_key_the_demo_model_answers(bare_api: Client) -> None:
    spec = llm("Write about tea")
    first, second = bare_api.run(spec), bare_api.run(spec)
    assert first["status"] == "completed" and first["outputs"]["v"]["text"] == second["outputs"]["v"]["text"]
    assert "demo" in first["outputs"]["v"]["model"] and "demo" in first["outputs"]["v"]["text"].lower()
    found = bare_api.post("/workflows", llm("x", provider="openai"), 201)
    assert [p["code"] for p in found["problems"]] == ["missing_key"]
    bare_api.post(f"/workflows/{found['id']}/runs", {"inputs": {}}, 422)


def test_the_demo_model_answers_visit_by_visit(bare_api: Client) -> None:
    spec = flow(
        node("s"), node("n", "llm", prompt='Go on. x-demo: ["first", "second"]') | {"join": "any"},
        node("keep", json="{{ (has(keep.all) ? keep.all : []) + [n.text] }}"),
        node("c", "condition", cases=[{"port": "again", "when": "size(keep.all) < 4"}]),
        wires=("s > n", "n > keep", "keep > c", "c.again > n"), outputs={"v": "{{ keep.all }}"},
    )  # fmt: skip
    spec["nodes"][2]["config"] = {"json": {"all": "{{ (has(keep.all) ? keep.all : []) + [n.text] }}"}}
    assert bare_api.run(spec)["outputs"] == {"v": ["first", "second", "second", "second"]}
    in_system = flow(
        node("n", "llm", prompt="Hi", system='Be kind. x-demo: ["from the system"]'), outputs={"v": "{{ n.text }}"}
    )
    assert bare_api.run(in_system)["outputs"] == {"v": "from the system"}


@pytest.mark.parametrize(
    "schema",
    [
        SCORE,
        {"type": "object", "properties": {"a": {"enum": ["x", "y"]},
            "b": {"type": "array", "items": {"type": "integer", "minimum": 5}, "minItems": 2}}, "required": ["a", "b"]},
        {"type": "object", "properties": {"e": {"type": "string", "format": "email"},
            "d": {"type": "string", "pattern": "^[A-Z]{3}-\\d{2}$"}}, "required": ["e", "d"]},
        {"$defs": {"n": {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"},
        {"type": "array", "items": {"type": "boolean"}, "minItems": 1},
        {"type": "string", "minLength": 10}, {"const": 5}, {"type": "null"}, {},
        {"anyOf": [{"type": "integer", "multipleOf": 7, "minimum": 8}]},
    ],
)  # fmt: skip
def test_the_demo_model_fits_any_schema(bare_api: Client, schema: dict[str, Any]) -> None:
    run = bare_api.run(llm("Judge this", output_schema=schema))
    assert run["status"] == "completed", run["error"]
    assert "data" in run["outputs"]["v"]


def test_scripted_values_are_data_too(bare_api: Client) -> None:
    script = 'x-demo: [{"score": 0.4, "why": "weak"}, {"score": 0.9, "why": "good"}]'
    run = bare_api.run(llm(f"Judge. {script}", output_schema=SCORE))
    assert run["outputs"]["v"]["data"] == {"score": 0.4, "why": "weak"}


def test_scripts_never_reach_a_real_provider(api: Client, models: ModelServer) -> None:
    script = 'x-demo: ["a ] b", {"c": [1]}]'
    api.run(llm(scripted({"text": "ok"}, tag="no-script") + f"\n{script}\nthe end", system=f"System {script} rest"))
    (body,) = asked(models, "no-script")
    assert "x-demo" not in json.dumps(body) and "the end" in json.dumps(body) and "System" in json.dumps(body)


def test_what_is_configured_is_what_is_sent(api: Client, models: ModelServer) -> None:
    spec = flow(
        node("n", "llm", prompt=scripted({"text": "ok"}, tag="config-{{ input.t }}"), system="You are {{ input.t }}",
             model="m-9", temperature=0.25, max_tokens=77, provider="openai"),
        inputs=inputs(t="string"),
    )  # fmt: skip
    assert api.run(spec, t="Tom")["status"] == "completed"
    (body,) = asked(models, "config-Tom")
    assert body["model"] == "m-9" and body["temperature"] == 0.25
    assert 77 in (body.get("max_tokens"), body.get("max_completion_tokens"))
    assert [m["role"] for m in body["messages"]] == ["system", "user"] and body["messages"][0][
        "content"
    ] == "You are Tom"


# Structured output -------------------------------------------------------------------------------------------


def test_structured_output_is_data(api: Client) -> None:
    run = api.run(llm(scripted({"json": {"score": 0.5, "why": "so"}}), output_schema=SCORE))
    assert run["outputs"]["v"]["data"] == {"score": 0.5, "why": "so"}


def test_one_repair_turn_and_no_more(api: Client, models: ModelServer) -> None:
    good, bad = {"json": {"score": 1, "why": "x"}}, {"json": {"score": 7}}
    run = api.run(llm(scripted(bad, good, tag="repair-1"), output_schema=SCORE))
    assert run["outputs"]["v"]["data"] == {"score": 1, "why": "x"}
    bodies = asked(models, "repair-1")
    assert len(bodies) == 2 and len(bodies[1]["messages"]) == len(bodies[0]["messages"]) + 2
    assert [e["type"] for e in api.events(run["id"])].count("model_called") == 2
    run = api.run(llm(scripted(bad, {"text": "no json"}, good, tag="repair-2"), output_schema=SCORE))
    assert run["status"] == "failed" and run["error"]["code"] == "model_bad_output"
    assert len(asked(models, "repair-2")) == 2


# What an endpoint can do to us -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "code", "again"),
    [
        ({"fault": "unauthorized"}, "model_unauthorized", False),
        ({"fault": "forbidden"}, "model_unauthorized", False),
        ({"fault": "refused"}, "model_refused", False),
        ({"fault": "not_found"}, "model_refused", False),
        ({"fault": "rate_limited"}, "model_rate_limited", True),
        ({"fault": "quota"}, "model_rate_limited", False),
        ({"fault": "server_error"}, "model_unavailable", True),
        ({"fault": "unavailable"}, "model_unavailable", True),
        ({"fault": "slow_first"}, "model_timeout", True),
        ({"fault": "stall"}, "model_timeout", True),
        ({"fault": "pings"}, "model_timeout", True),
        ({"fault": "broken_json"}, "model_bad_answer", True),
        ({"fault": "cut"}, "model_bad_answer", True),
        ({"fault": "cut_clean"}, "model_bad_answer", True),
        ({"fault": "error_body"}, "model_bad_answer", True),
        ({"fault": "error_event"}, "model_bad_answer", True),
        ({"fault": "empty"}, "model_bad_answer", True),
        ({"fault": "drop"}, "model_unavailable", True),
    ],
)
def test_a_fault_is_typed_and_retried_as_configured(
    api: Client, models: ModelServer, fault: dict[str, Any], code: str, again: bool
) -> None:
    tag = f"fault-{fault['fault']}"
    spec = llm(scripted(fault, {"text": "Recovered"}, tag=tag))
    spec["nodes"][0]["retry"] = {"attempts": 2, "delay_s": 0}
    run = api.run(spec)
    if again:
        assert run["status"] == "completed" and run["outputs"]["v"]["text"] == "Recovered"
        retry = api.event(run["id"], "node_retry")
        assert retry["payload"]["error"]["code"] == code and len(asked(models, tag)) == 2
    else:
        assert run["status"] == "failed" and run["error"]["code"] == code and run["error"]["node_id"] == "n"
        assert run["error"]["message"] and len(asked(models, tag)) == 1
    assert MODEL_KEY not in json.dumps([run, api.events(run["id"])])


def test_nothing_is_retried_unasked(api: Client, models: ModelServer) -> None:
    run = api.run(llm(scripted({"fault": "server_error"}, {"text": "x"}, tag="once")))
    assert run["status"] == "failed" and run["error"]["code"] == "model_unavailable" and len(asked(models, "once")) == 1


def test_retry_after_of_a_provider_is_heeded(api: Client, models: ModelServer) -> None:
    spec = llm(scripted({"fault": "rate_limited", "retry_after": 1}, {"text": "x"}, tag="patient"))
    spec["nodes"][0]["retry"] = {"attempts": 2, "delay_s": 0}
    run = api.run(spec)
    assert run["status"] == "completed"
    assert api.event(run["id"], "node_retry")["payload"]["delay_s"] >= 1


def test_a_wired_error_port_takes_a_models_failure(api: Client) -> None:
    spec = chain(node("x", "llm", prompt=scripted({"fault": "unauthorized"})), outputs={"v": "{{ x.error.code }}"})
    spec["nodes"].append(node("r", text="{{ x.error.code }}"))
    spec["edges"] = [{"source": "x", "port": "error", "target": "r"}]
    run = api.run(spec)
    assert run["status"] == "completed" and run["outputs"] == {"v": "model_unauthorized"}


def test_the_worker_is_unharmed_by_a_crowd_of_faults(api: Client) -> None:
    faults = ["stall", "broken_json", "cut", "drop", "server_error", "empty", "huge", "error_event"]
    inner = {"nodes": [node("n", "llm", prompt="{{ item }}")], "edges": [], "outputs": {"v": "{{ n.text }}"}}
    spec = flow(
        node("m", "subflow", flow=inner, over="input.l", concurrency=16, on_item_error="collect"),
        inputs=inputs(l="array"), outputs={"v": "{{ m.items }}"},
    )  # fmt: skip
    run = api.run(spec, l=[scripted({"fault": f, "size": 3_000_000}, tag=f"crowd{n}") for n, f in enumerate(faults)])
    assert run["status"] == "completed"
    assert all(item["error"]["code"].startswith("model_") for item in run["outputs"]["v"])
    assert api.run(llm(scripted({"text": "fine"})))["outputs"]["v"]["text"] == "fine"


def test_an_endpoint_that_is_not_there_is_a_typed_failure(nexod: Any, api: Client) -> None:
    run = api.run(
        llm("x", provider="openai", model="")
        | {"nodes": [node("n", "http", url="http://127.0.0.1:9/v1")]}
        | {"outputs": {}}
    )
    assert run["status"] == "failed" and run["error"]["code"]


def test_model_calls_are_in_the_journal(api: Client) -> None:
    run = api.run(llm(scripted({"text": "Hello", "usage": {"input_tokens": 11, "output_tokens": 5}})))
    call = api.event(run["id"], "model_called")
    assert call["node_id"] == "n" and call["key"].startswith("n#1/model:")
    assert call["payload"]["answer"] == "Hello" and call["payload"]["provider"] == "openai"
    assert run["usage"]["input_tokens"] == 11 and run["usage"]["output_tokens"] == 5
