"""Workers, and the process that admits and answers, are killed at random and at named instants. Nothing is lost,
nothing is done twice. The same check finds faults as soon as fence or journal are taken out."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.events import TERMINAL
from engine.failpoint import NAMES
from engine.services import workflows
from engine.settings import Settings
from engine.store import ledger
from engine.store.database import Database, Statement
from engine.store.migrate import migrate
from engine.store.models import DEFAULT_WORKSPACE
from engine.store.session import Workspace
from tests.engine.harness import chain
from tests.running import ROOT, free_port
from tests.world.sink import Sink

LEASE_S = 2.0
KILLS = 70
POINTS = {
    "after_admit": 0.025, "before_doorbell": 0.02, "after_dequeue": 0.015, "after_claim": 0.01, "in_node": 0.006,
    "after_effect": 0.006, "after_record": 0.01, "after_pause": 0.08, "after_answer": 0.08, "after_terminal": 0.02,
}  # fmt: skip
_STATES = Statement("select run_id, epoch, state from run_queue where owner like :owner and state = 'running'")
_EPOCH = Statement("select epoch, state from run_queue where run_id = :run_id")
_LEFT = Statement("select count(*) from run where completed_at is null")
_RUNS = Statement("select id, status, inputs, outputs from run")


@dataclass
class Siege:
    """One product under fire, and what was seen of it."""

    folder: Path
    sink: Sink
    runs: int
    seed: int
    approvals: bool = True
    pause_s: float = 0.3
    failpoints: str = ""
    without: str = ""
    servers: dict[str, str] = field(default_factory=dict)
    points: Counter[str] = field(default_factory=Counter)
    killed: int = 0
    frozen: int = 0
    thaw: float = 0.0
    reclaims: list[float] = field(default_factory=list)
    victims: dict[tuple[str, int], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.port = free_port()
        self.env = {
            "NEXOD_DATA": str(self.folder), "NEXOD_WORKERS": "3", "NEXOD_LEASE_S": str(LEASE_S),
            "NEXOD_EGRESS_ALLOW": f"127.0.0.1:{self.sink.port}", "PORT": str(self.port),
            "NEXOD_FAILPOINT": self.failpoints, "NEXOD_KILL_WITHOUT": self.without,
            **self.servers,
        }  # fmt: skip
        self.db = Database.open(Settings.read(self.env).database_url)
        migrate(self.db)

    def __enter__(self) -> Siege:
        ws = Workspace(self.db, DEFAULT_WORKSPACE)
        plain = workflows.create(ws, self._workflow(asks=False))["id"]
        asking = workflows.create(ws, self._workflow(asks=True))["id"]
        orders = [
            {
                "workflow_id": asking if self.approvals and n % 4 == 0 else plain,
                "inputs": {"n": n, "hold": round(self.chance.uniform(0.05, 0.6), 3)},
                "pause_s": round(self.chance.uniform(0.02, self.pause_s), 3),
            }
            for n in range(self.runs)
        ]  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.engine.killing", json.dumps(orders)], cwd=ROOT,
            env=os.environ | self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.log: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()
        assert self.process.stdout and "Sign in" in self.process.stdout.readline(), "".join(self.log[-40:])
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(20)
        self.db.close()

    def _workflow(self, asks: bool) -> dict[str, Any]:
        def effect(id_: str) -> dict[str, Any]:
            body = {"run": "{{ run.id }}", "node": id_}
            query = {"hold_s": "{{ input.hold }}"}
            url = f"{self.sink.origin}/{id_}"
            return {"id": id_, "kind": "http", "config": {"url": url, "method": "POST", "body": body, "query": query}}

        review = {"id": "middle", "kind": "approval", "config": {"question": "Number {{ input.n }}?"}}
        text = {"id": "middle", "kind": "template", "config": {"text": "{{ first.body.key }}"}}
        spec = chain(
            {"id": "take", "kind": "template", "config": {"text": "Number {{ input.n }}"}},
            effect("first"),
            review if asks else text,
            effect("second"),
            {"id": "last", "kind": "template", "config": {"text": "{{ take.text }} done"}},
        )
        for edge in spec["edges"]:
            if asks and edge["source"] == "middle":
                edge["port"] = "approved"
        fields = {"n": {"type": "integer"}, "hold": {"type": "number"}}
        return {
            "nexod": 1, "name": "asks" if asks else "plain", **spec,
            "inputs": {"type": "object", "properties": fields, "required": ["n", "hold"]},
            "outputs": {"first": "{{ first.body.key }}", "second": "{{ second.body.key }}", "last": "{{ last.text }}"},
        }  # fmt: skip

    # Doing harm ------------------------------------------------------------------------------------------------

    def children(self, title: str) -> list[psutil.Process]:
        found = psutil.Process(self.process.pid).children()
        return [child for child in found if " ".join(_words(child)).startswith(title)]

    def kill(self, title: str = "nexod worker") -> None:
        """One process of that kind, at whatever it is doing."""
        for child in self.chance.sample(found := self.children(title), min(1, len(found))):
            held = self._held(child.pid)
            if not _sent(child, signal.SIGKILL):
                continue
            at = time.monotonic()
            self.killed += 1
            for run in self._held(child.pid) & held:
                self.victims[run] = at

    def freeze(self, seconds: float) -> None:
        """One worker stands still until its leases are lost, then goes on as if nothing had been. One at a time:
        somebody must be there to take over."""
        if time.monotonic() < self.thaw:
            return
        self.thaw = time.monotonic() + seconds + 1
        for child in self.chance.sample(found := self.children("nexod worker"), min(1, len(found))):
            if not _sent(child, signal.SIGSTOP):
                continue
            if self._someone_can_write():
                self.frozen += 1
                threading.Timer(seconds, _go_on, (child,)).start()
            else:
                _go_on(child)

    def _someone_can_write(self) -> bool:
        """False when a worker was frozen inside a commit: SQLite's one lock would stop all the others with it."""
        if not self.db.sqlite:
            return True
        probe = sqlite3.connect(self.db.engine.url.database or "", timeout=0.5, isolation_level=None)
        try:
            probe.execute("begin immediate")
            return True
        except sqlite3.OperationalError:
            return False
        finally:
            probe.close()

    def watch(self) -> None:
        """Note when runs of the killed are with somebody else."""
        with self.db.read() as conn:
            for (run_id, epoch), at in list(self.victims.items()):
                row = _EPOCH(conn, run_id=run_id).one()
                if row.epoch > epoch or row.state in ("review", "ended"):
                    if row.state != "review":
                        self.reclaims.append(time.monotonic() - at)
                    del self.victims[run_id, epoch]

    def left(self) -> int:
        with self.db.read() as conn:
            admitted = _RUNS(conn).all()
            return self.runs - len(admitted) + _LEFT(conn).scalar_one()

    def _held(self, pid: int) -> set[tuple[str, int]]:
        with self.db.read() as conn:
            return {(row.run_id, row.epoch) for row in _STATES(conn, owner=f"%:{pid}:%")}

    def _listen(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.log.append(line)
            if line.startswith("failpoint "):
                self.points[line.split()[1]] += 1

    # What became of it -----------------------------------------------------------------------------------------

    def faults(self) -> list[str]:
        """Everything that must not be. Empty is good."""
        with self.db.read() as conn:
            found = _RUNS(conn).all()
        faults = [f"{len(found)} runs were admitted instead of {self.runs}"] if len(found) != self.runs else []
        numbers = Counter(json.loads(run.inputs)["n"] for run in found)
        faults += [f"run {n} was admitted {times} times" for n, times in numbers.items() if times > 1]
        keys = self._keys()
        for run in found:
            faults += [f"{run.id}: {fault}" for fault in self._faults_of(run, keys)]
        strangers = {run_id for run_id, _ in keys} - {run.id for run in found}
        return faults + [f"the sink knows {run_id}, we do not" for run_id in strangers]

    def faults_beyond_time(self) -> list[str]:
        """Faults that no waiting will mend, while the runs are still going on."""
        return [fault for fault in self.faults() if "gaps" in fault or "times" in fault]

    def _faults_of(self, run: Any, keys: dict[tuple[str, str], set[str]]) -> list[str]:
        journal = ledger.read_events(self.db, run.id)
        types = [event.type for event in journal]
        faults = [] if run.status == "completed" else [f"is {run.status}, not completed: {types[-6:]}"]
        if [event.seq for event in journal] != list(range(len(journal))):
            faults.append("its journal has gaps")
        if any(type_ in TERMINAL for type_ in types[:-1]):
            faults.append(f"it goes on several times after its end: {types[-6:]}")
        recorded = Counter(event.key for event in journal if event.type == "node_completed")
        faults += [f"{key} is recorded {times} times" for key, times in recorded.items() if times > 1]
        asked = Counter(event.key for event in journal if event.type == "approval_requested")
        faults += [f"{key} is asked {times} times" for key, times in asked.items() if times > 1]
        outputs = json.loads(run.outputs or "{}")
        for node in ("first", "second"):
            if keys[run.id, node] != {outputs.get(node)}:
                faults.append(f"{node} was done as {keys[run.id, node]}, recorded as {outputs.get(node)}")
        return faults

    def _keys(self) -> dict[tuple[str, str], set[str]]:
        """The idempotency keys under which each effect reached the outside: it is done once for each."""
        keys: dict[tuple[str, str], set[str]] = defaultdict(set)
        for effect in self.sink.effects:
            body = json.loads(effect["body"])
            keys[body["run"], body["node"]].add(effect["key"])
        return keys


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _sent(child: psutil.Process, signum: int) -> bool:
    """False if it has died meanwhile, at one of the named points."""
    try:
        os.kill(child.pid, signum)
    except ProcessLookupError:
        return False
    return True


def _go_on(process: psutil.Process) -> None:
    if process.is_running():
        process.resume()


@pytest.fixture
def sink():
    with Sink() as sink:
        yield sink


def test_killed_at_any_instant_nothing_is_lost_and_nothing_done_twice(
    tmp_path: Path, sink: Sink, capsys: pytest.CaptureFixture[str]
):
    assert set(POINTS) == set(NAMES)
    failpoints = ",".join(f"{name}:{chance}" for name, chance in POINTS.items())
    began = time.monotonic()
    with Siege(tmp_path, sink, runs=220, seed=random.randrange(10**6), failpoints=failpoints) as siege:
        due = time.monotonic()
        while siege.left() and time.monotonic() - began < 300:
            # On a slow machine kills at this pace would leave no time to work: enough is enough.
            if time.monotonic() > due and siege.killed < KILLS:
                due = time.monotonic() + siege.chance.uniform(0.4, 1.1)
                siege.freeze(LEASE_S + 2) if siege.chance.random() < 0.08 else siege.kill()
                if siege.chance.random() < 0.1:
                    siege.kill("nexod web")
            siege.watch()
            time.sleep(0.05)
        faults = siege.faults()
    with capsys.disabled():
        report(siege, faults, time.monotonic() - began)
    assert faults == []
    assert siege.killed + siege.points.total() >= 60
    assert quantile(siege.reclaims, 0.95) <= LEASE_S + 2


@pytest.mark.parametrize("without", ["fence", "journal"])
def test_the_same_check_goes_red(without: str, tmp_path: Path, sink: Sink):
    with Siege(tmp_path, sink, runs=400, pause_s=0.15, seed=1, approvals=False, without=without) as siege:
        end = time.monotonic() + 60
        while time.monotonic() < end and not siege.faults_beyond_time():
            siege.freeze(LEASE_S + 1.5) if without == "fence" else siege.kill()
            time.sleep(1.5)
        assert siege.faults_beyond_time()


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)] if values else 0.0


def report(siege: Siege, faults: list[str], seconds: float) -> None:
    at_points = " ".join(f"{name} {siege.points[name]}" for name in NAMES)
    lost = sum("not completed" in fault or "admitted instead" in fault for fault in faults)
    requests = len(siege.sink.effects)
    print(
        f"\nkill test, seed {siege.seed}, {seconds:.0f} s: {siege.runs} runs of 5 nodes, 3 workers,"
        f" lease {LEASE_S:g} s\n"
        f"  kill -9: {siege.killed} at random, {siege.points.total()} at points ({at_points}); {siege.frozen} frozen\n"
        f"  lost {lost}, other faults {len(faults) - lost}; sink: {requests} requests,"
        f" {len(siege.sink.counts())} effects of {2 * siege.runs}\n"
        f"  reclaimed {len(siege.reclaims)}: p50 {quantile(siege.reclaims, 0.5):.2f} s,"
        f" p95 {quantile(siege.reclaims, 0.95):.2f} s, most {max(siege.reclaims, default=0):.2f} s"
    )
    for fault in faults[:20]:
        print("  !", fault)
