"""Real workers for the kill test of crews. The engines are imported once and the workers forked, since each import
would cost seconds; one that is killed is followed by the next at once, as `nexod up` does it."""

from __future__ import annotations

import os
import signal
import sys

from engine import worker
from engine.backends import TARGETS, load
from engine.settings import Settings


def main(workers: int) -> None:
    settings = Settings.read()
    for target in TARGETS:
        load(target)
    running = {fork(settings) for _ in range(workers)}

    def stop(*_: object) -> None:
        for pid in running:
            os.kill(pid, signal.SIGKILL)
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    print("ready", flush=True)
    while True:
        ended, _ = os.wait()
        running.discard(ended)
        running.add(fork(settings))


def fork(settings: Settings) -> int:
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        worker.run(settings)
        os._exit(0)
    return pid


if __name__ == "__main__":
    main(int(sys.argv[1]))
