"""b. From the start of a run to its first node, on an idle product: by the times in the journal."""

from __future__ import annotations

import random
import time
from datetime import datetime

from bench.flows import chain
from bench.product import Client, product
from bench.table import Row, median, p95

RUNS = 80


def rows() -> list[Row]:
    with product() as nexod:
        client = Client(nexod, nexod.key())
        workflow = client.create(chain(1))
        delays = [_delay(client, workflow) for _ in range(RUNS + 5)][5:]
    note = f"median {median(delays):.0f} ms"
    return [Row("b  start to first node, idle, p95", p95(delays), "ms", most=100, note=note)]


def _delay(client: Client, workflow: str) -> float:
    """Starts without waiting: whoever waits makes the product look more often."""
    time.sleep(random.uniform(0.15, 0.35))
    run = client.run(workflow, wait=None)["run_id"]
    time.sleep(0.25)
    events = client.call("GET", f"/runs/{run}/events")
    at = {event["type"]: datetime.fromisoformat(event["at"]) for event in reversed(events)}
    return (at["node_started"] - at["run_created"]).total_seconds() * 1000
