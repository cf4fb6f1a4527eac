"""Documents on their way to being found, in this process: faults outside, moves, steps that wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Conflict, NodeError
from engine.events import rfc3339
from engine.knowledge import ingest as ingesting
from engine.knowledge import stores
from engine.knowledge.desk import Desk
from engine.knowledge.ingest import Ingester
from engine.services import collections, documents, search
from engine.settings import Settings
from engine.store import documents as queue
from engine.store.database import Database, Statement
from engine.store.models import WorkspaceRow, new_id
from engine.store.session import Workspace
from tests.world.embeddings import EmbeddingServer
from tests.world.pinecone import Service

_CHORES = Statement("select count(*) from chore where workspace_id = :w")


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as service:
        yield service


@pytest.fixture
def settings(db: Database, tmp_path: Path, service: Service) -> Settings:
    return replace(
        Settings.read({"NEXOD_DATA": str(tmp_path)}), pinecone_api_key=service.key, pinecone_host=service.origin
    )


@pytest.fixture
def ws(db: Database) -> Workspace:
    id_ = new_id()
    with Workspace(db, id_).begin() as tx:
        tx.connection().execute(WorkspaceRow.__table__.insert().values(id=id_, name="One", created_at=0))
    return Workspace(db, id_)


@pytest.fixture
def ingester(db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ingester]:
    monkeypatch.setattr(ingesting, "PAUSES_S", (0.1, 0.1, 0.1, 0.1))
    monkeypatch.setattr(ingesting, "CHORE_S", (0.2,))
    ingester = Ingester(db, settings, "test", lease_s=15)
    ingester.start()
    yield ingester
    ingester.close(5)


def until(so: Callable[[], Any], seconds: float = 40) -> Any:
    end = time.monotonic() + seconds
    while not (found := so()):
        assert time.monotonic() < end
        time.sleep(0.03)
    return found


def made(ws: Workspace, settings: Settings, **more: Any) -> str:
    return collections.create(ws, settings, {"name": "Books", **more})["id"]


def put(ws: Workspace, settings: Settings, home: str, text: str, title: str) -> str:
    return documents.add(ws, settings, home, {"title": title, "text": text})["document_id"]


def settled(ws: Workspace, id_: str) -> dict[str, Any]:
    return until(lambda: (found := documents.get(ws, id_))["status"] in ("ready", "failed") and found)


def idle(ws: Workspace) -> bool:
    with ws.db.read() as conn:
        return _CHORES(conn, w=ws.id).scalar_one() == 0


def found(ws: Workspace, settings: Settings, home: str, query: str, **more: Any) -> list[str]:
    matches = search.search(ws, settings, home, {"query": query, "mode": "vector", **more})["matches"]
    return [match["text"] for match in matches]


def stored(ws: Workspace, settings: Settings, home: str) -> set[str]:
    """The ids of all vectors of a collection."""
    place = queue.home(ws.db, ws.id, home)
    assert place
    return set(stores.store_for(ws.db, settings, place).ids(stores.space(place)))


def test_what_was_added_since_can_be_asked_for(ws: Workspace, settings: Settings, ingester: Ingester):
    home = made(ws, settings)
    document = put(ws, settings, home, "Otters hold hands.", "Otters")
    settled(ws, document)
    (match,) = search.search(ws, settings, home, {"query": "otters"})["matches"]
    added = match["metadata"]["created_ms"]
    assert documents.get(ws, document)["created_at"] == match["metadata"]["created"] == rfc3339(added)
    assert found(ws, settings, home, "otters", filter={"created_ms": {"$gte": added}})
    assert not found(ws, settings, home, "otters", filter={"created_ms": {"$gt": added}})


# Faults outside ----------------------------------------------------------------------------------------------


def test_a_passing_fault_of_the_store_is_tried_again(
    ws: Workspace, settings: Settings, service: Service, ingester: Ingester
):
    home = made(ws, settings, store="pinecone")
    settled(ws, put(ws, settings, home, "Warm up.", "First"))
    service.fail(503, times=12, path="/vectors/upsert")
    document = settled(ws, put(ws, settings, home, "Otters hold hands.", "Otters"))
    assert document["status"] == "ready" and document["error"] is None
    assert "Otters hold hands." in found(ws, settings, home, "otters")


def test_a_refused_key_fails_the_document_with_a_code_and_the_rest_goes_on(
    ws: Workspace, settings: Settings, service: Service, ingester: Ingester
):
    home = made(ws, settings, store="pinecone")
    service.fail(401, times=1000)
    document = settled(ws, put(ws, settings, home, "Otters hold hands.", "Otters"))
    assert document["status"] == "failed" and document["error"]["code"] == "store_unauthorized"
    assert not document["searchable"] and documents.passages(ws, document["id"])["items"] == []
    service.faults.clear()
    other = collections.create(ws, settings, {"name": "Here"})["id"]
    assert settled(ws, put(ws, settings, other, "Kiwis lay large eggs.", "Kiwis"))["status"] == "ready"
    documents.retry(ws, document["id"])
    assert settled(ws, document["id"])["status"] == "ready"
    until(lambda: idle(ws))
    assert stored(ws, settings, home) == {f"{document['id']}:2:0"}


def test_what_is_deleted_while_the_store_is_away_is_forgotten_when_it_is_back(
    ws: Workspace, settings: Settings, service: Service, ingester: Ingester
):
    home = made(ws, settings, store="pinecone")
    id_ = put(ws, settings, home, "Otters hold hands.", "Otters")
    settled(ws, id_)
    service.fail(503, times=10_000)
    documents.delete(ws, id_)
    time.sleep(1)
    assert not idle(ws)
    service.faults.clear()
    until(lambda: idle(ws))
    assert stored(ws, settings, home) == set() and found(ws, settings, home, "otters") == []
    assert [path for path in (settings.data / "files").rglob("*") if path.is_file()] == []


def test_three_lost_leases_in_a_row_keep_a_document_from_the_workers(ws: Workspace, settings: Settings):
    home = made(ws, settings)
    id_ = put(ws, settings, home, "Otters hold hands.", "Otters")
    for _ in range(3):
        assert queue.claim(ws.db, "lost", 0.0, (ws.id, id_))
        time.sleep(0.01)
    assert queue.claim(ws.db, "lost", 0.0, (ws.id, id_)) is None
    document = documents.get(ws, id_)
    assert document["status"] == "failed" and document["error"]["code"] == "ingest_lost"
    assert documents.retry(ws, id_)["status"] == "pending"


def test_an_upload_that_never_arrived_fails_and_may_be_sent_again(
    ws: Workspace, settings: Settings, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
):
    from engine.knowledge import adding
    from engine.store import collections as rows

    home = made(ws, settings)
    monkeypatch.setattr(rows, "UPLOAD_S", 0)
    with monkeypatch.context() as killed:
        killed.setattr(adding, "_store", lambda *_: None)  # the process died here
        id_ = put(ws, settings, home, "Otters hold hands.", "Otters")
    document = settled(ws, id_)
    assert document["status"] == "failed" and document["error"]["code"] in ("upload_lost", "file_missing")
    assert put(ws, settings, home, "Otters hold hands.", "Otters") == id_
    assert settled(ws, id_)["status"] == "ready"


def meanwhile(monkeypatch: pytest.MonkeyPatch, do: Callable[[], Any]) -> None:
    """Does this once, between the row of the next upload and its original."""
    from engine.knowledge import adding

    store = adding._store

    def first(*given: Any) -> None:
        monkeypatch.setattr(adding, "_store", store)
        do()
        store(*given)

    monkeypatch.setattr(adding, "_store", first)


def test_two_uploads_of_the_same_bytes_at_once_are_one_document_with_its_original(
    ws: Workspace, settings: Settings, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
):
    home = made(ws, settings)

    def add(name: str) -> str:
        return documents.add_file(ws, settings, home, name, "", b"Otters hold hands.")["document_id"]

    others: list[str] = []
    meanwhile(monkeypatch, lambda: others.append(add("copy.txt")))
    id_ = add("otters.txt")
    assert others == [id_]
    until(lambda: idle(ws))
    assert settled(ws, id_)["status"] == "ready"
    assert documents.original(ws, settings, id_)[1] == b"Otters hold hands."


def test_a_version_that_came_too_late_leaves_no_original_behind(
    ws: Workspace, settings: Settings, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
):
    from engine.store import collections as rows

    monkeypatch.setattr(rows, "UPLOAD_S", 1)
    home = made(ws, settings)

    def newer() -> None:
        id_ = put(ws, settings, home, "Otters hold hands at night.", "Otters")
        settled(ws, id_)
        until(lambda: idle(ws))

    meanwhile(monkeypatch, newer)
    id_ = put(ws, settings, home, "Otters hold hands.", "Otters")
    until(lambda: idle(ws))
    assert found(ws, settings, home, "otters") == ["Otters hold hands at night."]
    assert documents.original(ws, settings, id_)[1] == b"Otters hold hands at night."
    assert len([path for path in (settings.data / "files").rglob("*") if path.is_file()]) == 1


def test_a_stopped_ingest_leaves_nothing_behind(ws: Workspace, settings: Settings, ingester: Ingester):
    home = made(ws, settings, chunk_size=100, chunk_overlap=0)
    text = "\n\n".join(f"Otter number {n} holds the hands of its neighbours all night long." for n in range(6000))
    id_ = put(ws, settings, home, text, "Otters")
    until(lambda: documents.get(ws, id_)["stage"] == "embedding")
    began = time.monotonic()
    assert documents.cancel(ws, id_)["error"]["code"] == "cancelled"
    assert documents.get(ws, id_)["status"] == "failed" and time.monotonic() - began < 2
    assert found(ws, settings, home, "otter") == []
    until(lambda: idle(ws) and not ingester.alive())
    until(lambda: idle(ws))
    assert stored(ws, settings, home) == set()


def test_pasted_texts_without_a_title_never_replace_each_other(ws: Workspace, settings: Settings):
    home = made(ws, settings)
    first, second = (
        documents.add(ws, settings, home, {"text": f"Meeting\n\nNotes {n}"})["document_id"] for n in (1, 2)
    )
    assert first != second and documents.get(ws, first)["title"] == "Meeting"


def test_what_a_model_answered_for_a_text_goes_with_the_text(
    ws: Workspace, settings: Settings, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
):
    from engine.embeddings.hashing import Hashing

    monkeypatch.setattr(Hashing, "kept_as", "kept")
    home = made(ws, settings, chunk_size=100, chunk_overlap=0)
    texts = [f"# Part {n}\n\nOtters are known to hold the hands of {n} others, for whole nights." for n in range(4)]
    id_ = put(ws, settings, home, "\n\n".join(texts), "Otters")
    settled(ws, id_)
    assert kept(ws) == 4
    put(ws, settings, home, "\n\n".join(texts[:3]), "Otters")
    settled(ws, id_)
    assert kept(ws) == 3
    documents.delete(ws, id_)
    assert kept(ws) == 0
    settled(ws, put(ws, settings, home, texts[0], "Otters"))
    assert kept(ws) == 1
    collections.delete(ws, home)
    assert kept(ws) == 0


def kept(ws: Workspace) -> int:
    with ws.db.read() as conn:
        return Statement("select count(*) from embedding where workspace_id = :w")(conn, w=ws.id).scalar_one()


def test_a_worker_that_stops_gives_back_what_it_has(ws: Workspace, settings: Settings):
    home = made(ws, settings, chunk_size=100, chunk_overlap=0)
    text = "\n\n".join(f"Otter number {n} holds the hands of its neighbours all night long." for n in range(4000))
    id_ = put(ws, settings, home, text, "Otters")
    first = Ingester(ws.db, settings, "first", lease_s=15)
    first.start()
    until(lambda: documents.get(ws, id_)["stage"] == "embedding")
    first.close(0)
    assert documents.get(ws, id_)["status"] == "pending"
    second = Ingester(ws.db, settings, "second", lease_s=15)
    second.start()
    assert settled(ws, id_)["chunks"] == 4000
    second.close(5)
    until(lambda: not first.alive())
    assert len(stored(ws, settings, home)) == 4000


def test_who_takes_over_asks_the_model_for_nothing_again(
    ws: Workspace, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    from engine.embeddings.hashing import Hashing
    from engine.knowledge import pipeline

    asked: list[str] = []
    embed = Hashing.embed
    monkeypatch.setattr(Hashing, "kept_as", "kept")
    monkeypatch.setattr(Hashing, "embed", lambda self, texts: asked.extend(texts) or embed(self, texts))
    home = made(ws, settings, chunk_size=100, chunk_overlap=0)
    text = "\n\n".join(f"Otter number {n} holds the hands of its neighbours all night long." for n in range(300))
    id_ = put(ws, settings, home, text, "Otters")

    def die(name: str) -> None:
        if name == "ingest_stored":
            raise KeyboardInterrupt  # nobody catches it, as nobody catches a kill

    place = queue.home(ws.db, ws.id, home)
    assert place
    for instant in (die, lambda name: None):
        monkeypatch.setattr(pipeline, "hit", instant)
        claim = queue.claim(ws.db, "mine", 0.0, (ws.id, id_))
        assert claim
        with suppress(KeyboardInterrupt):
            pipeline.Ingest(ws.db, settings, claim, place, lambda: False).run()
        time.sleep(0.01)
    assert documents.get(ws, id_)["chunks"] == len(asked) == len(set(asked)) == 300


# Moving ------------------------------------------------------------------------------------------------------


def test_a_collection_moves_there_and_back_with_all_it_has(
    ws: Workspace, settings: Settings, service: Service, ingester: Ingester
):
    home = made(ws, settings)
    texts = [f"Fact number {n}: {word} are well known." for n, word in enumerate(("otters", "kiwis", "geysers"))]
    ids = [put(ws, settings, home, text, f"Fact {n}") for n, text in enumerate(texts)]
    for id_ in ids:
        settled(ws, id_)
    for store in ("pinecone", "embedded"):
        before = found(ws, settings, home, "kiwis", top_k=3)
        moving = collections.move(ws, settings, home, {"store": store})["moving"]
        assert moving["store"] == store and moving["of"] == 3
        with pytest.raises(Conflict):
            collections.move(ws, settings, home, {"store": "embedded"})
        until(lambda: collections.get(ws, home)["moving"] is None)
        assert collections.get(ws, home)["store"] == store
        assert found(ws, settings, home, "kiwis", top_k=3) == before
        until(lambda: idle(ws))
        assert stored(ws, settings, home) == {f"{id_}:1:0" for id_ in ids}
    assert sum(len(index.namespaces.get(ws.id, {})) for index in service.indexes.values()) == 0


def test_what_comes_and_goes_during_a_move_is_right_afterwards(
    ws: Workspace, settings: Settings, service: Service, ingester: Ingester
):
    home = made(ws, settings)
    stays, goes = (put(ws, settings, home, f"{word} are well known.", word) for word in ("Otters", "Kiwis"))
    settled(ws, stays)
    settled(ws, goes)
    service.fail(503, times=10_000)
    collections.move(ws, settings, home, {"store": "pinecone"})
    comes = put(ws, settings, home, "Geysers are well known.", "Geysers")
    documents.delete(ws, goes)
    time.sleep(0.5)
    assert documents.get(ws, comes)["status"] == "pending"
    assert found(ws, settings, home, "otters") == ["Otters are well known."]
    service.faults.clear()
    until(lambda: collections.get(ws, home)["store"] == "pinecone")
    settled(ws, comes)
    until(lambda: idle(ws))
    assert stored(ws, settings, home) == {f"{stays}:1:0", f"{comes}:1:0"}


def test_a_move_that_waits_for_a_document_begins_as_soon_as_it_is_read(
    ws: Workspace, settings: Settings, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ingesting, "CHORE_S", (3600,))
    monkeypatch.setattr(ingesting, "LATER_S", 0.1)
    home = made(ws, settings)
    with monkeypatch.context() as held:
        held.setattr(queue, "due", lambda _: False)
        id_ = put(ws, settings, home, "Otters are well known.", "Otters")
        claim = queue.claim(ws.db, "slow", 30, (ws.id, id_))
        assert claim
        collections.move(ws, settings, home, {"embedding": "hashing"})
        time.sleep(1)
        assert collections.get(ws, home)["moving"]
        queue.fail(ws.db, claim, {"code": "document_broken", "message": "Damaged."})
        until(lambda: collections.get(ws, home)["moving"] is None)


def test_a_collection_leaves_a_store_that_nobody_has_a_key_for_any_more(
    ws: Workspace, settings: Settings, service: Service, ingester: Ingester
):
    home = made(ws, settings, store="pinecone")
    settled(ws, put(ws, settings, home, "Otters are well known.", "Otters"))
    service.fail(401, times=10_000)
    collections.move(ws, settings, home, {"store": "embedded"})
    until(lambda: collections.get(ws, home)["store"] == "embedded")
    assert found(ws, settings, home, "otters") == ["Otters are well known."]


def test_a_model_that_answers_otherwise_under_its_name_is_an_error_until_all_is_embedded_anew(
    ws: Workspace, settings: Settings, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
):
    with EmbeddingServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        home = made(ws, settings, embedding="openai/changing")
        settled(ws, put(ws, settings, home, "Otters are well known.", "Otters"))
        server.dimension = 12
        late = settled(ws, put(ws, settings, home, "Kiwis, too.", "Kiwis"))
        assert late["status"] == "failed" and late["error"]["code"] == "dimension_mismatch"
        assert collections.move(ws, settings, home, {"embedding": "openai/changing"})["moving"]["dimension"] == 12
        until(lambda: collections.get(ws, home)["moving"] is None)
        assert collections.get(ws, home)["dimension"] == 12
        documents.retry(ws, late["id"])
        assert settled(ws, late["id"])["status"] == "ready"
        assert len(found(ws, settings, home, "otters", top_k=5)) == 2


def test_a_move_that_cannot_be_leaves_everything_as_it_was(
    ws: Workspace, settings: Settings, service: Service, ingester: Ingester
):
    home = made(ws, settings)
    settled(ws, put(ws, settings, home, "Otters are well known.", "Otters"))
    service.fail(401, times=10_000)
    collections.move(ws, settings, home, {"store": "pinecone"})
    moving = until(lambda: (m := collections.get(ws, home)["moving"])["error"] and m)
    assert moving["error"]["code"] == "store_unauthorized"
    assert collections.get(ws, home)["store"] == "embedded"
    assert found(ws, settings, home, "otters") == ["Otters are well known."]
    assert settled(ws, put(ws, settings, home, "Kiwis, too.", "Kiwis"))["status"] == "ready"
    service.faults.clear()
    collections.move(ws, settings, home, {"store": "pinecone"})
    until(lambda: collections.get(ws, home)["store"] == "pinecone")


def test_a_move_may_be_called_off(ws: Workspace, settings: Settings, service: Service, ingester: Ingester):
    home = made(ws, settings)
    settled(ws, put(ws, settings, home, "Otters are well known.", "Otters"))
    service.fail(503, times=10_000)
    collections.move(ws, settings, home, {"store": "pinecone"})
    assert collections.cancel_move(ws, home)["moving"] is None
    time.sleep(0.5)
    assert collections.get(ws, home)["moving"] is None
    assert settled(ws, put(ws, settings, home, "Kiwis, too.", "Kiwis"))["status"] == "ready"


# Steps -------------------------------------------------------------------------------------------------------


def test_a_step_adds_once_however_often_it_is_tried(ws: Workspace, settings: Settings):
    """No worker here: the step does the work itself."""
    home = made(ws, settings)
    desk = Desk(ws.db, settings, ws.id, "run", "workflow")

    async def twice() -> list[dict[str, Any]]:
        said = {"key": "k", "text": "The meeting is on Thursday.", "title": "Note"}
        return list(await asyncio.gather(desk.ingest("Books", **said), desk.ingest(home, **said)))

    first, second = asyncio.run(twice())
    assert first == second and first["status"] == "ready" and first["chunks"] == 1 and first["title"] == "Note"
    assert len(documents.list_(ws, home)["items"]) == 1
    (match,) = asyncio.run(desk.search("Books", "meeting"))
    assert match["metadata"]["workflow"] == "workflow" and match["document_id"] == first["document_id"]


def test_a_step_fails_with_what_the_document_failed_with(ws: Workspace, settings: Settings):
    made(ws, settings)
    desk = Desk(ws.db, settings, ws.id, "run", "workflow")
    for said, code in (
        ({"url": "http://127.0.0.1:1/x"}, "egress_refused"),
        ({"url": "gopher://a"}, "invalid"),
        ({"text": "  "}, "invalid"),
    ):
        with pytest.raises(NodeError) as fault:
            asyncio.run(desk.ingest("Books", key=str(said), **said))
        assert fault.value.code == code and fault.value.message
    with pytest.raises(NodeError) as fault:
        asyncio.run(desk.ingest("Nowhere", key="k", text="a"))
    assert fault.value.code == "unknown_collection"
