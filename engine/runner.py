"""A worker's runs: claims one for each free slot, plays attempts until the run ends or waits, and says so.

Knows backends and the store; the process around it (heartbeat, sweep, queue) is `worker.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import Any

from engine import failpoint, llm
from engine.backends import load
from engine.backends.attempt import Attempt
from engine.backends.context import digest
from engine.backends.protocol import Backend, Program
from engine.backends.run import Run
from engine.errors import Cancelled, Fenced, NodeError
from engine.events import Event, NewEvent, rfc3339
from engine.journal import Journal
from engine.knowledge.desk import Desk
from engine.live import Live
from engine.plan import Plan, build
from engine.settings import Settings
from engine.spec import read
from engine.store import ledger
from engine.store.database import Database
from engine.writer import Writer

log = logging.getLogger(__name__)
KEPT_PLANS = 64


class Runner:
    """`slots` runs at a time. All methods belong to one event loop, but `alive`, which any thread may call."""

    def __init__(
        self, db: Database, owner: str, lease_s: float, slots: int = 32, settings: Settings | None = None
    ) -> None:
        self.db, self.owner, self.lease_s, self.slots = db, owner, lease_s, slots
        self.settings = settings
        self.writer = Writer(db)
        self.live = Live(db)
        self._runs: dict[str, tuple[ledger.Claim, Run | None, asyncio.Task[None]]] = {}
        self._plans: OrderedDict[str, tuple[Plan, Backend, dict[int, Program]]] = OrderedDict()
        self._claiming = 0
        self._engine = "langgraph"
        self._closed = False
        self.writer.start()

    async def wake(self, run_id: str | None = None) -> None:
        """Claim that run, or with None whatever is due, while slots are free."""
        while not self._closed and len(self._runs) + self._claiming < self.slots:
            self._claiming += 1
            try:
                claimed = await asyncio.to_thread(self._claim, run_id)
            finally:
                self._claiming -= 1
            if claimed is None:
                if await self._loads_more():
                    continue
                return
            claim, events = claimed
            task = asyncio.create_task(self._drive(claim, events), name=claim.run_id)
            self._runs[claim.run_id] = (claim, None, task)
            if run_id is not None:
                return

    async def _loads_more(self) -> bool:
        """Import CrewAI when a queued run needs it: before its claim, since a lease would run meanwhile."""
        if self._engine == "crewai" or not await asyncio.to_thread(ledger.wanted, self.db, "crewai"):
            return False
        await asyncio.to_thread(load, "crewai")
        self._engine = "crewai"
        return True

    def cancel(self, run_id: str) -> None:
        """Stop a run that a person cancelled."""
        self._stop(run_id, Cancelled())

    def fence(self, run_id: str) -> None:
        """Stop an attempt whose lease is lost."""
        self._stop(run_id, Fenced())

    def alive(self) -> list[tuple[str, int]]:
        """(run, epoch) of the leases to renew: a run with a step past its deadline is left out."""
        return [(claim.run_id, claim.epoch) for claim, run, _ in list(self._runs.values()) if not (run and run.late())]

    async def close(self, grace_s: float = 5.0) -> None:
        """Claim nothing more, let runs go on for `grace_s`, then give the rest back."""
        self._closed = True
        tasks = [task for _, _, task in self._runs.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
        left = [(claim, task) for claim, _, task in self._runs.values()]
        for _, task in left:
            task.cancel()
        await asyncio.gather(*(task for _, task in left), return_exceptions=True)
        for claim, _ in left:
            await asyncio.to_thread(ledger.release, self.db, claim.run_id, claim.epoch)
        await self.live.close()
        self.writer.close()

    def _claim(self, run_id: str | None) -> tuple[ledger.Claim, list[Event]] | None:
        claim = ledger.claim(self.db, self.owner, self.lease_s, run_id, self._engine)
        return None if claim is None else (claim, ledger.read_events(self.db, claim.run_id))

    def _stop(self, run_id: str, signal: BaseException) -> None:
        if run_id in self._runs and (run := self._runs[run_id][1]):
            run.stop(signal)

    async def _drive(self, claim: ledger.Claim, events: list[Event]) -> None:
        try:
            while not await self._attempt(claim, events):
                events = await asyncio.to_thread(ledger.read_events, self.db, claim.run_id)
        except Fenced:
            log.warning("run %s: this worker lost its lease", claim.run_id)
        except Exception:
            # The lease runs out and another attempt follows; after three in a row the run is quarantined.
            log.exception("run %s: the attempt broke", claim.run_id)
        finally:
            self._runs.pop(claim.run_id, None)
            if not self._closed:
                asyncio.get_running_loop().create_task(self.wake())

    async def _attempt(self, claim: ledger.Claim, events: list[Event]) -> bool:
        """One replay to quiescence. False when somebody wrote meanwhile and it has to be played again."""
        journal = Journal(events, self._appender(claim))
        compiled = self._compiled(claim)
        if compiled is None:
            return await self._set_aside(claim, journal)
        plan, backend, programs = compiled
        started_at = rfc3339(journal.started_at or claim.created_at) or ""
        run = Run(
            claim.run_id, claim.workspace_id, claim.effect_run_id, started_at, journal, backend, programs,
            self.live.emitter(claim.workspace_id, claim.run_id), llm.Preferences.of(claim.settings),
            Desk(self.db, self.settings, claim.workspace_id, claim.run_id, claim.workflow_id, claim.created_at),
        )  # fmt: skip
        self._runs[claim.run_id] = (*self._runs[claim.run_id][:1], run, self._runs[claim.run_id][2])
        fixed = {"input": claim.inputs, "run": {"id": claim.run_id, "started_at": started_at}}
        attempt = Attempt(run, plan, fixed)
        try:
            if journal.cancel_requested:
                run.cancel()
            else:
                await _play(run, attempt)
            return await self._conclude(claim, run, attempt)
        finally:
            await journal.close()
            await self.live.drop(claim.workspace_id, claim.run_id)

    async def _set_aside(self, claim: ledger.Claim, journal: Journal) -> bool:
        """A step's kind or tool is gone, with a plugin or in another release: a person brings it back, or gives up."""
        if journal.cancel_requested:
            await journal.append(NewEvent("run_cancelled", {}))
            return True
        return await self._hand_over(
            claim, journal, [NewEvent("run_needs_review", {"reason": "incompatible"})], "review"
        )

    async def _conclude(self, claim: ledger.Claim, run: Run, attempt: Attempt) -> bool:
        journal = run.journal
        if isinstance(run.signal, Fenced):
            raise run.signal
        if journal.intents:
            await journal.append()  # a failure that still rides is an ending, too
        doubts = dict(run.reviews) | {key: (_node_of(journal, key), "unsafe_effect")
                                      for key in journal.intents if journal.in_doubt(key)}  # fmt: skip
        if doubts:
            return await self._hand_over(claim, journal, _reviews(doubts), "review")
        if isinstance(run.signal, Cancelled):
            await journal.append(NewEvent("run_cancelled", {}))
        elif run.failure:
            await journal.append(_run_failed(*run.failure))
        elif attempt.waiting:
            asked = [q.payload["approval_id"] for q in journal.questions.values()]
            waiting_for = [a for a in asked if a not in journal.decisions]
            return await self._hand_over(
                claim, journal, [NewEvent("run_waiting", {"waiting_for": waiting_for})], "waiting"
            )
        else:
            await self._complete(journal, attempt)
        failpoint.hit("after_terminal")
        return True

    async def _complete(self, journal: Journal, attempt: Attempt) -> None:
        try:
            outputs = attempt.outputs()
            await journal.append(NewEvent("run_completed", {"outputs": outputs, "usage": journal.usage}))
        except NodeError as error:
            await journal.append(_run_failed(None, error))

    async def _hand_over(self, claim: ledger.Claim, journal: Journal, events: list[NewEvent], end: ledger.End) -> bool:
        """Give the lease back, unless an answer came since this attempt read: then False."""
        await journal.append()
        if journal.stale:
            return False
        item = ledger.Append(claim.workspace_id, claim.run_id, claim.epoch, events, end, journal.next_seq)
        try:
            await self.writer.append(item)
        except ledger.Moved:
            return False
        return True

    def _appender(self, claim: ledger.Claim) -> Any:
        async def append(events: list[NewEvent]) -> list[Event]:
            return await self.writer.append(ledger.Append(claim.workspace_id, claim.run_id, claim.epoch, events))

        return append

    def _compiled(self, claim: ledger.Claim) -> tuple[Plan, Backend, dict[int, Program]] | None:
        """The plan and its compiled graphs, kept for the versions used last; None when it can be planned no more."""
        key = digest(claim.spec)
        if key not in self._plans:
            spec, faults = read(claim.spec)
            plan, more = build(spec) if spec else (None, [])
            if plan is None:
                log.error("run %s: its version cannot be planned any more: %s", claim.run_id, [*faults, *more][:3])
                return None
            self._plans[key] = (plan, load(claim.target), {})
            while len(self._plans) > KEPT_PLANS:
                self._plans.popitem(last=False)
        self._plans.move_to_end(key)
        return self._plans[key]


async def _play(run: Run, attempt: Attempt) -> None:
    """Until quiescence, or until something stops the run; unsafe effects under way are let finish, unless a
    person cancelled."""
    play = asyncio.create_task(attempt.play())
    stopped = asyncio.create_task(run.stopped.wait())
    try:
        await asyncio.wait({play, stopped}, return_when=asyncio.FIRST_COMPLETED)
        while run.effects and run.signal is None and not play.done():
            await asyncio.wait({play}, timeout=0.05)
        if play.done():
            play.result()
    finally:
        for task in (play, stopped):
            task.cancel()
        await asyncio.gather(play, stopped, return_exceptions=True)


def _reviews(doubts: dict[str, tuple[str, str]]) -> list[NewEvent]:
    return [NewEvent("run_needs_review", {"reason": why}, node, key) for key, (node, why) in sorted(doubts.items())]


def _node_of(journal: Journal, key: str) -> str:
    return journal.paths.get(key, key)


def _run_failed(node: str | None, error: NodeError) -> NewEvent:
    told = {"code": error.code, "node_id": node, "message": error.message, "hint": error.hint}
    return NewEvent("run_failed", {"error": told})
