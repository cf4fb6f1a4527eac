from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from engine.knowledge.ingest import Ingester
from engine.services import identity
from engine.store.models import WorkspaceRow, new_id
from engine.store.session import Workspace
from nexod_app.api.calls import PREFIX
from nexod_app.site import Site
from tests.nexod_app.api.conftest import client

TEXT = "Otters hold hands while they sleep, so that they do not drift apart.\n"
NONE = "01900000-0000-7000-8000-000000000000"


@pytest.fixture
def ingester(site: Site) -> Iterator[Ingester]:
    ingester = Ingester(site.db, site.settings, "test", lease_s=15)
    ingester.start()
    yield ingester
    ingester.close(5)


@pytest.fixture
async def books(api: httpx.AsyncClient) -> str:
    return (await api.post("/collections", json={"name": "Books"})).json()["id"]


async def settled(api: httpx.AsyncClient, document_id: str) -> dict[str, Any]:
    for _ in range(400):
        found = (await api.get(f"/documents/{document_id}")).json()
        if found["status"] in ("ready", "failed"):
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(found)


async def add(api: httpx.AsyncClient, collection: str, text: str = TEXT, title: str = "Otters") -> str:
    answer = await api.post(f"/collections/{collection}/documents", json={"title": title, "text": text})
    assert answer.status_code == 202, answer.text
    return answer.json()["document_id"]


async def upload(
    api: httpx.AsyncClient, collection: str, data: bytes, name: str = "notes.txt", **more: Any
) -> httpx.Response:
    return await api.post(f"/collections/{collection}/documents", files={"file": (name, data, "text/plain")}, **more)


