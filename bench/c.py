"""c. From the commit of an event to a client subscribed by server-sent events; both read the same clock."""

from __future__ import annotations

import http.client
import json
import time
from datetime import datetime

from bench.flows import chain
from bench.product import Client, product
from bench.table import Row, median, p95
from tests.running import Nexod

RUNS = 40


def rows() -> list[Row]:
    with product() as nexod:
        key = nexod.key()
        client = Client(nexod, key)
        workflow = client.create(waiting_chain())
        delays = [delay for _ in range(RUNS) for delay in _watch(nexod, key, client, workflow)]
    note = f"median {median(delays):.0f} ms, {len(delays)} events"
    return [Row("c  commit of an event to a subscribed client, p95", p95(delays), "ms", most=150, note=note)]


def waiting_chain() -> dict[str, object]:
    """A pause in front, so that the client is subscribed before the rest happens."""
    spec = chain(8)
    spec["nodes"].append({"id": "pause", "kind": "wait", "config": {"seconds": 0.3}})
    spec["edges"].append({"source": "pause", "port": "out", "target": "n0"})
    return spec


def _watch(nexod: Nexod, key: str, client: Client, workflow: str) -> list[float]:
    run = client.run(workflow, wait=None)["run_id"]
    stream = http.client.HTTPConnection("127.0.0.1", nexod.port, timeout=30)
    headers = {"Authorization": f"Bearer {key}", "Accept": "text/event-stream"}
    stream.request("GET", f"/api/v1/runs/{run}/events", headers=headers)
    answer = stream.getresponse()
    subscribed, delays = time.time(), []
    while line := answer.readline():
        if not line.startswith(b"data:"):
            continue
        event, now = json.loads(line[5:]), time.time()
        committed = datetime.fromisoformat(event["at"]).timestamp() if "at" in event else 0
        if committed > subscribed:
            delays.append((now - committed) * 1000)
    stream.close()
    return delays
