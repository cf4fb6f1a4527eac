"""The chores of knowledge: forgetting what is gone, and moving a collection to another store or embedding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from engine import embeddings
from engine.documents import files
from engine.errors import NodeError
from engine.failpoint import hit
from engine.knowledge import stores
from engine.knowledge.embedding import embed, fitting
from engine.settings import Settings
from engine.store import documents as queue
from engine.store import moves, revisions
from engine.store.chores import Chore
from engine.store.database import Database
from engine.vectors import Item, Space, VectorStore

T = TypeVar("T")
AT_ONCE = 200
SAMPLES = 50
"""Vectors that are looked at after a copy, spread over all of it."""
MOST_TRIES = 5


class Later(NodeError):
    """Not now: it will be tried again."""


class Place(NamedTuple):
    store: VectorStore
    space: Space


def do(db: Database, settings: Settings, chore: Chore, stopped: Callable[[], bool]) -> None:
    """One chore. Raises NodeError to be tried again later."""
    if chore.kind == "forget":
        _forget(db, settings, chore)
    elif chore.kind == "move":
        _move(db, settings, chore, stopped)


def _forget(db: Database, settings: Settings, chore: Chore) -> None:
    body = chore.body
    hit("ingest_forgetting")
    if body.get("vectors") is not None:
        place = _place(db, settings, chore.workspace_id, body)
        place.store.drop(place.space, body["vectors"])
    if body.get("files"):
        files.FileStore.open(settings).delete_prefix(body["files"].rstrip("/"))
    moves.done(db, chore)


def _place(db: Database, settings: Settings, workspace_id: str, body: dict[str, Any]) -> Place:
    space = Space(workspace_id, body["space"], body["dimension"])
    return Place(stores.open_store(db, settings, body["store"]), space)


def _move(db: Database, settings: Settings, chore: Chore, stopped: Callable[[], bool]) -> None:
    home = queue.home(db, chore.workspace_id, chore.collection_id)
    if home is None:
        moves.give_up(db, chore, None)
        return
    try:
        if moves.busy(db, chore):
            raise Later("Documents of it are being read.", code="collection_busy", retryable=True)
        _copied(db, settings, chore, home, stopped)
    except NodeError as fault:
        told = {"code": fault.code, "message": fault.message, "hint": fault.hint}
        if isinstance(fault, Later):
            raise
        if fault.retryable and chore.tries < MOST_TRIES:
            moves.progress(db, chore, 0, 0, told)
            raise
        moves.give_up(db, chore, told)


def _copied(db: Database, settings: Settings, chore: Chore, home: queue.Home, stopped: Callable[[], bool]) -> None:
    """Copy what is missing until both sides hold the same, look at samples, then switch."""
    old = Place(stores.store_for(db, settings, home), stores.space(home))
    new = _place(db, settings, chore.workspace_id, chore.body)
    new.store.prepare(new.space)
    same = (chore.body["embedding"], chore.body["dimension"]) == (home.embedding, home.dimension)
    copy = _over(db, settings, home, old) if same else _again(db, settings, chore)
    while True:
        wanted = moves.chunk_ids(db, chore)
        there = set(new.store.ids(new.space))
        for document in {_document(id_) for id_ in there - wanted}:
            new.store.drop(new.space, document)
            there = {id_ for id_ in there if not id_.startswith(document)}
        missing = sorted(wanted - there)
        done = len(wanted) - len(missing)
        for some in _slices(missing, AT_ONCE):
            if stopped():
                raise Later("The worker stops.", code="collection_busy", retryable=True)
            moves.progress(db, chore, done, len(wanted))
            new.store.upsert(new.space, copy(some))
            done += len(some)
        moves.progress(db, chore, done, len(wanted))
        if missing:
            continue  # what changed meanwhile
        _verify(new, wanted, copy)
        if moves.switch(db, chore, wanted):
            return


Copy = Callable[[list[str]], list[Item]]


def _over(db: Database, settings: Settings, home: queue.Home, old: Place) -> Copy:
    """The vectors as they are; one that is lost is embedded anew, and so are all of a store that is closed to us: who
    has no key for it any more can still leave it."""
    fresh = _embedding(db, settings, home.workspace_id, home.embedding, home.dimension)

    def copy(ids: list[str]) -> list[Item]:
        try:
            found = {item.id: item for item in old.store.fetch(old.space, ids)}
        except NodeError as fault:
            if fault.retryable:
                raise
            found = dict[str, Item]()
        lost = [id_ for id_ in ids if id_ not in found]
        return [*found.values(), *(fresh(lost) if lost else [])]

    return copy


def _again(db: Database, settings: Settings, chore: Chore) -> Copy:
    embeddings.open(chore.body["embedding"], settings).measure()  # what this process knows may be of a model before
    return _embedding(db, settings, chore.workspace_id, chore.body["embedding"], chore.body["dimension"])


def _embedding(db: Database, settings: Settings, workspace_id: str, name: str, dimension: int) -> Copy:
    embedder = embeddings.open(name, settings)

    def copy(ids: list[str]) -> list[Item]:
        chunks = moves.chunks(db, workspace_id, ids)
        rows = embed(db, workspace_id, embedder, [revisions.embedded(text, meta) for _, text, meta in chunks])
        rows = fitting(rows, dimension, name)
        return [Item(id_, row, meta) for (id_, _, meta), row in zip(chunks, rows, strict=True)]

    return copy


def _verify(new: Place, wanted: set[str], copy: Copy) -> None:
    """Counts and samples. Raises NodeError(move_differs)."""
    count = new.store.count(new.space)
    if count != len(wanted):
        raise _differs(f"It has {count} vectors instead of {len(wanted)}.")
    ordered = sorted(wanted)
    sample = ordered[:: max(1, len(ordered) // SAMPLES)]
    if not sample:
        return
    there = {item.id: item.vector for item in new.store.fetch(new.space, sample)}
    for item in copy(sample):
        if item.id not in there or float(item.vector @ there[item.id]) < 0.999:
            raise _differs(f"The vector {item.id} is another one there.")


def _differs(message: str) -> NodeError:
    return NodeError(message, code="move_differs", hint="Move it again.", retryable=True)


def _document(vector_id: str) -> str:
    """What the ids of this revision's vectors begin with."""
    return vector_id.rpartition(":")[0] + ":"


def _slices(all_: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(all_)
    while some := list(islice(rest, size)):
        yield some
