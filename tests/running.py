"""The whole product as a person starts it: `nexod up` on a free port with data of its own."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def chromium() -> str:
    return next(path for path in CHROMIUM if Path(path).exists())


@dataclass
class Nexod:
    """One running product. `env` adds to the environment; `data` outlives a restart."""

    data: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="nexod-")))
    env: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    sign_in: str = ""
    answered_s: float = 0.0
    """From the command to the first 200."""
    output: list[str] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        ours = {"PORT": str(self.port), "NEXOD_DATA": str(self.data), "NEXOD_LEASE_S": "2"}
        return os.environ | ours | self.env

    def __enter__(self) -> Nexod:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, seconds: float = 240) -> None:
        """Returns when the page answers and the sign-in link is printed."""
        self.output.clear()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "engine", "up"],
            cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=self._listen, daemon=True).start()
        began, self.answered_s = time.monotonic(), 0.0
        while not (self.answered_s and self._link()):
            if not self.answered_s and self.answers():
                self.answered_s = time.monotonic() - began
            if self.process.poll() is not None or time.monotonic() > began + seconds:
                self.stop()
                raise RuntimeError("nexod up did not start:\n" + "".join(self.output[-60:]))
            time.sleep(0.01)

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def cli(self, *args: str, check: bool = True) -> str:
        """What `nexod ARGS` prints."""
        done = subprocess.run(
            [sys.executable, "-m", "engine", *args], cwd=ROOT, env=self.environment, capture_output=True, text=True
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout.strip()

    def key(self, *scopes: str) -> str:
        return self.cli("keys", "create", "--name", "test", *(part for scope in scopes for part in ("--scope", scope)))

    def answers(self) -> bool:
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"{self.url}/api/v1/health", timeout=2).status == 200
        return False

    def _listen(self) -> None:
        assert self.process and self.process.stdout
        self.output.extend(iter(self.process.stdout.readline, ""))

    def _link(self) -> bool:
        found = re.search(r"^Sign in: (\S+)", "".join(self.output), re.M)
        self.sign_in = found[1] if found else ""
        return bool(found)
