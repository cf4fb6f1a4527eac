"""What steps and tools may ask of a workspace's knowledge: the async face of retrieval, ingest and memory, for one run.

Everything behind it blocks, so each question is put in a thread.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from engine.errors import NexodError, NodeError
from engine.settings import Settings
from engine.store.database import Database
from engine.store.session import Workspace

LOOK_S = 0.1
ALONE_S = 1.0


class Desk:
    """`engine.node.Knowledge`. `since` is when the run was made: of a thread it knows what was said before, and what
    it said itself."""

    def __init__(
        self, db: Database, settings: Settings | None, workspace_id: str, run_id: str = "", workflow_id: str = "",
        since: int | None = None,
    ) -> None:  # fmt: skip
        self.db, self.workspace_id = db, workspace_id
        self.run_id, self.workflow_id, self.since = run_id, workflow_id, since
        self._given = settings

    @cached_property
    def settings(self) -> Settings:
        return self._given or Settings.read()

    async def search(
        self,
        collection: str,
        query: str,
        *,
        top_k: int = 5,
        mode: str = "hybrid",
        filter: Mapping[str, Any] | None = None,
        min_score: float | None = None,
    ) -> list[dict[str, Any]]:
        from engine.knowledge import guide, retrieval

        if collection == guide.NAME:
            await asyncio.to_thread(guide.ready, self.db, self.settings, self.workspace_id)
        return await asyncio.to_thread(
            retrieval.search, self.db, self.settings, self.workspace_id, collection, query, top_k=top_k, mode=mode,
            filter=filter, min_score=min_score,
        )  # fmt: skip

    async def ingest(
        self, collection: str, *, key: str, text: str = "", url: str = "", title: str = ""
    ) -> dict[str, Any]:
        """The same key is the same document in every attempt. Comes back when it can be searched; nothing is held
        meanwhile but this task."""
        from engine.knowledge import ingest

        document = await asyncio.to_thread(self._add, collection, key, text, url, title)
        stopped, began = threading.Event(), time.monotonic()
        try:
            while (found := await asyncio.to_thread(ingest.outcome, self.db, self.workspace_id, document)) is None:
                if time.monotonic() - began > ALONE_S:  # no worker took it
                    began = time.monotonic()
                    given = (self.db, self.settings, (self.workspace_id, document), stopped.is_set)
                    threading.Thread(target=ingest.lend_a_hand, args=given, name="step-ingest", daemon=True).start()
                await asyncio.sleep(LOOK_S)
            return found
        finally:
            stopped.set()

    def _add(self, collection: str, key: str, text: str, url: str, title: str) -> str:
        from engine.knowledge import adding, guide

        try:
            if collection == guide.NAME:
                guide.ready(self.db, self.settings, self.workspace_id)
            title = adding.title_of(" ".join(title.split())[: adding.TITLE])
            if url:
                new = adding.of_url(url, title, self.workflow_id or None)
            else:
                new = adding.of_text(text, title, self.workflow_id or None, "run")
            return adding.add_once(Workspace(self.db, self.workspace_id), self.settings, collection, new, key)
        except NodeError:
            raise
        except NexodError as fault:
            raise NodeError(fault.message, code=fault.code, hint=fault.hint) from fault

    async def remember(
        self, text: str, *, key: str, subject: str = "", details: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        from engine.knowledge import memory

        return await asyncio.to_thread(
            memory.remember, self.db, self.settings, self.workspace_id, text, key=key, subject=subject,
            details=details, run_id=self.run_id,
        )  # fmt: skip

    async def recall(self, query: str, *, top_k: int = 5, subject: str = "", kind: str = "") -> list[dict[str, Any]]:
        from engine.knowledge import memory

        return await asyncio.to_thread(
            memory.recall, self.db, self.settings, self.workspace_id, query, top_k=top_k, subject=subject, kind=kind
        )

    async def lessons(self, query: str, *, top_k: int = 3) -> list[dict[str, Any]]:
        from engine.knowledge import memory

        return await asyncio.to_thread(
            memory.lessons, self.db, self.settings, self.workspace_id, self.workflow_id, query, top_k=top_k
        )

    async def thread(self, thread: str, *, last: int = 20) -> list[dict[str, str]]:
        from engine.knowledge import memory

        return await asyncio.to_thread(
            memory.thread, self.db, self.workspace_id, thread, last=last, run_id=self.run_id, before=self.since
        )

    async def say(self, thread: str, role: str, text: str, *, key: str) -> None:
        from engine.knowledge import memory

        await asyncio.to_thread(memory.say, self.db, self.workspace_id, thread, role, text, key=key, run_id=self.run_id)

    async def tell(self, thread: str, question: str, answer: str, *, key: str) -> None:
        from engine.knowledge import memory

        said = [("user", question, f"{key}:question"), ("assistant", answer, f"{key}:answer")]
        await asyncio.to_thread(memory.tell, self.db, self.workspace_id, thread, said, run_id=self.run_id)