async def found(api: httpx.AsyncClient, collection: str, query: str = "otters", **more: Any) -> list[dict[str, Any]]:
    answer = await api.post(f"/collections/{collection}/search", json={"query": query, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()["matches"]


def fields(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 422, answer.text
    assert all(detail["hint"] for detail in answer.json()["error"]["details"])
    return [detail["field"] for detail in answer.json()["error"]["details"]]


# Collections -------------------------------------------------------------------------------------------------


async def test_a_collection_is_made_listed_and_deleted(api: httpx.AsyncClient):
    made = await api.post("/collections", json={"name": "  Our   books "})
    assert made.status_code == 201 and made.headers["location"] == f"{PREFIX}/collections/{made.json()['id']}"
    book = made.json()
    assert (book["name"], book["store"], book["embedding"], book["dimension"]) == (
        "Our books", "embedded", "hashing", 512,
    )  # fmt: skip
    assert book["documents"] == book["chunks"] == 0 and book["moving"] is None
    assert (await api.get("/collections")).json() == {"items": [book], "next": None}
    assert (await api.get(f"/collections/{book['id']}")).json() == book
    assert (await api.delete(f"/collections/{book['id']}")).status_code == 204
    assert (await api.get(f"/collections/{book['id']}")).status_code == 404
    assert (await api.post("/collections", json={"name": "Our books"})).status_code == 201


async def test_a_name_is_taken_once(api: httpx.AsyncClient, books: str):
    again = await api.post("/collections", json={"name": "Books"})
    assert again.status_code == 409 and again.json()["error"]["code"] == "conflict"
    assert again.json()["error"]["details"][0]["field"] == "name"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": 7}, "name"),
        ({"name": "a\u0000b"}, "name"),
        ({"name": "A", "store": "shelf"}, "store"),
        ({"name": "A", "store": ["embedded"]}, "store"),
        ({"name": "A", "store": "pinecone"}, "store"),
        ({"name": "A", "store": "pgvector"}, "store"),
        ({"name": "A", "embedding": "guess"}, "embedding"),
        ({"name": "A", "embedding": 1}, "embedding"),
        ({"name": "A", "embedding": "openai/text-embedding-3-small"}, "embedding"),
        ({"name": "A", "chunk_size": 3}, "chunk_size"),
        ({"name": "A", "chunk_size": "big"}, "chunk_size"),
        ({"name": "A", "chunk_size": 500, "chunk_overlap": 400}, "chunk_overlap"),
        ({"name": "A", "colour": "red"}, "colour"),
    ],
)
async def test_what_cannot_be_is_refused_with_field_and_cure(api: httpx.AsyncClient, body: Any, field: str):
    assert fields(await api.post("/collections", json=body)) == [field]
    assert (await api.get("/collections")).json()["items"] == []


async def test_what_can_be_chosen_is_listed(api: httpx.AsyncClient):
    choices = (await api.get("/collections/choices")).json()
    assert {one["name"]: one["ready"] for one in choices["stores"]} == {
        "embedded": True, "pinecone": False, "pgvector": False,
    }  # fmt: skip
    assert choices["embeddings"][0]["name"] == "hashing"


# Documents ---------------------------------------------------------------------------------------------------


async def test_a_pasted_text_is_found(api: httpx.AsyncClient, books: str, ingester: Ingester):
    answer = await api.post(f"/collections/{books}/documents", json={"title": "Otters", "text": TEXT})
    assert answer.status_code == 202 and answer.json()["status"] == "pending"
    document = await settled(api, answer.json()["document_id"])
    assert (document["status"], document["title"], document["source"], document["chunks"], document["error"]) == (
        "ready", "Otters", "Otters", 1, None,
    )  # fmt: skip
    assert document["progress"] == 1 and document["searchable"] and document["collection_id"] == books
    (match,) = await found(api, books)
    assert match["document_id"] == document["id"] and match["text"] == TEXT.strip() and match["score"] > 0
    assert match["metadata"]["title"] == "Otters" and match["metadata"]["source"] == "Otters"
    (passage,) = (await api.get(f"/documents/{document['id']}/passages")).json()["items"]
    assert passage["id"] == match["id"] and passage["text"] == match["text"]
    assert (await api.get(f"/collections/{books}")).json()["documents"] == 1


async def test_a_file_is_found_and_keeps_its_name(api: httpx.AsyncClient, books: str, ingester: Ingester):
    answer = await upload(api, books, b"# Birds\n\nThe kiwi lays a very large egg.", "../birds.md")
    document = await settled(api, answer.json()["document_id"])
    assert (document["source"], document["origin"], document["content_type"]) == ("birds.md", "file", "text/markdown")
    (match,) = await found(api, books, "kiwi egg")
    assert match["metadata"]["heading"] == "Birds"


async def test_the_same_content_is_one_document(api: httpx.AsyncClient, books: str, ingester: Ingester):
    first = (await upload(api, books, TEXT.encode(), "a.txt")).json()["document_id"]
    await settled(api, first)
    again = (await upload(api, books, TEXT.encode(), "b.txt")).json()
    assert again == {"document_id": first, "status": "ready"}
    assert await add(api, books) == first
    assert len((await api.get(f"/collections/{books}/documents")).json()["items"]) == 1


async def test_another_content_from_the_same_source_replaces_it(api: httpx.AsyncClient, books: str, ingester: Ingester):
    first = await add(api, books)
    await settled(api, first)
    assert await add(api, books, "Badgers dig large burrows.") == first
    document = await settled(api, first)
    assert document["revision"] == 2
    (match,) = await found(api, books, "otters badgers hands burrows", mode="keyword", top_k=10)
    assert match["text"] == "Badgers dig large burrows."
    assert len(await found(api, books, "otters", mode="vector", top_k=10)) == 1


async def test_a_new_version_that_another_source_has_too_replaces_the_old_one(
    api: httpx.AsyncClient, books: str, ingester: Ingester
):
    draft = (await upload(api, books, b"Badgers dig large burrows.", "draft.txt")).json()["document_id"]
    plan = (await upload(api, books, TEXT.encode(), "plan.txt")).json()["document_id"]
    await settled(api, draft)
    await settled(api, plan)
    for _ in range(2):
        again = (await upload(api, books, b"Badgers dig large burrows.", "plan.txt")).json()["document_id"]
        assert again == plan and (await settled(api, plan))["revision"] == 2
    assert await found(api, books, "otters", mode="keyword") == []


async def test_what_fails_on_a_new_version_leaves_the_old_one_searched(
    api: httpx.AsyncClient, books: str, ingester: Ingester
):
    first = (await upload(api, books, TEXT.encode(), "a.pdf")).json()["document_id"]
    assert (await settled(api, first))["status"] in ("ready", "failed")
    first = (await upload(api, books, TEXT.encode(), "b.txt")).json()["document_id"]
    await settled(api, first)
    good = (await upload(api, books, b"Otters are mammals.", "c.txt")).json()["document_id"]
    await settled(api, good)
    broken = (await upload(api, books, b"%PDF-1.7\nbroken", "c.txt")).json()["document_id"]
    document = await settled(api, broken)
    assert broken == good and document["status"] == "failed" and document["searchable"]
    assert document["error"]["code"].startswith("document_") and "still searched" in document["error"]["hint"]
    assert any(match["text"] == "Otters are mammals." for match in await found(api, books))


async def test_a_broken_file_fails_with_a_code_and_can_be_tried_again(
    api: httpx.AsyncClient, books: str, ingester: Ingester
):
    id_ = (await upload(api, books, b"%PDF-1.7 no pdf at all", "x.pdf")).json()["document_id"]
    document = await settled(api, id_)
    assert document["status"] == "failed" and document["error"]["code"] == "document_broken"
    assert document["error"]["message"] and document["error"]["hint"] and not document["searchable"]
    assert (await api.post(f"/documents/{id_}/retry")).status_code == 202
    assert (await settled(api, id_))["status"] == "failed"
    other = await add(api, books)
    await settled(api, other)
    assert (await api.post(f"/documents/{other}/retry")).status_code == 409


async def test_a_deleted_document_is_gone_at_once(api: httpx.AsyncClient, books: str, ingester: Ingester):
    id_ = await add(api, books)
    await settled(api, id_)
    assert (await api.delete(f"/documents/{id_}")).status_code == 204
    for path in (f"/documents/{id_}", f"/documents/{id_}/passages"):
        assert (await api.get(path)).status_code == 404
    assert (await api.delete(f"/documents/{id_}")).status_code == 404
    for mode in ("vector", "keyword", "hybrid"):
        assert await found(api, books, mode=mode) == []


async def test_what_waits_can_be_stopped(api: httpx.AsyncClient, books: str):
    id_ = await add(api, books)
    stopped = await api.post(f"/documents/{id_}/cancel")
    assert stopped.status_code == 202 and stopped.json()["error"]["code"] == "cancelled"
    assert (await api.get(f"/documents/{id_}")).json()["status"] == "failed"
    assert (await api.post(f"/documents/{id_}/cancel")).status_code == 409
    assert (await api.post(f"/documents/{id_}/retry")).json()["status"] == "pending"


async def test_an_idempotency_key_answers_once(api: httpx.AsyncClient, books: str):
    path, headers = f"/collections/{books}/documents", {"Idempotency-Key": "k"}
    first = await api.post(path, json={"title": "A", "text": "one"}, headers=headers)
    assert (await api.post(path, json={"title": "A", "text": "one"}, headers=headers)).json() == first.json()
    assert (await api.post(path, json={"title": "A", "text": "two"}, headers=headers)).status_code == 422


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": "https://a.example", "text": "both"}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"url": "ftp://a.example/x"}, "url"),
        ({"url": "https://me:secret@a.example"}, "url"),
        ({"url": 7}, "url"),
        ({"text": ""}, "text"),
        ({"text": "   "}, "text"),
        ({"text": 7}, "text"),
        ({"text": "a\u0000b"}, "text"),
        ({"title": "x" * 301, "text": "a"}, "title"),
        ({"title": 7, "text": "a"}, "title"),
        ({"txt": "a"}, "txt"),
    ],
)
async def test_no_half_document_is_kept(api: httpx.AsyncClient, books: str, body: Any, field: str):
    assert fields(await api.post(f"/collections/{books}/documents", json=body)) == [field]
    assert (await api.get(f"/collections/{books}/documents")).json()["items"] == []


