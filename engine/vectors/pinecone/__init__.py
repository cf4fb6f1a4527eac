"""Vectors at Pinecone: one index per dimension, one namespace per workspace, collections told apart by their ids.

Pinecone shows a write late. A call that writes returns when a search has seen it, or fails.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.errors import NodeError
from engine.settings import Settings
from engine.vectors import Array, Item, Match, Space, checks, filters
from engine.vectors.pinecone import records
from engine.vectors.pinecone.service import Patience, Service, service_for

if TYPE_CHECKING:
    from pinecone import Index

DELETE = 1000
LIST = 100
PROBE = 100
"""Among so many of the nearest that are just like it, a record is looked for."""


class Pinecone:
    """Any number of these share the connections of one key."""

    def __init__(self, settings: Settings, patience: Patience | None = None) -> None:
        self._settings = settings
        self._patience = patience or Patience()

    @property
    def _service(self) -> Service:
        return service_for(self._settings, self._patience)

    def prepare(self, space: Space) -> None:
        self._service.made(space)

    def upsert(self, space: Space, items: Sequence[Item], *, wait: bool = True) -> None:
        """In batches, one after the other; a batch that Pinecone finds too large goes in two."""
        ready = [records.record(space, item) for item in checks.items(space, items)]
        if not ready:
            return
        index, position = self._service.made(space), None
        for batch in records.batches(ready):
            position = self._send(index, space, batch) or position
        if wait:  # the positions of one namespace are in order
            self._wait(lambda: self._shows(index, space, ready[-1], position))

    def query(self, space: Space, vector: Array, top_k: int, filter: Mapping[str, Any] | None = None) -> list[Match]:
        rule = filters.parse(filter or {})
        unit, top_k = checks.unit(space, vector), checks.top_k(top_k)
        index = self._service.found(space)
        if index is None or not top_k:
            return []
        answer = self._service.read(
            index.query,
            vector=records.numbers(unit),
            top_k=top_k,
            namespace=space.workspace_id,
            filter=records.narrowed(space, rule),
            include_metadata=True,
        )
        matches = answer.matches if answer else []
        found = [records.match(space, one.id, one.score, one.metadata) for one in matches]
        return sorted(found, key=lambda match: (-match.score, match.id))

    def fetch(self, space: Space, ids: Sequence[str]) -> list[Item]:
        index = self._service.found(space)
        if index is None:
            return []
        found: list[Item] = []
        for batch in records.addresses([records.name(space, id) for id in ids]):
            there = self._fetched(index, space, batch)
            found += [records.item(space, id, one.values, one.metadata) for id, one in there.items()]
        return found

    def ids(self, space: Space, prefix: str = "") -> Iterator[str]:
        index = self._service.found(space)
        if index is not None:
            for name in self._names(index, space, prefix):
                yield records.id_of(space, name)

    def count(self, space: Space) -> int:
        """Pinecone counts namespaces, and several collections share one."""
        return sum(1 for _ in self.ids(space))

    def drop(self, space: Space, prefix: str = "") -> None:
        index = self._service.found(space)
        if index is None:
            return
        while names := list(self._names(index, space, prefix)):
            last = [
                records.again(id, v.values, v.metadata) for id, v in self._fetched(index, space, names[-1:]).items()
            ]
            for at in range(0, len(names), DELETE):
                self._service.call(index.delete, ids=names[at : at + DELETE], namespace=space.workspace_id)
            self._wait(lambda last=last: not any(self._searched(index, space, one) for one in last))

    def _names(self, index: Index, space: Space, prefix: str) -> Iterator[str]:
        asked: dict[str, Any] = {
            "prefix": records.prefix(space, prefix),
            "limit": LIST,
            "namespace": space.workspace_id,
        }
        while True:
            page = self._service.read(index.list_paginated, **asked)
            if page is None:
                return
            yield from (str(one.id) for one in page.vectors)
            asked["pagination_token"] = page.pagination.next if page.pagination else None
            if not asked["pagination_token"]:
                return

    def _fetched(self, index: Index, space: Space, names: Sequence[str]) -> Mapping[str, Any]:
        answer = self._service.read(index.fetch, ids=list(names), namespace=space.workspace_id)
        return answer.vectors if answer else {}

    def _send(self, index: Index, space: Space, batch: Sequence[records.Record]) -> int | None:
        """Where in the index's history the write stands, if it says so."""
        try:
            answer = self._service.call(index.upsert, vectors=list(batch), namespace=space.workspace_id)
        except NodeError as fault:
            if fault.extra.get("status") != 413 or len(batch) == 1:
                raise
            half = len(batch) // 2
            self._send(index, space, batch[:half])
            return self._send(index, space, batch[half:])
        return answer.response_info.lsn_committed if answer.response_info else None

    def _shows(self, index: Index, space: Space, last: records.Record, position: int | None) -> bool:
        """By the position that a search tells; without one, by finding the record that was written last."""
        if position is not None:
            answer = self._service.read(index.query, vector=last["values"], top_k=1, namespace=space.workspace_id)
            seen = answer.response_info.lsn_reconciled if answer and answer.response_info else None
            if seen is not None:
                return seen >= position
        found = self._searched(index, space, last)
        return found is not None and records.is_same(last, found.values, found.metadata)

    def _searched(self, index: Index, space: Space, record: records.Record) -> Any:
        """The record as a search finds it: reading by id and listing run ahead of that, or behind."""
        answer = self._service.read(
            index.query,
            vector=record["values"],
            top_k=PROBE,
            namespace=space.workspace_id,
            filter=records.just_like(record),
            include_values=True,
            include_metadata=True,
        )
        return next((one for one in (answer.matches if answer else ()) if one.id == record["id"]), None)

    def _wait(self, done: Callable[[], bool]) -> None:
        """Until a write can be seen."""
        end, pause = time.monotonic() + self._patience.visible_s, 0.02
        while not done():
            if time.monotonic() + pause > end:
                raise NodeError(
                    f"Pinecone took what was written but did not show it within {self._patience.visible_s:g} s.",
                    code="store_timeout",
                    hint="It is behind at the moment; try again.",
                    retryable=True,
                )
            time.sleep(pause)
            pause = min(2.0, pause * 1.5)


__all__ = ["Patience", "Pinecone"]
