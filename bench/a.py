"""a. Our durable run against LangGraph with its own SQLite saver in sync mode: same nodes, same machine, turn by turn.

Both commit to a file with `synchronous=FULL`; ours is measured from the claim to the terminal event.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

from bench.flows import chain, text_of
from bench.table import Row, median
from engine import expressions
from engine.runner import Runner
from engine.services import runs, workflows
from engine.store.database import Database
from engine.store.migrate import migrate
from engine.store.models import DEFAULT_WORKSPACE
from engine.store.session import Workspace

ROUNDS = {5: 60, 50: 20}


def rows() -> list[Row]:
    return [row for length, rounds in ROUNDS.items() for row in _compare(length, rounds)]


def _compare(length: int, rounds: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        theirs = Theirs(Path(folder) / "theirs.db", length)
        ours_ms, theirs_ms = asyncio.run(_alternate(Path(folder) / "ours.db", theirs, length, rounds))
        theirs.close()
    ours, other = median(ours_ms), median(theirs_ms)
    note = f"ours {ours:.1f} ms, LangGraph with its saver {other:.1f} ms"
    return [Row(f"a  durable run of {length} nodes, ratio", ours / other, most=0.9, note=note)]


async def _alternate(path: Path, theirs: Theirs, length: int, rounds: int) -> tuple[list[float], list[float]]:
    db = Database.open(f"sqlite:///{path}")
    migrate(db)
    ws = Workspace(db, DEFAULT_WORKSPACE)
    workflow = workflows.create(ws, chain(length))["id"]
    runner = Runner(db, "bench", 60)
    ours_ms, theirs_ms = [], []
    for round_ in range(rounds + 3):
        run = runs.start(ws, workflow, {"word": "hello"})["run_id"]
        began = time.perf_counter()
        await runner.wake(run)
        await _ended(ws, run)
        ours = time.perf_counter() - began
        began = time.perf_counter()
        theirs.run(str(round_))
        other = time.perf_counter() - began
        if round_ >= 3:
            ours_ms.append(ours * 1000)
            theirs_ms.append(other * 1000)
        assert runs.get(ws, run)["status"] == "completed"
    await runner.close()
    db.close()
    return ours_ms, theirs_ms


async def _ended(ws: Workspace, run: str) -> None:
    """The runner looks for work after each run, so it may have claimed this one already."""
    while not (tasks := [task for task in asyncio.all_tasks() if task.get_name() == run]):
        if runs.get(ws, run)["status"] == "completed":
            return
        await asyncio.sleep(0)
    await tasks[0]


class Theirs:
    """What a person would write with LangGraph alone, over the same template engine."""

    def __init__(self, path: Path, length: int) -> None:
        self.conn = sqlite3.connect(path, check_same_thread=False)
        self.conn.execute("pragma journal_mode=wal")
        self.conn.execute("pragma synchronous=full")
        state = TypedDict("State", {"input": dict[str, Any], **{f"n{at}": dict[str, Any] for at in range(length)}})
        graph = StateGraph(state)
        for at in range(length):
            graph.add_node(f"step{at}", _step(at))
            graph.add_edge(f"step{at - 1}" if at else START, f"step{at}")
        graph.add_edge(f"step{length - 1}", END)
        self.app = graph.compile(checkpointer=SqliteSaver(self.conn))

    def run(self, thread: str) -> None:
        config: Any = {"configurable": {"thread_id": thread}, "recursion_limit": 200}
        self.app.invoke({"input": {"word": "hello"}}, config, durability="sync")

    def close(self) -> None:
        self.conn.close()


def _step(at: int) -> Any:
    text = text_of(at)

    def step(state: dict[str, Any]) -> dict[str, Any]:
        return {f"n{at}": {"text": expressions.render(text, state)}}

    return step
