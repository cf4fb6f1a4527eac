"""Collections and documents through REST, read by the real worker; and steps that search them."""

from __future__ import annotations

import io
import time
import zipfile
from typing import Any

import pytest

from tests.contracts.client import Client, Json
from tests.contracts.flows import chain, inputs, node
from tests.world.sink import Sink

FACTS = {
    "otters.txt": "Otters hold hands while they sleep, so that they do not drift apart.",
    "kiwis.md": "# Kiwis\n\nThe kiwi lays an egg of a fifth of its own weight.",
    "geysers.html": "<html><body><h1>Geysers</h1><p>The geyser Strokkur erupts every six minutes.</p>"
    "<script>alert('no')</script></body></html>",
    "rivers.csv": "river,length\nAmazon,6400\nNile,6650\n",
    "peaks.json": '{"peaks": [{"name": "Denali", "height": 6190}]}',
}
KINDS = {
    "otters.txt": "Otters", "kiwis.md": "kiwi egg", "geysers.html": "Strokkur", "rivers.csv": "Nile",
    "peaks.json": "Denali",
}  # fmt: skip


@pytest.fixture(scope="module")
def books(api: Client) -> str:
    return api.post("/collections", {"name": "Books of facts"}, 201)["id"]


def upload(api: Client, collection: str, name: str, data: bytes, status: int = 202) -> Json:
    files = {"file": (name, data, "application/octet-stream")}
    return api.send("POST", f"/collections/{collection}/documents", status, files=files)


def settled(api: Client, document_id: str, seconds: float = 60) -> Json:
    """Its progress never goes back within one attempt."""
    end = time.monotonic() + seconds
    while (found := api.get(f"/documents/{document_id}"))["status"] in ("pending", "ingesting"):
        assert 0 <= found["progress"] <= 1
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return found


def search(api: Client, collection: str, query: str, **more: Any) -> list[Json]:
    return api.post(f"/collections/{collection}/search", {"query": query, **more})["matches"]


def test_files_of_every_kind_become_searchable(api: Client, books: str):
    added = {name: upload(api, books, name, text.encode()) for name, text in FACTS.items()}
    for name, answer in added.items():
        assert set(answer) >= {"document_id", "status"} and answer["status"] == "pending"
        document = settled(api, answer["document_id"])
        assert document["status"] == "ready", document
        assert set(document) >= {
            "id", "collection_id", "title", "source", "status", "progress", "chunks", "error",
        }  # fmt: skip
        assert document["collection_id"] == books and document["source"] == name
        assert document["progress"] == 1 and document["chunks"] >= 1 and document["error"] is None
    for name, words in KINDS.items():
        for mode in ("vector", "keyword", "hybrid"):
            best = search(api, books, words, mode=mode, top_k=3)[0]
            assert best["document_id"] == added[name]["document_id"], (name, mode)
            assert set(best) >= {"id", "document_id", "score", "text", "metadata"}
            assert best["metadata"]["source"] == name and "alert" not in best["text"]
    listed = api.get(f"/collections/{books}/documents")
    assert {one["source"] for one in listed["items"]} == set(FACTS) and listed["next"] is None
    assert api.get(f"/collections/{books}")["documents"] == len(FACTS)


def test_a_page_of_the_web_is_fetched_and_read(api: Client, sink: Sink):
    home = api.post("/collections", {"name": "The web"}, 201)["id"]
    answer = api.post(f"/collections/{home}/documents", {"url": f"{sink.origin}/page?a=1"}, 202)
    document = settled(api, answer["document_id"])
    assert document["status"] == "ready" and document["source"].startswith(sink.origin), document


def test_addresses_inside_fail_with_a_code(bare_api: Client):
    home = bare_api.post("/collections", {"name": "Inside"}, 201)["id"]
    for url in ("http://127.0.0.1:9/x", "http://169.254.169.254/latest", "http://[::1]/", "http://10.0.0.1/a.pdf"):
        answer = bare_api.post(f"/collections/{home}/documents", {"url": url}, 202)
        document = settled(bare_api, answer["document_id"])
        assert document["status"] == "failed" and document["error"]["code"] == "egress_refused", document
        assert document["error"]["message"] and document["error"]["hint"]
    assert search(bare_api, home, "anything") == []


