"""The running product under measurement, spoken to over HTTP as a client would."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.running import Nexod


@contextmanager
def product() -> Iterator[Nexod]:
    """With the lease of ordinary use, warmed up."""
    with Nexod(env={"NEXOD_LEASE_S": "15"}) as nexod:
        yield nexod


class Client:
    """One kept-alive connection; plain, so that the client costs as little as possible."""

    def __init__(self, nexod: Nexod, key: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", nexod.port, timeout=70)
        self.headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body)
        self.connection.request(method, f"/api/v1{path}", data, self.headers)
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status < 300, f"{method} {path}: {answer.status} {text[:400]!r}"
        return json.loads(text) if text else None

    def create(self, spec: dict[str, Any]) -> str:
        return self.call("POST", "/workflows", spec)["id"]

    def run(self, workflow: str, wait: float | None = 60) -> dict[str, Any]:
        query = "" if wait is None else f"?wait={wait:g}"
        return self.call("POST", f"/workflows/{workflow}/runs{query}", {"inputs": {"word": "hello"}})


def in_parallel(callers: int, seconds: float, call: Callable[[int], Any]) -> float:
    """Calls per second while `callers` threads call one after the other."""
    counts = [0] * callers
    end = time.perf_counter() + seconds

    def work(mine: int) -> None:
        while time.perf_counter() < end:
            call(mine)
            counts[mine] += 1

    threads = [threading.Thread(target=work, args=(mine,)) for mine in range(callers)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began)
