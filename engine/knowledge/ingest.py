"""The ingests of one worker: claims documents while slots are free, keeps their leases, says how they ended.

Beside them one thread does the chores: it forgets what is gone and moves collections. The libraries are loaded at the
first document, not before.
"""

from __future__ import annotations

import importlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from engine.errors import Cancelled, Fenced, NexodError, NodeError
from engine.settings import Settings
from engine.store import chores, revisions
from engine.store import documents as queue
from engine.store.database import Database
from engine.store.documents import Claim

log = logging.getLogger(__name__)
SLOTS = 2
LOOK_S = 0.4
"""How often an idle slot looks for work."""
STUCK_S = 900.0
"""An ingest that says nothing for so long is given up: its lease runs out."""
PAUSES_S = (1.0, 5.0, 20.0, 60.0)
"""Before each further try after a passing fault."""
CHORE_S = (1.0, 5.0, 30.0, 120.0, 600.0)
LATER_S = 1.0
"""How soon a move looks again whether all documents are read: meanwhile no other is begun."""


class Job:
    """A claim that is being worked on. `lost` is set from outside."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.lost = threading.Event()
        self.since = time.monotonic()

    def is_lost(self) -> bool:
        self.since = time.monotonic()
        return self.lost.is_set()

    def is_stuck(self) -> bool:
        return time.monotonic() - self.since > STUCK_S


class Ingester:
    """`slots` documents at a time, each in a thread. `beat` belongs to the worker's heartbeat."""

    def __init__(self, db: Database, settings: Settings, owner: str, lease_s: float, slots: int = SLOTS) -> None:
        self.db, self.settings, self.owner, self.lease_s = db, settings, owner, lease_s
        self._jobs: dict[str, Job] = {}
        self._chore: chores.Chore | None = None
        self._closed = threading.Event()
        self._news = threading.Condition()
        self._threads = [
            threading.Thread(target=self._often, args=(self._take_document,), name=f"ingest-{n}", daemon=True)
            for n in range(slots)
        ] + [threading.Thread(target=self._often, args=(self._take_chore,), name="chores", daemon=True)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """There may be something to do."""
        with self._news:
            self._news.notify_all()

    def alive(self) -> list[Claim]:
        """The claims whose leases are to be renewed."""
        return [job.claim for job in list(self._jobs.values()) if not job.is_stuck()]

    def beat(self) -> None:
        """Renew the leases; what is not ours any more is stopped."""
        claims = self.alive()
        kept = queue.heartbeat(self.db, self.lease_s, claims) if claims else set[str]()
        for claim in claims:
            job = self._jobs.get(claim.id)
            if claim.id not in kept and job is not None and job.claim.epoch == claim.epoch:
                job.lost.set()
        if chore := self._chore:
            chores.heartbeat(self.db, chore, self.lease_s)

    def close(self, grace_s: float = 2.0) -> None:
        """Claim nothing more and give back what is not done by then."""
        self._closed.set()
        self.wake()
        end = time.monotonic() + grace_s
        for job in list(self._jobs.values()):
            while job.claim.id in self._jobs and time.monotonic() < end:
                time.sleep(0.02)
        for job in list(self._jobs.values()):
            job.lost.set()
            queue.release(self.db, job.claim)

    # One thread each ---------------------------------------------------------------------------------------------

    def _often(self, take: Callable[[], bool]) -> None:
        while not self._closed.is_set():
            try:
                if take():
                    continue
            except NexodError as fault:
                log.warning("knowledge: %s", fault)
            except BaseException:
                log.exception("knowledge: a thread broke")
            with self._news:
                self._news.wait(LOOK_S)

    def _take_document(self) -> bool:
        if not queue.due(self.db):
            return False
        # Before the claim: it takes a while, and a lease would run.
        importlib.import_module("engine.knowledge.pipeline")
        claim = queue.claim(self.db, self.owner, self.lease_s)
        if claim is not None:
            self._work(claim)
        return claim is not None

    def _work(self, claim: Claim) -> None:
        job = self._jobs[claim.id] = Job(claim)
        try:
            ingest(self.db, self.settings, job)
        finally:
            self._jobs.pop(claim.id, None)

    def _take_chore(self) -> bool:
        chore = chores.claim(self.db, self.owner, self.lease_s)
        if chore is None:
            return False
        self._chore = chore
        try:
            self._do(chore)
        finally:
            self._chore = None
        return True

    def _do(self, chore: chores.Chore) -> None:
        from engine.knowledge import moving

        try:
            moving.do(self.db, self.settings, chore, self._closed.is_set)
        except Fenced:
            log.info("chore %s is somebody else's now", chore.id)
        except moving.Later:
            chores.again(self.db, chore, LATER_S, failed=False)
        except Exception as fault:
            if not isinstance(fault, NodeError):
                log.exception("chore %s broke", chore.id)
            chores.again(self.db, chore, CHORE_S[min(chore.tries, len(CHORE_S) - 1)])


def ingest(db: Database, settings: Settings, job: Job) -> None:
    """One attempt at a document, whatever comes of it."""
    from engine.knowledge.pipeline import Ingest

    claim = job.claim
    home = queue.home(db, claim.workspace_id, claim.collection_id)
    try:
        if home is None:
            return  # the collection is gone, and the document with it
        Ingest(db, settings, claim, home, job.is_lost).run()
    except (Fenced, Cancelled):
        log.info("document %s is not ours any more", claim.id)
        if home is not None:
            revisions.left_behind(db, claim, home.place)
    except NodeError as fault:
        _ended(db, claim, fault)
    except NexodError as fault:
        log.warning("document %s: %s", claim.id, fault)
        _ended(db, claim, NodeError(fault.message, code=fault.code, hint=fault.hint, retryable=True))
    except Exception as fault:
        log.exception("document %s: reading it broke", claim.id)
        _ended(db, claim, NodeError(f"Reading it broke: {type(fault).__name__}.", code="ingest_failed"))


def _ended(db: Database, claim: Claim, fault: NodeError) -> None:
    error: dict[str, Any] = {"code": fault.code, "message": fault.message, "hint": fault.hint}
    try:
        if fault.retryable and claim.tries < len(PAUSES_S):
            queue.again(db, claim, error, max(PAUSES_S[claim.tries], min(fault.retry_after or 0, 600)))
        else:
            queue.fail(db, claim, error)
    except Fenced:
        log.info("document %s is not ours any more", claim.id)
    except NexodError as lost:  # the database does not answer: the lease runs out, somebody tries again
        log.warning("document %s: %s", claim.id, lost)


def wait(
    db: Database, settings: Settings, workspace_id: str, document_id: str, stopped: Callable[[], bool]
) -> dict[str, Any]:
    """{document_id, title, status, chunks} once it can be searched. Raises NodeError when it cannot be read. This
    thread does the work when no worker does."""
    while not stopped():
        found = outcome(db, workspace_id, document_id)
        if found is not None:
            return found
        lend_a_hand(db, settings, (workspace_id, document_id), stopped)
        time.sleep(LOOK_S / 2)
    raise Cancelled


def outcome(db: Database, workspace_id: str, document_id: str) -> dict[str, Any] | None:
    """What `wait` waits for; None as long as it is not there."""
    state = queue.state(db, workspace_id, document_id)
    if state is None:
        raise NodeError("Somebody deleted the document.", code="document_deleted")
    if state.status == "ready":
        return {"document_id": document_id, "title": state.title, "status": "ready", "chunks": state.chunks}
    if state.status == "failed":
        error = state.error or {}
        raise NodeError(
            str(error.get("message")), code=str(error.get("code")), hint=str(error.get("hint") or ""),
            document_id=document_id,
        )  # fmt: skip
    return None


_HANDS = threading.BoundedSemaphore(SLOTS)


def lend_a_hand(db: Database, settings: Settings, document: tuple[str, str], stopped: Callable[[], bool]) -> None:
    """Do it here if nobody has begun, and not too many do so in this process."""
    if _HANDS.acquire(blocking=False):
        try:
            _help(db, settings, document, stopped)
        finally:
            _HANDS.release()


def _help(db: Database, settings: Settings, document: tuple[str, str], stopped: Callable[[], bool]) -> None:
    claim = queue.claim(db, f"step:{threading.get_ident()}", settings.lease_s, document)
    if claim is None:
        return
    job, done = Job(claim), threading.Event()

    def beat() -> None:
        while not done.wait(settings.lease_s / 3):
            if stopped() or not queue.heartbeat(db, settings.lease_s, [claim]):
                job.lost.set()

    threading.Thread(target=beat, name="step-heartbeat", daemon=True).start()
    try:
        ingest(db, settings, job)
    finally:
        done.set()
        if stopped():
            queue.release(db, claim)
