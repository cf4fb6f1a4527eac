"""Workers are killed at random and at named instants while they read documents. Each document is found wholly or not
at all, at every moment, and nothing is left behind. The same check finds faults as soon as fence or flip are taken
out."""

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
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.errors import Conflict
from engine.failpoint import INGEST
from engine.services import collections, documents
from engine.settings import Settings
from engine.store.database import Database, Statement
from engine.store.migrate import migrate
from engine.store.models import DEFAULT_WORKSPACE
from engine.store.session import Workspace
from tests.running import ROOT, free_port

LEASE_S = 2.0
KILLS = 50
POINTS = {
    "ingest_claimed": 0.04, "ingest_fetched": 0.2, "ingest_read": 0.04, "ingest_embedded": 0.015,
    "ingest_stored": 0.05, "ingest_flipping": 0.05, "ingest_flipped": 0.05, "ingest_forgetting": 0.06,
}  # fmt: skip
_CHUNKS = Statement("select id, document_id, n, text from chunk order by document_id, n")
_DOCUMENTS = Statement("select id, status, live, revision, chunks, file_key, error from document")
_VECTORS = Statement("select id from vector_item where length(data) > 0")
_SEARCHED = Statement(
    "select v.id from vector_item v join collection c on v.collection_id = c.space where length(data) > 0"
)
_CHORES = Statement("select count(*) from chore")


