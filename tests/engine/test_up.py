from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.running import ROOT, free_port

WORKERS = 2


class Up:
    def __init__(self, data: Path) -> None:
        self.port = free_port()
        env = {"PORT": str(self.port), "NEXOD_DATA": str(data), "NEXOD_WORKERS": str(WORKERS), "NEXOD_LEASE_S": "2"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.engine.small_up"], cwd=ROOT, env=os.environ | env,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout
        self.first_line = self.process.stdout.readline()
        until(lambda: len(self.children("nexod worker")) == WORKERS)

    def children(self, title: str = "") -> dict[int, str]:
        found = {}
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                words = " ".join(child.cmdline()).strip()
            except psutil.Error:
                continue
            if title in words and child.status() != psutil.STATUS_ZOMBIE:
                found[child.pid] = words
        return found

    def answers(self) -> bool:
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=2).read() == b"hello"
        except OSError:
            return False


def until(fact: Callable[[], Any], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    up = Up(tmp_path)
    yield up
    if up.process.poll() is None:
        up.process.terminate()
        up.process.wait(20)


def test_the_first_line_is_the_sign_in_link_and_the_page_answers(up: Up):
    assert up.first_line.startswith(f"Sign in: http://127.0.0.1:{up.port}/login?token=")
    assert up.answers()


def test_processes_are_told_apart_by_their_command_line(up: Up):
    assert sorted(up.children().values()) == ["nexod web", *["nexod worker"] * WORKERS]
    assert " ".join(psutil.Process(up.process.pid).cmdline()).strip() == "nexod up"


def test_whatever_dies_is_replaced_as_often_as_it_dies(up: Up):
    for title in ("nexod worker", "nexod web", "nexod worker", "nexod worker"):
        before = up.children(title)
        victim, number = min(before), len(before)
        os.kill(victim, signal.SIGKILL)
        until(lambda title=title, n=number, victim=victim: len({*up.children(title)} - {victim}) == n)
    until(up.answers)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_leaves_nobody_behind(up: Up, signum: int):
    children = list(up.children())
    up.process.send_signal(signum)
    assert up.process.wait(20) == 0
    assert not any(psutil.pid_exists(pid) for pid in children)


def test_children_end_when_their_parent_is_killed(up: Up):
    children = list(up.children())
    up.process.kill()
    up.process.wait()
    until(lambda: not any(psutil.pid_exists(pid) and _alive(pid) for pid in children))


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def test_a_port_in_use_is_said_at_once(up: Up, tmp_path: Path):
    env = os.environ | {"PORT": str(up.port), "NEXOD_DATA": str(tmp_path / "second")}
    second = subprocess.run(
        [sys.executable, "-m", "tests.engine.small_up"], cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert second.returncode != 0
    assert f"PORT: 127.0.0.1:{up.port} cannot be used" in second.stderr


def test_data_of_a_first_start_is_kept_private(up: Up, tmp_path: Path):
    assert tmp_path.stat().st_mode & 0o077 == 0