async def test_uploads_that_are_none_are_refused(api: httpx.AsyncClient, books: str):
    path = f"/collections/{books}/documents"
    assert fields(await api.post(path, files={"other": ("a.txt", b"a")})) == ["file"]
    assert fields(await api.post(path, files={"file": ("a.txt", b"")})) == ["file"]
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    assert fields(await api.post(path, content=b"--y\r\nnothing", headers=broken)) == ["file"]
    assert fields(await api.post(path, content=b"", headers={"Content-Type": "multipart/form-data"})) == ["file"]
    assert (await api.post(path, content=b"a", headers={"Content-Type": "text/plain"})).status_code == 415
    assert (await api.get(f"{path}")).json()["items"] == []


async def test_a_file_of_25_mb_is_taken_and_not_one_byte_more(api: httpx.AsyncClient, books: str):
    most = 25 * 2**20
    assert (await upload(api, books, b"a" * most)).status_code == 202
    over = await upload(api, books, b"b" * (most + 1))
    assert over.status_code == 413 and over.json()["error"]["code"] == "too_large"
    assert (await upload(api, books, b"b" * (most + 10 * 2**20))).status_code == 413


async def test_a_preview_stores_nothing(api: httpx.AsyncClient, books: str):
    text = "# One\n\nFirst part.\n\n# Two\n\nSecond part.\n"
    shown = await api.post("/collections/preview", files={"file": ("a.md", text.encode())}, data={"chunk_size": "200"})
    assert [p["heading"] for p in shown.json()["passages"]] == ["One", "Two"] and shown.json()["total"] == 2
    pasted = await api.post("/collections/preview", json={"title": "A", "text": text})
    assert [p["text"] for p in pasted.json()["passages"]] == ["First part.", "Second part."]
    bad = await api.post("/collections/preview", files={"file": ("a.pdf", b"%PDF-1.4 no")})
    assert fields(bad) == ["file"]
    assert fields(await api.post("/collections/preview", json={"text": "a", "chunk_size": 1})) == ["chunk_size"]
    assert (await api.get(f"/collections/{books}/documents")).json()["items"] == []


