"""A child whose reader does what a hostile file might make it do: the name of the file says what."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from pathlib import Path

from engine.documents import Extracted, Section, Web, child, reading
from engine.documents.limits import Limits


def sleep() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(600)


def spin() -> None:
    while True:
        pass


def swallow() -> None:
    kept = []
    while True:
        kept.append(bytearray(10_000_000))


def swallow_in_c() -> None:
    """As a library does that ends the process when it gets no memory."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    while place := libc.malloc(ctypes.c_size_t(10_000_000)):
        ctypes.memset(place, 1, 10_000_000)
    time.sleep(0.5)
    os.abort()


def crash() -> None:
    ctypes.string_at(0)


def abort() -> None:
    os.abort()


def chatter() -> None:
    os.write(1, b"noise")
    os.write(2, b"noise")
    print("noise", flush=True)


def write() -> None:
    Path("left-behind").write_text("x")


def breed() -> None:
    """Leaves a process behind that outlives it."""
    if os.fork() == 0:
        os.closerange(3, 64)
        time.sleep(600)


def linger() -> None:
    """Holds the pipe open after its parent has answered."""
    if os.fork() == 0:
        time.sleep(600)


def read(data: bytes, name: str, content_type: str, limits: Limits, web: Web | None) -> Extracted:
    text = "done"
    if name == "flood":
        text = "x" * (limits.output_mb * 1024 * 1024 + 1)
    elif name == "environment":
        text = " ".join(sorted(os.environ)) + " " + str(os.read(0, 10))
    else:
        globals()[name]()
    return Extracted("text", name, (Section(text),))


if __name__ == "__main__":
    reading.read = read
    child.main()