@dataclass
class Siege:
    """Workers under fire, what was asked of them, and what was seen."""

    folder: Path
    seed: int
    failpoints: str = ""
    without: str = ""
    workers: int = 3
    points: Counter[str] = field(default_factory=Counter[str])
    killed: int = 0
    looks: int = 0
    moves: int = 0
    faults: list[str] = field(default_factory=list[str])
    wanted: dict[str, str] = field(default_factory=dict[str, str])
    """Document → the mark of the text that is to be found in the end."""
    marks: dict[str, int] = field(default_factory=dict[str, int])
    """Mark → how many paragraphs its text has."""

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.pages: dict[str, bytes] = {}
        self.site = ThreadingHTTPServer(("127.0.0.1", 0), partial(Page, self.pages))
        threading.Thread(target=self.site.serve_forever, daemon=True).start()
        self.env = {
            "NEXOD_EGRESS_ALLOW": f"127.0.0.1:{self.site.server_port}",
            "NEXOD_DATA": str(self.folder), "NEXOD_WORKERS": str(self.workers), "NEXOD_LEASE_S": str(LEASE_S),
            "PORT": str(free_port()), "NEXOD_FAILPOINT": self.failpoints, "NEXOD_KILL_WITHOUT": self.without,
        }  # fmt: skip
        self.settings = Settings.read(self.env)
        self.db = Database.open(self.settings.database_url)
        migrate(self.db)
        self.ws = Workspace(self.db, DEFAULT_WORKSPACE)
        body = {"name": "Books", "chunk_size": 240, "chunk_overlap": 0}
        self.collection = collections.create(self.ws, self.settings, body)["id"]

    def __enter__(self) -> Siege:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.engine.knowledge.killing"], cwd=ROOT, env=os.environ | self.env,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.log: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()
        assert self.process.stdout and "Sign in" in self.process.stdout.readline(), "".join(self.log[-40:])
        return self

    def __exit__(self, *_: object) -> None:
        for child in self.children():
            child.resume()
        self.process.terminate()
        self.process.wait(20)
        self.site.shutdown()
        self.site.server_close()
        self.db.close()

    # What is asked of them ---------------------------------------------------------------------------------------

    def put(self, name: str, mark: str, paragraphs: int) -> str:
        """A text whose every passage says which version it is of. Some lie on the web."""
        lines = [
            f"{mark} has a paragraph of number {n}, and it says {self.chance.random()}." for n in range(paragraphs)
        ]
        text = "\n\n".join(line + " It goes on." * 11 for line in lines)
        self.marks[mark] = paragraphs
        if name.startswith("page"):
            self.pages[f"/{name}"] = text.encode()
            body = {"url": f"http://127.0.0.1:{self.site.server_port}/{name}"}
            id_ = documents.add(self.ws, self.settings, self.collection, body)["document_id"]
        else:
            id_ = documents.add_file(self.ws, self.settings, self.collection, name, "", text.encode())["document_id"]
        self.wanted[id_] = mark
        return id_

    def delete(self, id_: str) -> None:
        documents.delete(self.ws, id_)
        del self.wanted[id_]

    def move(self) -> None:
        """All of it into another place of the store, while everything goes on."""
        self.moves += 1
        with suppress(Conflict):
            collections.move(self.ws, self.settings, self.collection, {"embedding": "hashing"})

    def some(self) -> int:
        return self.chance.randint(20, 400)

    def again(self) -> None:
        """As an operator would: what was given up is tried again."""
        for row in self._rows():
            if row.status == "failed":
                assert json.loads(row.error)["code"] == "ingest_lost", row.error
                documents.retry(self.ws, row.id)

    def left(self) -> int:
        """What is not done yet."""
        with self.db.read() as conn:
            waiting = sum(row.status != "ready" for row in _DOCUMENTS(conn))
            return waiting + _CHORES(conn).scalar_one()

    # Doing harm --------------------------------------------------------------------------------------------------

    def children(self) -> list[psutil.Process]:
        found = psutil.Process(self.process.pid).children()
        return [child for child in found if " ".join(_words(child)).startswith("nexod worker")]

    def kill(self) -> None:
        for child in self.chance.sample(found := self.children(), min(1, len(found))):
            os.kill(child.pid, signal.SIGKILL)
            self.killed += 1

    def freeze(self) -> psutil.Process:
        """The one worker stands still, but not inside a commit: SQLite's one lock would stop everybody with it."""
        (child,) = self.children()
        while True:
            child.suspend()
            probe = sqlite3.connect(self.db.engine.url.database or "", timeout=0.2, isolation_level=None)
            try:
                probe.execute("begin immediate")
                return child
            except sqlite3.OperationalError:
                child.resume()
            finally:
                probe.close()

    # What may be seen --------------------------------------------------------------------------------------------

    def look(self) -> None:
        """At any moment: whole or absent."""
        self.looks += 1
        with self.db.read() as conn:
            chunks, rows = _CHUNKS(conn).all(), {row.id: row for row in _DOCUMENTS(conn)}
            vectors = {row.id for row in _SEARCHED(conn)}
        found: dict[str, list[Any]] = defaultdict(list)
        for chunk in chunks:
            found[chunk.document_id].append(chunk)
        for id_, mine in found.items():
            marks = {chunk.text.split()[0] for chunk in mine}
            if len(marks) != 1:
                self.faults.append(f"{id_} is found in several versions: {marks}")
            elif (of := self.marks[marks.pop()]) != len(mine) or [chunk.n for chunk in mine] != list(range(of)):
                self.faults.append(f"{id_} is half there: {len(mine)} of {of} passages")
            if id_ not in rows or not rows[id_].live:
                self.faults.append(f"{id_} has passages, and may not be found")
            if lost := [chunk.id for chunk in mine if chunk.id not in vectors]:
                self.faults.append(f"{id_} has {len(lost)} passages without vector")
        for id_, row in rows.items():
            if row.live and id_ not in found:
                self.faults.append(f"{id_} may be found, and has no passages")

    def inspect(self) -> list[str]:
        """In the end: exactly what was asked for, and nothing left behind."""
        self.look()
        with self.db.read() as conn:
            chunks, rows = _CHUNKS(conn).all(), self._rows()
            vectors = [row.id for row in _VECTORS(conn)]
            searched = {row.id for row in _SEARCHED(conn)}
        faults = list(dict.fromkeys(self.faults))
        if {row.id for row in rows} != set(self.wanted):
            faults.append("the documents are not those that were added")
        faults += [f"{row.id} is {row.status}" for row in rows if row.status != "ready"]
        for id_, mark in self.wanted.items():
            there = {chunk.text.split()[0] for chunk in chunks if chunk.document_id == id_}
            if there != {mark}:
                faults.append(f"{id_} should be {mark}, and is {there}")
        ids = {chunk.id for chunk in chunks}
        if len(vectors) != len(ids) or set(vectors) != ids:
            faults.append(f"{len(vectors) - len(ids)} vectors are left behind: {sorted(set(vectors) - ids)[:3]}")
        if missing := ids - searched:
            faults.append(f"{len(missing)} passages have no vector")
        home = self.folder / "files"
        files = {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}
        if files != {row.file_key for row in rows}:
            faults.append(f"files left behind: {files ^ {row.file_key for row in rows}}")
        return faults

    def _rows(self) -> list[Any]:
        with self.db.read() as conn:
            return list(_DOCUMENTS(conn).all())

    def _listen(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.log.append(line)
            if line.startswith("failpoint "):
                self.points[line.split()[1]] += 1


class Page(BaseHTTPRequestHandler):
    """What lies on the web."""

    def __init__(self, pages: dict[str, bytes], *args: Any) -> None:
        self.pages = pages
        super().__init__(*args)

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(self.pages[self.path])

    def log_message(self, *_: object) -> None:
        pass


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def besiege(siege: Siege, files: int, kills: int, seconds: float) -> None:
    """Files come, change and go while workers die; until all is done, or there is a fault."""
    began = due = time.monotonic()
    number, names = 0, dict[str, str]()
    while time.monotonic() < began + seconds:
        if number < files:
            name = f"{'page' if number % 3 == 0 else 'file'}-{number}.txt"
            names[name] = siege.put(name, f"v1-{number}", siege.some())
            number += 1
            name = siege.chance.choice(list(names))
            if siege.chance.random() < 0.3:
                siege.put(name, f"v{number + 1}-{name}", siege.some())
            elif siege.chance.random() < 0.2:
                siege.delete(names.pop(name))
            if number in (files // 3, files // 2, files):
                siege.move()
        if time.monotonic() > due and siege.killed + siege.points.total() < kills:
            due = time.monotonic() + siege.chance.uniform(0.2, 0.7)
            siege.kill()
        siege.look()
        siege.again()
        if siege.faults or (number == files and siege.moves and not siege.left()):
            return
        time.sleep(0.1)


def test_killed_at_any_instant_each_document_is_whole_or_absent(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert set(POINTS) == set(INGEST)
    failpoints = ",".join(f"{name}:{chance}" for name, chance in POINTS.items())
    began = time.monotonic()
    with Siege(tmp_path, random.randrange(10**6), failpoints) as siege:
        besiege(siege, files=50, kills=KILLS + 15, seconds=400)
        faults = siege.inspect()
    with capsys.disabled():
        points = " ".join(f"{name.removeprefix('ingest_')} {siege.points[name]}" for name in POINTS)
        print(
            f"\ningest kill test, seed {siege.seed}, {time.monotonic() - began:.0f} s: {len(siege.marks)} texts,"
            f" {len(siege.wanted)} documents in the end, {siege.moves} moves, 3 workers, lease {LEASE_S:g} s\n"
            f"  kill -9: {siege.killed} at random, {siege.points.total()} at points ({points});"
            f" {siege.looks} looks, {len(faults)} faults"
        )
        for fault in faults[:20]:
            print("  !", fault)
    assert faults == []
    assert siege.killed + siege.points.total() >= KILLS


def test_without_the_flip_the_same_check_goes_red(tmp_path: Path):
    with Siege(tmp_path, 1, "ingest_flipping:0.02", "flip") as siege:
        besiege(siege, files=30, kills=0, seconds=60)
        assert any("half there" in fault or "no passages" in fault for fault in siege.faults)


@pytest.mark.parametrize("without", ["", "fence"])
def test_who_lost_the_right_changes_nothing(without: str, tmp_path: Path):
    """A worker stands still in the middle of a document; a new version comes in; then it goes on as if nothing had
    been. Without the fence the check goes red."""
    with Siege(tmp_path, 2, without=without, workers=1) as siege:
        id_ = siege.put("book.txt", "old", 2000)
        while documents.get(siege.ws, id_)["stage"] != "embedding":
            time.sleep(0.01)
        frozen = siege.freeze()
        assert documents.get(siege.ws, id_)["stage"] == "embedding"
        siege.put("book.txt", "new", 50)
        with Helper(siege):
            while documents.get(siege.ws, id_)["status"] != "ready" or siege.left():
                time.sleep(0.05)
            assert siege.inspect() == []
            frozen.resume()
            end = time.monotonic() + (120 if without else 10)
            while time.monotonic() < end and not (without and siege.inspect()):
                siege.look()
                time.sleep(0.2)
            end = time.monotonic() + 30
            while not without and siege.inspect() and time.monotonic() < end:
                time.sleep(0.2)
        assert bool(siege.inspect()) == bool(without), siege.faults


class Helper:
    """A second worker process, never frozen."""

    def __init__(self, siege: Siege) -> None:
        self.siege = siege

    def __enter__(self) -> Helper:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "engine", "worker"], cwd=ROOT, env=os.environ | self.siege.env,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(20)
