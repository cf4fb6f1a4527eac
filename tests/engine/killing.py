"""What the kill test kills: `nexod up` with its real workers, and a clerk in the place of the web.

The clerk admits the runs and answers the questions by the same services as REST. It is killed like everybody else
and then begins again: idempotency keys and the state of the approvals say what is done.

`NEXOD_KILL_WITHOUT=fence` or `journal` takes that out, to show that the test would notice.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from engine import up
from engine.errors import NexodError
from engine.journal import Journal
from engine.queue import Queue
from engine.services import approvals, doorbell, runs
from engine.services.identity import SCOPES, Actor
from engine.settings import Settings
from engine.store import ledger
from engine.store.database import Database, Statement
from engine.store.models import DEFAULT_WORKSPACE
from engine.store.session import Workspace

CLERK = Actor(DEFAULT_WORKSPACE, "clerk", frozenset(SCOPES))


def clerk(settings: Settings, orders: list[dict[str, Any]], ready: Callable[[], None]) -> None:
    ready()
    listener = socket.create_server((settings.host, settings.port))
    db = Database.open(settings.database_url)
    doorbell.hang(db, Queue.open(settings))
    ws = Workspace(db, DEFAULT_WORKSPACE)
    for number, order in enumerate(orders):
        known = runs.rows.remembered
        with db.read() as conn:
            repeated = known(conn, ws.id, "runs", f"run-{number}")
        runs.start(ws, order["workflow_id"], order["inputs"], f"run-{number}")
        if not repeated:
            time.sleep(order["pause_s"])
        attend(ws)
    while True:
        attend(ws)
        time.sleep(0.05)
    listener.close()


def attend(ws: Workspace) -> None:
    """Answer what is asked; let go on what was quarantined, as an operator would."""
    for asked in approvals.list_(ws, "pending")["items"]:
        try:
            approvals.decide(ws, asked["id"], {"decision": "approve", "hash": asked["hash"]}, CLERK)
        except NexodError as fault:
            assert fault.status in (409, 410), fault
    for run in runs.list_(ws, status="needs_review")["items"]:
        runs.resolve(ws, run["id"], {"node_id": None, "action": "repeat"})


def without_fence() -> None:
    for attempt, expect, forgive in list(ledger._TAKES):
        ledger._TAKES[attempt, expect, forgive] = Statement(
            ledger._TAKE.format(
                fence="", forgive=", lost_in_a_row = 0" if forgive else "",
                expect=" and next_seq = :expect" if expect else "",
            )
        )  # fmt: skip


def without_journal() -> None:
    read = Journal.__init__

    def forget(self: Journal, events: Any, append: Any) -> None:
        read(self, [event for event in events if event.type not in ("node_started", "node_completed")], append)

    Journal.__init__ = forget


if __name__ == "__main__":
    {"": lambda: None, "fence": without_fence, "journal": without_journal}[os.environ.get("NEXOD_KILL_WITHOUT", "")]()
    settings = Settings.read()
    orders = json.loads(sys.argv[1])
    up.run(settings, lambda ready: clerk(settings, orders, ready))
