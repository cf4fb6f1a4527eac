"""What may leave the machine, and what may never be written down."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.contracts.client import Client
from tests.contracts.conftest import BOUND, CANARY, MODEL_KEY
from tests.contracts.flows import chain, flow, inputs, node
from tests.running import Nexod
from tests.world.sink import Sink

# Egress ------------------------------------------------------------------------------------------------------

PRIVATE = [
    "http://127.0.0.1/", "http://localhost/", "http://LOCALHOST./", "http://127.1/", "http://0/", "http://0.0.0.0/",
    "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/", "http://0x7f.1/", "http://[::1]/", "http://[::]/",
    "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/",
    "http://[fc00::1]/", "http://[fe80::1]/", "http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.1.1/",
    "http://100.64.0.1/", "http://169.254.169.254/latest/meta-data/", "http://metadata.google.internal/",
    "http://[::ffff:a9fe:a9fe]/", "http://224.0.0.1/", "http://255.255.255.255/", "http://user:pass@127.0.0.1/",
    "http://127.0.0.1:80\\@example.com/", "http://①②⑦.⓪.⓪.①/", "http://localtest.me.localhost/", "ftp://example.com/",
    "file:///etc/passwd", "gopher://127.0.0.1/", "http://8.8.8.8:22/", "https://8.8.8.8:8443/", "//127.0.0.1/",
    "http:///x", "javascript:alert(1)", "http://127.0.0.1%00.example.com/", "http://127。0。0。1/",
]  # fmt: skip


def test_private_addresses_are_refused_in_every_spelling(bare_api: Client) -> None:
    inner = {"nodes": [node("h", "http", url="{{ item }}")], "edges": []}
    spec = flow(
        node("m", "subflow", flow=inner, over="input.urls", on_item_error="collect", concurrency=16),
        inputs=inputs(urls="array"), outputs={"v": "{{ m.items }}"},
    )  # fmt: skip
    run = bare_api.run(spec, urls=PRIVATE)
    assert run["status"] == "completed", run["error"]
    codes = {url: item["error"]["code"] for url, item in zip(PRIVATE, run["outputs"]["v"], strict=True)}
    allowed_elsewhere = {"http://metadata.google.internal/", "http://localtest.me.localhost/"}
    wrong = {u: c for u, c in codes.items() if c != "egress_refused" and u not in allowed_elsewhere}
    assert not wrong
    assert all(codes[u] in ("egress_refused", "http_connection") for u in allowed_elsewhere)


def test_a_refused_address_is_a_typed_failure_of_its_step(bare_api: Client, sink: Sink) -> None:
    run = bare_api.run(flow(node("h", "http", url=f"{sink.origin}/refused")))
    assert run["status"] == "failed"
    assert (run["error"]["code"], run["error"]["node_id"]) == ("egress_refused", "h") and run["error"]["message"]
    spec = flow(node("h", "http", url=f"{sink.origin}/refused", method="POST"), node("r", text="{{ h.error.code }}"),
                wires=("h.error > r",), outputs={"v": "{{ r.text }}"})  # fmt: skip
    assert bare_api.run(spec)["outputs"] == {"v": "egress_refused"}
    assert not [e for e in sink.effects if e["path"] == "/refused"]


def test_a_redirect_is_checked_again(nexod: Nexod, api: Client) -> None:
    from tests.world.server import Handler, World

    class Lure(World):
        def answer(self, call: Handler) -> None:
            call.reply(302, {}, {"Location": "http://169.254.169.254/latest/"})

    with Lure() as lure:
        run = api.run(flow(node("h", "http", url=f"{lure.origin}/")))
    assert run["status"] == "failed" and run["error"]["code"] == "egress_refused"


def test_leave_to_call_models_is_no_leave_for_steps(tmp_path: Path, bare_api: Client) -> None:
    """The allow-list of one purpose opens nothing for another."""
    from tests.world.models import ModelServer

    with ModelServer() as elsewhere:
        run = bare_api.run(flow(node("h", "http", url=f"{elsewhere.url}/models")))
        assert run["error"]["code"] == "egress_refused" and not elsewhere.requests


# Secrets -----------------------------------------------------------------------------------------------------


def secret(name: str) -> dict[str, str]:
    return {"$secret": name}


def test_a_secret_reaches_its_own_host_in_every_place(api: Client, sink: Sink) -> None:
    spec = flow(
        node("h", "http", url=f"{sink.origin}/secret/all", method="POST",
            auth={"type": "bearer", "token": secret("CANARY")},
             headers={"X-Key": secret("CANARY")}, query={"k": secret("CANARY")},
             body={"deep": [{"k": secret("CANARY")}]}),
        node("b", "http", url=f"{sink.origin}/secret/basic",
            auth={"type": "basic", "username": "u", "password": secret("CANARY")}),
    )  # fmt: skip
    run = api.run(spec)
    assert run["status"] == "completed", run["error"]
    (all_,) = [e for e in sink.effects if e["path"] == "/secret/all"]
    assert all_["headers"]["authorization"] == f"Bearer {CANARY}" and all_["headers"]["x-key"] == CANARY
    assert json.loads(all_["body"]) == {"deep": [{"k": CANARY}]}
    (basic,) = [e for e in sink.effects if e["path"] == "/secret/basic"]
    assert base64.b64decode(basic["headers"]["authorization"].removeprefix("Basic ")).decode() == f"u:{CANARY}"


def test_a_secret_is_never_sent_to_another_host(api: Client, sink: Sink) -> None:
    for config in (
        {"auth": {"type": "bearer", "token": secret("BOUND")}}, {"headers": {"X": secret("BOUND")}},
        {"query": {"x": secret("BOUND")}},
        {"method": "POST", "body": {"x": secret("BOUND")}},
    ):  # fmt: skip
        run = api.run(flow(node("h", "http", url=f"{sink.origin}/bound", **config)))
        assert run["status"] == "failed" and run["error"]["code"] == "secret_refused", run["error"]
    assert not [e for e in sink.effects if e["path"] == "/bound"]


def test_a_secret_that_is_not_there_is_a_typed_failure(api: Client, sink: Sink) -> None:
    run = api.run(flow(node("h", "http", url=f"{sink.origin}/none", headers={"X": secret("NOWHERE")})))
    assert run["status"] == "failed" and run["error"]["code"] in ("missing_secret", "secret_refused")


@pytest.mark.parametrize("name", ["canary", "A-B", "", "A B", "../X", "CANARY_HOSTS"])
def test_a_secrets_name_is_plain(api: Client, sink: Sink, name: str) -> None:
    spec = flow(node("h", "http", url=f"{sink.origin}/", headers={"X": secret(name)}))
    response = api.raw("POST", "/workflows", json=spec)
    if response.status_code == 201:
        run = api.run(response.json()["id"])
        assert run["status"] == "failed" and "127.0.0.1" not in (run["error"]["message"] or "")


def spellings(value: str) -> set[str]:
    return {
        value, quote(value, safe=""), quote(value), base64.b64encode(value.encode()).decode(),
        base64.urlsafe_b64encode(value.encode()).decode().rstrip("="), json.dumps(value)[1:-1],
        base64.b64encode(f"u:{value}".encode()).decode()[3:-4], value.encode().hex(),
    }  # fmt: skip


def test_no_secret_is_ever_written_down(nexod: Nexod, api: Client, sink: Sink) -> None:
    """Echoed by the other side, typed in as input, comment and prefill, put into errors: the canary is nowhere."""
    echo = f"{sink.origin}/canary"
    spec = chain(
        node("echo", "http", url=echo, method="POST", headers={"Idempotency-Key": secret("CANARY")},
            body=secret("CANARY")),
        node("t", text="{{ echo.body.key }} and {{ input.typed }} and {{ input.encoded }}"),
        node("ask", "approval", question="{{ input.typed }}",
            content={"x": "{{ t.text }}", "{{ 1 }}": "{{ input.typed }}"}, data={"x": "{{ input.typed }}"}),
        node("f", "fail", message="{{ input.typed }} {{ ask.comment }}"),
        inputs=inputs(typed="string", encoded="string"),
    )  # fmt: skip
    spec["edges"][-1]["port"] = "approved"
    run = api.run(spec, typed=f"It is {CANARY}!", encoded=base64.b64encode(CANARY.encode()).decode())
    assert run["status"] == "waiting", run["error"]
    decided = api.decide(api.asked(run), comment=f"{CANARY} {MODEL_KEY}", data={"x": CANARY, CANARY: 1})
    run = api.done(run["id"])
    assert run["status"] == "failed"
    fork = api.post(
        f"/runs/{run['id']}/fork",
        {"seq": api.event(run["id"], "node_completed", "t")["seq"], "outputs": {"t": {"text": CANARY}}},
        202,
    )
    forked = api.status(fork["run_id"], "waiting")
    shown = [
        run,
        decided,
        api.events(run["id"]),
        forked,
        api.events(forked["id"]),
        api.get("/approvals"),
        api.get("/runs"),
    ]
    export = api.raw("GET", f"/workflows/{run['workflow_id']}/export").text
    everything = json.dumps(shown, ensure_ascii=False) + json.dumps(shown) + export + "".join(nexod.output)
    for value in (CANARY, BOUND, MODEL_KEY):
        assert not [one for one in spellings(value) if one in everything]
    for path in Path(nexod.data).rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not [
                one for value in (CANARY, BOUND, MODEL_KEY) for one in spellings(value) if one.encode() in data
            ], path


def test_a_workflow_that_names_secrets_shows_only_names(api: Client, sink: Sink) -> None:
    made = api.post("/workflows", flow(node("h", "http", url=f"{sink.origin}/x", headers={"X": secret("CANARY")})), 201)
    assert made["spec"]["nodes"][0]["config"]["headers"] == {"X": {"$secret": "CANARY"}}
    run = api.run(made["id"])
    started = api.event(run["id"], "node_started")
    assert CANARY not in json.dumps(started)


def test_the_environment_of_the_server_is_no_input(api: Client) -> None:
    for text in ("{{ env.HOME }}", "{{ secrets.CANARY }}", "{{ run.env }}", "{{ process }}"):
        response = api.raw("POST", "/workflows", json=flow(node("n", text=text)))
        if response.status_code == 201:
            assert api.run(response.json()["id"])["status"] == "failed"


def test_import_opens_no_socket_and_starts_no_process(api: Client, nexod: Nexod, sink: Sink) -> None:
    before = len(sink.effects)
    spec = flow(
        node("h", "http", url=f"{sink.origin}/inert"), node("m", "llm", prompt="x"),
        inputs={"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"type": "string"}}},
    )  # fmt: skip
    children = subprocess.run(
        ["pgrep", "-c", "-P", str(nexod.process.pid)], capture_output=True, text=True, check=False
    ).stdout
    for _ in range(5):
        api.post("/workflows/import", spec, 201)
    after = subprocess.run(
        ["pgrep", "-c", "-P", str(nexod.process.pid)], capture_output=True, text=True, check=False
    ).stdout
    assert len(sink.effects) == before and children == after


def header_names(response: Any) -> set[str]:
    return {name.lower() for name in response.headers}


def test_answers_carry_the_headers_that_browsers_heed(api: Client) -> None:
    response = api.raw("GET", "/workflows")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "server" not in header_names(response) or "python" not in response.headers["server"].lower()
    page = api.http.get(f"{api.origin}/", follow_redirects=True)
    policy = page.headers["content-security-policy"]
    assert "unsafe-eval" not in policy and "script-src 'self'" in policy