def bomb() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", b"\0" * 300_000_000)
    return data.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.pdf", b"%PDF-1.7\nno more"),
        ("a.pdf", b""),
        ("a.docx", b"PK\x03\x04broken"),
        ("a.docx", bomb()),
        ("a.txt", bytes(range(256)) * 40),
        ("a.exe", b"MZ\x90\0" + b"\0" * 400),
        ("a.json", b'{"a": '),
        ("blank.txt", b" \n\t "),
    ],
)
def test_what_cannot_be_read_fails_alone(api: Client, books: str, name: str, data: bytes):
    if not data:
        assert upload(api, books, name, data, 422)["error"]["details"][0]["field"] == "file"
        return
    document = settled(api, upload(api, books, name, data)["document_id"])
    if document["status"] == "ready":
        assert name == "a.json"  # a text after all
    else:
        assert document["error"]["code"].startswith("document_") and document["error"]["message"], document
        assert api.get(f"/documents/{document['id']}/passages")["items"] == []
    api.send("DELETE", f"/documents/{document['id']}", 204)


def test_deleted_is_gone_and_never_found_again(api: Client):
    home = api.post("/collections", {"name": "Short-lived"}, 201)["id"]
    secret = {"title": "Secret", "text": "The treasure is under the oak."}
    answer = api.post(f"/collections/{home}/documents", secret, 202)
    document = settled(api, answer["document_id"])
    assert len(search(api, home, "treasure oak")) == 1
    api.send("DELETE", f"/documents/{document['id']}", 204)
    api.get(f"/documents/{document['id']}", 404)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        for mode in ("vector", "keyword", "hybrid"):
            assert search(api, home, "treasure oak", mode=mode) == []
        time.sleep(0.2)
    api.send("DELETE", f"/collections/{home}", 204)
    api.get(f"/collections/{home}", 404)
    api.post(f"/collections/{home}/search", {"query": "treasure"}, 404)
    api.post(f"/collections/{home}/documents", {"title": "a", "text": "b"}, 404)


def test_names_are_unique_and_stores_that_are_not_here_are_refused(api: Client, books: str):
    assert api.post("/collections", {"name": "Books of facts"}, 409)["error"]["code"]
    for store in ("pinecone", "pgvector"):
        (problem,) = api.post("/collections", {"name": store, "store": store}, 422)["error"]["details"]
        assert problem["field"] == "store" and problem["hint"]


def test_a_step_searches_a_collection_by_name_and_by_id(api: Client, books: str):
    for collection in ("Books of facts", books):
        found = node("docs", "retrieve", collection=collection, query="{{ input.question }}", top_k=2)
        spec = chain(
            found, node("say", text="{{ docs.text }}"), inputs=inputs(question="string"),
            outputs={"first": "{{ docs.matches[0].text }}", "text": "{{ say.text }}", "all": "{{ docs.matches }}"},
        )  # fmt: skip
        run = api.run(spec, question="Where do otters sleep?")
        assert run["status"] == "completed", run["error"]
        assert "Otters hold hands" in run["outputs"]["first"] and "Otters hold hands" in run["outputs"]["text"]
        assert all(set(match) >= {"id", "score", "text", "metadata"} for match in run["outputs"]["all"])


def test_a_collection_that_is_not_there_fails_the_step(api: Client):
    run = api.run(chain(node("docs", "retrieve", collection="Nowhere", query="a")))
    assert run["status"] == "failed" and run["error"]["code"] == "unknown_collection"
    assert run["error"]["node_id"] == "docs" and run["error"]["message"]


def test_a_step_adds_a_document_once_and_the_next_one_finds_it(api: Client):
    home = api.post("/collections", {"name": "Notes of runs"}, 201)["id"]
    spec = chain(
        node("keep", "ingest", collection="Notes of runs", text="{{ input.note }}", title="Note"),
        node("docs", "retrieve", collection="Notes of runs", query="{{ input.note }}"),
        inputs=inputs(note="string"),
        outputs={"document": "{{ keep.document_id }}", "found": "{{ docs.matches[0].text }}"},
    )
    run = api.run(spec, note="The meeting is on Thursday.")
    assert run["status"] == "completed", run["error"]
    assert run["outputs"]["found"] == "The meeting is on Thursday."
    (document,) = api.get(f"/collections/{home}/documents")["items"]
    assert document["id"] == run["outputs"]["document"] and document["status"] == "ready"
