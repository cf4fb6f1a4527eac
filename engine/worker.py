"""A worker process: runs what the queue holds until told to stop, and sweeps up after those that were killed.

One event loop drives the runs. Beside it: a thread that renews leases whatever the loop is doing, and Huey's, which
hears the doorbell.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import random
import signal
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress

from uuid_utils import uuid7

from engine.backends import load
from engine.bell import IDLE_S, Bell
from engine.errors import NexodError
from engine.knowledge.ingest import Ingester
from engine.queue import Queue
from engine.runner import Runner
from engine.settings import Settings
from engine.store import ledger
from engine.store.database import Database
from engine.store.sweep import sweep
from engine.store.workers import gone, seen

log = logging.getLogger(__name__)
SWEEP_S = 0.3
SEEN_S = 5.0
WATCH_S = 1.0
BREATH_S = 1.0
STUCK_S = 10.0
"""How long the event loop may stand still, unless two leases are longer."""
GRACE_S = 4.0
"""How long running steps may go on after a worker was told to stop."""


def run(settings: Settings) -> None:
    """Until SIGTERM or SIGINT. A second signal ends it at once."""
    asyncio.run(Worker(settings).main())


class Worker:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid7()}"
        self.db = Database.open(settings.database_url)
        self.queue = Queue.open(settings)
        self._stopping = asyncio.Event()
        self._stopped = threading.Event()
        self._wakes: set[asyncio.Task[None]] = set()

    async def main(self) -> None:
        self.loop = asyncio.get_running_loop()
        load("langgraph")  # before the first claim: the import costs seconds, and a lease would run meanwhile
        for signum in (signal.SIGTERM, signal.SIGINT):
            if signal.getsignal(signum) is not signal.SIG_IGN:
                self.loop.add_signal_handler(signum, self.stop)
        self.bell = Bell.open(self.settings, self.db)
        self.runner = Runner(self.db, self.owner, self.settings.lease_s, self.settings.slots, self.settings)
        self.ingester = Ingester(self.db, self.settings, self.owner, self.settings.lease_s)
        self.ingester.start()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
        self.queue.listen(self._rung)
        watching = [
            asyncio.create_task(self._often(SWEEP_S, self._sweep)),
            asyncio.create_task(self._often(SEEN_S, self._seen)),
            asyncio.create_task(self._often(BREATH_S, self._breathe)),
            asyncio.create_task(self._watch()),
        ]
        try:
            await self._stopping.wait()
        finally:
            await asyncio.to_thread(self.queue.close)
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
            await asyncio.gather(self.runner.close(GRACE_S), asyncio.to_thread(self.ingester.close, GRACE_S))
            faulthandler.cancel_dump_traceback_later()
            self._stopped.set()
            self.bell.close()
            with suppress(NexodError):  # the mark grows old by itself as well
                gone(self.db, self.owner)
            self.db.close()

    def stop(self) -> None:
        if self._stopping.is_set():
            os._exit(1)
        self._stopping.set()

    def _rung(self, run_id: str) -> None:
        with suppress(RuntimeError):  # the loop is gone, the sweep of another worker will do
            self.loop.call_soon_threadsafe(self._wake, run_id)

    def _wake(self, run_id: str | None) -> None:
        task = self.loop.create_task(self.runner.wake(run_id))
        self._wakes.add(task)
        task.add_done_callback(self._woken)

    def _woken(self, task: asyncio.Task[None]) -> None:
        self._wakes.discard(task)
        if not task.cancelled() and (fault := task.exception()):
            log.warning("no run could be claimed: %s", fault)

    # The heart ---------------------------------------------------------------------------------------------------

    def _beat(self) -> None:
        """In a thread: a step that blocks the loop must not cost the other runs their leases."""
        while not self._stopped.wait(self.settings.lease_s / 3):
            try:
                self._renew()
            except NexodError as fault:
                log.warning("leases were not renewed: %s", fault)

    def _renew(self) -> None:
        mine = self.runner.alive()
        if mine:
            kept = ledger.heartbeat(self.db, self.owner, self.settings.lease_s, mine)
            for lost in (run for run in mine if run[0] not in kept):
                self.loop.call_soon_threadsafe(self._lose, lost)
        self.ingester.beat()

    def _lose(self, lost: tuple[str, int]) -> None:
        # In between the run may have ended, or come back to us as a new attempt.
        if lost in self.runner.alive():
            self.runner.fence(lost[0])

    # What others want --------------------------------------------------------------------------------------------

    async def _often(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """`work` again and again, not in step with the other workers."""
        while True:
            try:
                await work()
            except NexodError as fault:
                log.warning("%s: %s", work.__name__.strip("_"), fault)
            await asyncio.sleep(seconds * random.uniform(0.7, 1.3))

    async def _seen(self) -> None:
        await asyncio.to_thread(seen, self.db, self.owner)

    async def _breathe(self) -> None:
        """An expression that computes for ever holds this loop, and Python's lock with it: only C code can end the
        process then, so that its runs go to others and the guilty one is quarantined."""
        faulthandler.dump_traceback_later(max(STUCK_S, 2 * self.settings.lease_s), exit=True)

    async def _sweep(self) -> None:
        swept = await asyncio.to_thread(sweep, self.db)
        await self.runner.wake()
        if swept.ring:
            await asyncio.to_thread(self._pass_on, swept.ring)

    def _pass_on(self, run_ids: list[str]) -> None:
        """Ring for what this worker had no slot for."""
        if ledger.has_queued(self.db):
            for run_id in run_ids:
                self.queue.ring(run_id)

    async def _watch(self) -> None:
        """Runs of ours that somebody asked to cancel."""
        while True:
            mark = self.bell.mark()
            try:
                for run_id in await asyncio.to_thread(ledger.cancel_requested, self.db, self.owner):
                    self.runner.cancel(run_id)
            except NexodError as fault:
                log.warning("cancel requests were not read: %s", fault)
                await asyncio.sleep(WATCH_S)
            await self.bell.wait(WATCH_S, since=mark, pace_s=IDLE_S)
            await asyncio.sleep(IDLE_S)
