"""What a hostile file may do to its reader, and what is left of that: a typed error, and no process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from engine.documents import extract as module
from engine.documents.extract import extract
from engine.documents.limits import DEFAULT
from engine.errors import Cancelled, NodeError

ROOT = Path(__file__).resolve().parents[3]
SHORT = replace(DEFAULT, seconds=1, memory_mb=300, output_mb=1)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "CHILD", "tests.engine.documents.bad_child")
    monkeypatch.setattr(module, "STARTING_S", 1.5)
    path = tmp_path / "file"
    path.write_text("x")
    return path


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No process, no zombie, no open file, whatever happened."""
    before = set(psutil.Process().children(recursive=True))
    files = len(os.listdir("/proc/self/fd"))
    readers = set(reading_processes())
    yield
    assert set(psutil.Process().children(recursive=True)) <= before
    assert len(os.listdir("/proc/self/fd")) == files
    until(lambda: set(reading_processes()) <= readers)


def reading_processes() -> list[int]:
    found = []
    for process in psutil.process_iter(["cmdline", "ppid"]):
        line = process.info["cmdline"] or []
        if "tests.engine.documents.bad_child" in line and str(os.getpid()) in line:
            found.append(process.pid)
    return found


def until(fact: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not fact():
        assert time.monotonic() < end
        time.sleep(0.02)


def fault(path: Path, name: str) -> NodeError:
    with pytest.raises(NodeError) as raised:
        extract(path, name, limits=SHORT)
    assert raised.value.message and raised.value.hint
    return raised.value


@pytest.mark.parametrize(
    ("what", "code", "told"),
    [
        ("sleep", "document_timeout", "1 seconds"),
        ("spin", "document_timeout", "1 seconds"),
        ("linger", "document_timeout", "1 seconds"),
        ("swallow", "document_too_large", "300 MB"),
        ("swallow_in_c", "document_too_large", "300 MB"),
        ("flood", "document_too_large", "1 MB"),
        ("crash", "document_broken", "crash"),
        ("abort", "document_broken", "crash"),
    ],
)
def test_what_it_does_becomes_an_error(file: Path, what: str, code: str, told: str):
    error = fault(file, what)
    assert error.code == code
    assert told in error.message


def test_processor_time_counts_too(file: Path, monkeypatch: pytest.MonkeyPatch):
    """It is the kernel that counts it: also when whoever waits has other things to do."""
    monkeypatch.setattr(module, "STARTING_S", 600)
    end = time.monotonic() + 60
    with pytest.raises(NodeError, match="1 seconds") as raised:
        extract(file, "spin", limits=SHORT, cancelled=lambda: time.monotonic() > end)
    assert raised.value.code == "document_timeout"


def test_it_cannot_fill_the_disk(file: Path):
    left = ROOT / "left-behind"
    try:
        assert fault(file, "write").code == "document_broken"
        assert left.stat().st_size == 0
    finally:
        left.unlink(missing_ok=True)


def test_what_a_library_prints_is_not_the_answer(file: Path):
    assert extract(file, "chatter").sections[0].text == "done"


def test_what_it_started_ends_with_it(file: Path):
    assert extract(file, "breed", limits=SHORT).sections[0].text == "done"


def test_it_has_no_secrets_and_no_input(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert extract(file, "environment").sections[0].text == "LC_ALL PATH PYTHONDONTWRITEBYTECODE b''"


def test_it_stops_as_soon_as_it_is_not_wanted(file: Path):
    wanted = threading.Event()
    threading.Timer(0.5, wanted.set).start()
    with pytest.raises(Cancelled):
        extract(file, "sleep", cancelled=wanted.is_set)


def test_a_fault_of_the_asker_ends_it_too(file: Path):
    def cancelled() -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        extract(file, "sleep", cancelled=cancelled)


def test_a_machine_that_is_full_is_no_fault_of_the_file(file: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", full)
    error = fault(file, "chatter")
    assert error.retryable and "temporarily" in error.message


def test_many_at_once_do_not_disturb_each_other(file: Path):
    files = len(os.listdir("/proc/self/fd"))
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(extract, file, name, "", SHORT) for name in ("chatter", "crash", "sleep", "chatter")]
        faults = [one.exception() for one in asked]
    assert [getattr(one, "code", None) for one in faults] == [None, "document_broken", "document_timeout", None]
    assert len(os.listdir("/proc/self/fd")) == files


def test_it_ends_with_its_parent(file: Path):
    """`kill -9`: nobody is left to stop it."""
    code = (
        "from engine.documents import extract as m; m.CHILD = 'tests.engine.documents.bad_child'; "
        f"m.extract({str(file)!r}, 'sleep')"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    try:
        children: list[psutil.Process] = []

        def started() -> bool:
            children[:] = psutil.Process(parent.pid).children()
            return bool(children) and "SigIgn:\t0000000000000000" not in status(children[0].pid)

        until(started)
    finally:
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    until(lambda: not children[0].is_running() or children[0].status() == psutil.STATUS_ZOMBIE)


def status(pid: int) -> str:
    try:
        # Python ignores SIGPIPE and SIGXFSZ from its start; the reader ignores more when it has begun.
        return Path(f"/proc/{pid}/status").read_text().replace("SigIgn:\t0000000001001000", "SigIgn:\t0000000000000000")
    except OSError:
        return "SigIgn:\t0000000000000000"
