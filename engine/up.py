"""`nexod up`: the web process and the workers, started together and kept running.

This process has no threads and loads the engines once; workers are forked from it, ready in milliseconds, and share
its memory. It restarts whatever dies, and whatever it started ends when it dies.
"""

from __future__ import annotations

import ctypes
import gc
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

from setproctitle import setproctitle

from engine.settings import BadSetting, Settings
from engine.store.database import Database
from engine.store.migrate import migrate

PAUSE_S = 0.2
"""Between a death and the next birth, so that a child that cannot live does not eat a core."""
STOP_S = 8.0
_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class Child:
    title: str
    body: Callable[[], None]
    pid: int = 0
    due: float = 0.0


Web = Callable[[Callable[[], None]], None]
"""The body of the web process; the argument waits until the database has its schema."""


def run(settings: Settings, web: Web | None = None) -> None:
    """Until SIGTERM or SIGINT."""
    from engine.web import require_build

    setproctitle("nexod up")
    if web is None:
        require_build()
    _port_is_free(settings)
    _Supervisor(settings, web or (lambda ready: _web(settings, ready))).run()


class _Supervisor:
    def __init__(self, settings: Settings, web: Web) -> None:
        self.settings = settings
        self.link = ""
        self.web = Child("nexod web", lambda: web(self._migrated))
        self.workers = [Child("nexod worker", lambda: _worker(settings)) for _ in range(settings.workers)]
        self.stopping = 0
        self._wakeup, self._tell = os.pipe()
        self._gate, self._key = os.pipe()

    def run(self) -> None:
        self._listen()
        self.children = [self.web]
        try:
            # The page takes longest to load, so it begins before there is a database for it.
            self._start(self.web)
            self.link = _sign_in_link(self.settings)
            os.close(self._key)
            self._key = -1
            _preload()
            self.children += self.workers
            while not self.stopping:
                self._tend()
        finally:
            self._stop()

    def _migrated(self) -> None:
        """In the web process: returns when the parent has closed its end of the gate."""
        if self._key >= 0:
            os.close(self._key)
        os.read(self._gate, 1)

    def _listen(self) -> None:
        os.set_blocking(self._tell, False)
        signal.set_wakeup_fd(self._tell, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _noticed)
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._asked_to_stop)

    def _asked_to_stop(self, *_: Any) -> None:
        self.stopping += 1

    def _tend(self) -> None:
        """One round: bury, bear, greet, sleep until something happens."""
        now = time.monotonic()
        for child in self._buried():
            child.due = now + PAUSE_S
        for child in self.children:
            if not child.pid and child.due <= now:
                self._start(child)
        if self.link and _answers(self.settings):
            print(f"Sign in: {self.link}", flush=True)
            self.link = ""
        self._sleep(0.02 if self.link or not all(child.pid for child in self.children) else 1.0)

    def _sleep(self, seconds: float) -> None:
        if select.select([self._wakeup], [], [], seconds)[0]:
            os.read(self._wakeup, 4096)

    def _buried(self) -> list[Child]:
        dead: list[Child] = []
        with suppress(ChildProcessError):
            while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                for child in self.children:
                    if child.pid == pid:
                        child.pid = 0
                        dead.append(child)
        return dead

    def _start(self, child: Child) -> None:
        parent = os.getpid()
        child.pid = os.fork()
        if child.pid == 0:
            _live(child, parent, (self._wakeup, self._tell))

    def _stop(self) -> None:
        self._tell_all(signal.SIGTERM)
        end = time.monotonic() + STOP_S
        while any(child.pid for child in self.children) and time.monotonic() < end and self.stopping < 2:
            self._buried()
            self._sleep(0.05)
        self._tell_all(signal.SIGKILL)
        for child in self.children:
            if child.pid:
                with suppress(ChildProcessError):
                    os.waitpid(child.pid, 0)

    def _tell_all(self, signum: int) -> None:
        for child in self.children:
            if child.pid:
                with suppress(ProcessLookupError):
                    os.kill(child.pid, signum)


def _noticed(signum: int, frame: Any) -> None:
    """Only to be woken: Python tells the wakeup pipe of signals that have a handler."""


def _live(child: Child, parent: int, pipe: tuple[int, int]) -> None:
    """The whole life of a forked process; never returns."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # A Ctrl-C reaches everybody in the terminal; who stops, and how, is the parent's to say.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for end in pipe:
            os.close(end)
        die_with(parent)
        setproctitle(child.title)
        child.body()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def die_with(parent: int) -> None:
    """End this process, in order, when its parent is gone."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STOP_S)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _preload() -> None:
    """What every worker needs, loaded once and kept out of the garbage collector's way."""
    from engine import worker
    from engine.backends import load

    load("langgraph")
    assert worker
    gc.collect()
    gc.freeze()


def _web(settings: Settings, ready: Callable[[], None]) -> None:
    from engine import web

    web.run(settings, ready=ready)


def _worker(settings: Settings) -> None:
    from engine import worker

    worker.run(settings)


def _sign_in_link(settings: Settings) -> str:
    from engine.services.identity import login_link

    with closing(Database.open(settings.database_url)) as db:
        migrate(db)
        return login_link(db, settings.url)


def _port_is_free(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as fault:
            raise BadSetting("PORT", f"{settings.host}:{settings.port} cannot be used ({fault.strerror})") from None


def _answers(settings: Settings) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    try:
        socket.create_connection((host, settings.port), timeout=0.2).close()
    except OSError:
        return False
    return True