# Search ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "query"),
        ({"query": " "}, "query"),
        ({"query": 7}, "query"),
        ({"query": "x" * 10_001}, "query"),
        ({"query": "a", "top_k": 0}, "top_k"),
        ({"query": "a", "top_k": 101}, "top_k"),
        ({"query": "a", "top_k": "5"}, "top_k"),
        ({"query": "a", "top_k": True}, "top_k"),
        ({"query": "a", "mode": "guess"}, "mode"),
        ({"query": "a", "mode": []}, "mode"),
        ({"query": "a", "filter": []}, "filter"),
        ({"query": "a", "min_score": "high"}, "min_score"),
        ({"query": "a", "min_score": 1.5}, "min_score"),
        ({"query": "a", "min_score": -0.1}, "min_score"),
        ({"query": "a", "limit": 3}, "limit"),
    ],
)
async def test_a_question_that_cannot_be_asked_says_why(api: httpx.AsyncClient, books: str, body: Any, field: str):
    assert fields(await api.post(f"/collections/{books}/search", json=body)) == [field]


async def test_a_filter_that_cannot_be_names_its_field(api: httpx.AsyncClient, books: str):
    answer = await api.post(f"/collections/{books}/search", json={"query": "a", "filter": {"source": {"$near": 1}}})
    assert answer.status_code == 422
    problem = answer.json()["error"]["details"][0]
    assert (problem["code"], problem["field"]) == ("bad_filter", "filter.source")
    huge = f'{{"query": "a", "filter": {{"page": {"9" * 400}}}}}'
    headers = {"Content-Type": "application/json"}
    answer = await api.post(f"/collections/{books}/search", content=huge, headers=headers)
    assert answer.status_code == 422 and answer.json()["error"]["details"][0]["field"] == "filter.page"


async def test_filters_narrow_the_search(api: httpx.AsyncClient, books: str, ingester: Ingester):
    for title in ("One", "Two"):
        await settled(api, await add(api, books, f"{title}: {TEXT}", title))
    (match,) = await found(api, books, filter={"source": "Two"})
    assert match["metadata"]["source"] == "Two"


# Strangers ---------------------------------------------------------------------------------------------------

ROUTES = [
    ("GET", "/collections/{c}", None),
    ("DELETE", "/collections/{c}", None),
    ("GET", "/collections/{c}/documents", None),
    ("POST", "/collections/{c}/documents", {"text": "a"}),
    ("POST", "/collections/{c}/search", {"query": "otters"}),
    ("POST", "/collections/{c}/move", {"store": "embedded"}),
    ("DELETE", "/collections/{c}/move", None),
    ("GET", "/documents/{d}", None),
    ("DELETE", "/documents/{d}", None),
    ("POST", "/documents/{d}/cancel", None),
    ("POST", "/documents/{d}/retry", None),
    ("GET", "/documents/{d}/passages", None),
]


