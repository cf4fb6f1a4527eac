"""d. Runs over HTTP with `?wait=`, durability on: one after the other, and eight callers at once."""

from __future__ import annotations

import time

from bench.flows import chain
from bench.product import Client, in_parallel, product
from bench.table import Row, median

TARGETS = {1: (20, 90), 10: (30, 60), 50: (50, 25)}
"""Nodes: p50 in milliseconds, runs per second."""
CALLERS = 8


def rows() -> list[Row]:
    found: list[Row] = []
    with product() as nexod:
        key = nexod.key()
        clients = [Client(nexod, key) for _ in range(CALLERS)]
        for length, (most, least) in TARGETS.items():
            workflow = clients[0].create(chain(length))
            times = [_timed(clients[0], workflow) for _ in range(65)][5:]
            rate = in_parallel(CALLERS, 8, lambda mine, to=workflow: _checked(clients[mine], to))
            found.append(Row(f"d  {length} nodes, ?wait=, one after the other, p50", median(times), "ms", most=most))
            found.append(Row(f"d  {length} nodes, ?wait=, {CALLERS} callers", rate, "runs/s", least=least))
    return found


def _checked(client: Client, workflow: str) -> None:
    run = client.run(workflow)
    assert run["status"] == "completed", run


def _timed(client: Client, workflow: str) -> float:
    began = time.perf_counter()
    _checked(client, workflow)
    return (time.perf_counter() - began) * 1000
