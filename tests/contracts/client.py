"""A caller of the REST API that knows the contract's words and nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Self

import httpx

Json = dict[str, Any]
ENDED = ("completed", "failed", "cancelled")


class Client:
    def __init__(self, url: str, key: str | None = None, **headers: str) -> None:
        if key:
            headers["Authorization"] = f"Bearer {key}"
        self.origin = url
        self.http = httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=75)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    # Plain requests --------------------------------------------------------------------------------------------

    def get(self, path: str, status: int = 200, **more: Any) -> Any:
        return self.send("GET", path, status, **more)

    def post(self, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
        return self.send("POST", path, status, **({"json": body} if body is not None else {}), **more)

    def send(self, method: str, path: str, status: int, **more: Any) -> Any:
        """The answer's JSON. An error must be in the one envelope."""
        response = self.http.request(method, path, **more)
        assert response.status_code == status, f"{method} {path}: {response.status_code} {response.text[:600]}"
        if status == 204:
            assert not response.content
            return None
        found = response.json()
        if status >= 400:
            envelope(found)
        return found

    def raw(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self.http.request(method, path, **more)

    # What people do with it ------------------------------------------------------------------------------------

    def key(self, *scopes: str, name: str = "test") -> str:
        """A key with these scopes, with all of them if none is named."""
        return self.post("/keys", {"name": name} | ({"scopes": scopes} if scopes else {}), 201)["key"]

    def create(self, spec: Json) -> str:
        return self.post("/workflows", spec, 201)["id"]

    def start(self, spec: Json | str, _wait: float | None = None, _key: str | None = None, **inputs: Any) -> Json:
        workflow_id = spec if isinstance(spec, str) else self.create(spec)
        path = f"/workflows/{workflow_id}/runs"
        headers = {"Idempotency-Key": _key} if _key else {}
        response = self.http.post(
            path, json={"inputs": inputs}, headers=headers, params={} if _wait is None else {"wait": _wait}
        )
        assert response.status_code in (200, 202), response.text
        return response.json()

    def run(self, spec: Json | str, **inputs: Any) -> Json:
        """The run, once it has ended, waits for a person or needs review."""
        return self.start(spec, 60, **inputs)

    def done(self, run_id: str, seconds: float = 30) -> Json:
        """The run once it has ended."""
        return self.until(run_id, lambda run: run["status"] in ENDED, seconds)

    def until(self, run_id: str, so: Callable[[Json], Any], seconds: float = 30) -> Json:
        end = time.monotonic() + seconds
        while not so(run := self.get(f"/runs/{run_id}")):
            assert time.monotonic() < end, run
            time.sleep(0.02)
        return run

    def status(self, run_id: str, *wanted: str, seconds: float = 30) -> Json:
        return self.until(run_id, lambda run: run["status"] in wanted, seconds)

    def events(self, run_id: str) -> list[Json]:
        """The whole journal: gapless from 0."""
        found: list[Json] = []
        while page := self.get(f"/runs/{run_id}/events", params={"after": found[-1]["seq"]} if found else {}):
            found += page
        assert [event["seq"] for event in found] == list(range(len(found)))
        return found

    def event(self, run_id: str, type: str, node_id: str | None = None, seconds: float = 30) -> Json:
        """The first event of a kind, as soon as it is there."""
        end = time.monotonic() + seconds
        while True:
            for event in self.events(run_id):
                if event["type"] == type and node_id in (None, event["node_id"]):
                    return event
            assert time.monotonic() < end, f"no {type} of {node_id}"
            time.sleep(0.02)

    def asked(self, run: Json) -> Json:
        """The one open question of a run."""
        (approval_id,) = run["waiting_for"]
        return self.get(f"/approvals/{approval_id}")

    def decide(self, approval: Json, decision: str = "approve", status: int = 200, **more: Any) -> Any:
        body = {"decision": decision, "hash": approval["hash"], **more}
        return self.post(f"/approvals/{approval['id']}", body, status)

    def refused(self, spec: Any, *codes: str, status: int = 422) -> list[Json]:
        """The problems for which a spec is refused; nothing is stored."""
        found = self.post("/workflows", spec, status)["error"]["details"]
        errors = {problem["code"] for problem in found if problem["severity"] == "error"}
        assert errors >= set(codes), found
        return found

    def stream(self, run_id: str, last: int | None = None, seconds: float = 30, **params: Any) -> list[Json]:
        """A run's server-sent events until the server closes: `{"id"?, "event"?, "data"}`."""
        headers = {"Accept": "text/event-stream"} | ({} if last is None else {"Last-Event-ID": str(last)})
        found: list[Json] = []
        with self.http.stream("GET", f"/runs/{run_id}/events", headers=headers, params=params, timeout=seconds) as got:
            assert got.status_code == 200 and got.headers["content-type"].startswith("text/event-stream")
            message: Json = {}
            for line in got.iter_lines():
                name, _, text = line.partition(":")
                if not line and "data" in message:
                    found.append(message | {"data": json.loads(message["data"])})
                if not line:
                    message = {}
                elif name:
                    message[name] = text.removeprefix(" ")
        return found


def envelope(body: Any) -> Json:
    """The one shape of an error."""
    assert set(body) == {"error"}, body
    error = body["error"]
    assert isinstance(error["code"], str) and isinstance(error["message"], str) and error["message"], body
    assert isinstance(error["request_id"], str) and error["request_id"], body
    assert isinstance(error["details"], list), body
    for problem in error["details"]:
        is_problem(problem)
    return error


def is_problem(problem: Any) -> None:
    assert set(problem) >= {"code", "severity", "node_id", "field", "message", "hint"}, problem
    assert problem["severity"] in ("error", "warning") and isinstance(problem["message"], str), problem