@pytest.fixture
async def stranger(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Another workspace's key."""
    with site.db.begin() as conn:
        from sqlmodel import Session

        session = Session(conn)
        other = new_id()
        session.add(WorkspaceRow(id=other, name="Other", created_at=0))
        session.flush()
    key = identity.create_key(Workspace(site.db, other), "other")["key"]
    async with client(site, key) as http:
        yield http


async def test_nothing_of_ours_is_there_for_another_workspace(
    api: httpx.AsyncClient, stranger: httpx.AsyncClient, books: str, ingester: Ingester
):
    document = await add(api, books)
    await settled(api, document)
    for method, path, body in ROUTES:
        answer = await stranger.request(method, path.format(c=books, d=document), json=body)
        assert answer.status_code == 404, (method, path, answer.text)
    assert (await stranger.get("/collections")).json()["items"] == []
    theirs = (await stranger.post("/collections", json={"name": "Books"})).json()["id"]
    their_document = await add(stranger, theirs, "Otters steal fish.")
    assert their_document != document
    await settled(stranger, their_document)
    assert [match["text"] for match in await found(stranger, theirs)] == ["Otters steal fish."]
    assert [match["text"] for match in await found(api, books)] == [TEXT.strip()]
    assert (await api.get(f"/documents/{document}")).json()["status"] == "ready"


@pytest.mark.parametrize("id_", [NONE, "no-id", "'; drop table chunk", "%00", "x" * 300])
async def test_ids_that_are_not_ours_are_not_found(api: httpx.AsyncClient, id_: str):
    for method, path, body in ROUTES:
        answer = await api.request(method, path.format(c=id_, d=id_), json=body)
        assert answer.status_code == 404, (method, path, answer.text)


async def test_reading_and_writing_need_their_scopes(site: Site, ws: Workspace, books: str):
    async with client(site, identity.create_key(ws, "reader", ["read"])["key"]) as reader:
        assert (await reader.get(f"/collections/{books}")).status_code == 200
        assert (await reader.post(f"/collections/{books}/search", json={"query": "a"})).status_code == 200
        assert (await reader.post("/collections", json={"name": "Mine"})).status_code == 403
        assert (await upload(reader, books, b"a")).status_code == 403
        assert (await reader.delete(f"/collections/{books}")).status_code == 403


async def test_a_collection_moves_to_a_new_place_and_is_searched_all_the_while(
    api: httpx.AsyncClient, books: str, ingester: Ingester
):
    await settled(api, await add(api, books))
    assert fields(await api.post(f"/collections/{books}/move", json={})) == ["store"]
    assert fields(await api.post(f"/collections/{books}/move", json={"store": "pinecone"})) == ["store"]
    moved = await api.post(f"/collections/{books}/move", json={"embedding": "hashing"})
    assert moved.status_code == 202 and moved.json()["moving"]["embedding"] == "hashing"
    assert len(await found(api, books)) == 1
    for _ in range(100):
        if (await api.get(f"/collections/{books}")).json()["moving"] is None:
            break
        await asyncio.sleep(0.05)
    assert len(await found(api, books, mode="vector")) == 1
    assert (await api.get(f"/collections/{books}")).json()["moving"] is None


async def test_the_original_comes_back_byte_for_byte_and_never_as_a_page(api: httpx.AsyncClient, books: str) -> None:
    page = b"<html><script>alert(1)</script>\xff" + bytes(range(256))
    files = {"file": ("Zw\u00f6lf & \u201cmore\u201d.html", page, "text/html")}
    added = (await api.post(f"/collections/{books}/documents", files=files)).json()["document_id"]
    answer = await api.get(f"/documents/{added}/original")
    assert (answer.status_code, answer.content) == (200, page)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''Zw%C3%B6lf%20%26")


async def test_there_is_no_original_of_what_is_not_there(api: httpx.AsyncClient, books: str) -> None:
    assert (await api.get(f"/documents/{NONE}/original")).status_code == 404
    page = (await api.post(f"/collections/{books}/documents", json={"url": "https://example.org/a"})).json()
    assert (await api.get(f"/documents/{page['document_id']}/original")).status_code == 404
