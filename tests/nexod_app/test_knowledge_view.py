"""Words and figures of collections, documents, searches and what is remembered."""

from __future__ import annotations

from typing import Any

import pytest

from nexod_app.knowledge import trial, view
from nexod_app.knowledge.trial import Part, Side
from nexod_app.memory import view as memory


def document(**more: Any) -> dict[str, Any]:
    return {
        "id": "d", "collection_id": "c", "title": "Handbook", "source": "Handbook.pdf", "status": "ready",
        "progress": 1, "chunks": 48, "error": None, "origin": "file", "content_type": "application/pdf",
        "size": 1_240_000, "stage": "", "details": {"kind": "pdf", "pages": 62, "warnings": []}, "searchable": True,
        "created_at": "2026-01-01T00:00:00.000Z", "updated_at": "2026-01-01T00:00:00.000Z", **more,
    }  # fmt: skip


def test_a_document_says_what_it_is() -> None:
    doc = view.doc(document())
    assert (doc.about, doc.passages, doc.word, doc.source) == (
        "PDF · 62 pages · 1.2 MB", "48 passages", "Searchable", "Handbook.pdf",
    )  # fmt: skip


def test_a_document_in_work_says_at_what_and_how_far() -> None:
    doc = view.doc(document(status="ingesting", stage="embedding", progress=0.618, chunks=0, details={}))
    assert (doc.busy, doc.word, doc.percent, doc.passages) == (True, "Making it searchable", 62, "")


def test_a_fault_stands_with_code_and_cure() -> None:
    error = {"code": "document_encrypted", "message": "It has a password.", "hint": "Save it without one."}
    doc = view.doc(document(status="failed", error=error, searchable=False))
    assert (doc.status, doc.word) == ("failed", "Not searchable")
    assert (doc.error, doc.cure, doc.code) == ("It has a password.", "Save it without one.", "document_encrypted")


def test_what_waits_after_a_fault_is_tried_again() -> None:
    error = {"code": "http_connection", "message": "It cannot be reached.", "hint": ""}
    doc = view.doc(document(status="pending", error=error, origin="url", source="https://example.org/a"))
    assert (doc.busy, doc.word, doc.error, doc.url) == (
        True, "Will be tried again", "It cannot be reached.", "https://example.org/a",
    )  # fmt: skip


def test_what_somebody_stopped_is_no_fault() -> None:
    doc = view.doc(document(status="failed", error={"code": "cancelled", "message": "Stopped.", "hint": ""}))
    assert (doc.status, doc.word, doc.error) == ("cancelled", "Cancelled", "")


def test_a_new_version_that_failed_leaves_the_old_one_searchable() -> None:
    error = {"code": "document_broken", "message": "Torn.", "hint": ""}
    assert view.doc(document(status="failed", error=error)).word == "Older text searchable"


def test_all_documents_together_are_told_in_one_line() -> None:
    some = [
        document(),
        document(status="failed", error={"code": "x", "message": ""}),
        document(status="ingesting", progress=0.5),
    ]
    found = view.progress(len(some), some[1:])
    assert found.words == "1 of 3 documents searchable, 1 failed"
    assert (found.percent, found.busy) == (83, True)
    assert view.progress(0, []).words == ""


def test_documents_that_are_not_listed_count_as_well() -> None:
    found = view.progress(1200, [document(status="pending", progress=0)])
    assert (found.words, found.ready, found.busy) == ("1,199 of 1,200 documents searchable", 1199, True)


@pytest.mark.parametrize(
    ("embedding", "words"),
    [
        ("hashing", "Finds words, not meanings"),
        ("minilm", "Finds meanings, on this machine"),
        ("openai/text-embedding-3-small", "Finds meanings, with text-embedding-3-small"),
    ],
)
def test_an_embedding_is_said_in_plain_words(embedding: str, words: str) -> None:
    assert view.how(embedding) == words


def test_a_move_says_where_and_how_far() -> None:
    collection = {
        "id": "c", "name": "Handbook", "store": "embedded", "embedding": "hashing", "dimension": 512, "documents": 2,
        "chunks": 1500, "chunk_size": 1200, "chunk_overlap": 150, "created_at": "", "updated_at": "",
        "moving": {"store": "pinecone", "embedding": "hashing", "done": 300, "of": 1500, "error": None},
    }  # fmt: skip
    head = view.head(collection)
    assert (head.moving, head.moved, head.fault) == ("Copying to Pinecone, 300 of 1,500", 20, "")
    collection["moving"] = {**collection["moving"], "error": {"message": "No such key.", "hint": "Set it."}}
    assert (view.head(collection).moving, view.head(collection).fault) == ("", "No such key. Set it.")


# The test bench ----------------------------------------------------------------------------------------------


def test_a_form_becomes_a_search() -> None:
    form = {"question": "x", "a-mode": "keyword", "a-top_k": "3", "a-min_score": "0,4", "a-filter": "title = Handbook"}
    body = trial.body(trial.side("a", form, Side("a")), "x")
    assert body == {
        "query": "x", "mode": "keyword", "top_k": 3, "min_score": 0.4, "filter": {"title": "Handbook"},
    }  # fmt: skip


def test_sorted_by_a_model_is_a_search_by_both() -> None:
    side = trial.side("a", {"a-mode": "sorted"}, Side("a"))
    assert (side.mode, trial.body(side, "x")["mode"]) == ("sorted", "hybrid")


@pytest.mark.parametrize("form", [{"a-mode": "magic", "a-top_k": "many"}, {"a-top_k": "-3"}, {}])
def test_odd_fields_of_the_form_become_the_usual(form: dict[str, Any]) -> None:
    assert trial.body(trial.side("a", form, Side("a")), "x") == {"query": "x", "mode": "hybrid", "top_k": 5}


@pytest.mark.parametrize(
    ("typed", "filter"),
    [
        ("page = 3, kind = pdf", {"page": 3, "kind": "pdf"}),
        ('{"page": {"$gt": 3}}', {"page": {"$gt": 3}}),
        ("title=a=b", {"title": "a=b"}),
    ],
)
def test_a_filter_is_typed_as_pairs_or_as_json(typed: str, filter: dict[str, Any]) -> None:
    assert trial.filter_of(typed) == filter


@pytest.mark.parametrize("typed", ["Handbook", "title =", "{page: 3}", "a = b, c"])
def test_a_filter_that_is_none_is_refused_in_words(typed: str) -> None:
    with pytest.raises(ValueError, match="filter"):
        trial.filter_of(typed)


@pytest.mark.parametrize("typed", ["high", "2", "-0,1", "nan"])
def test_a_least_score_that_is_none_is_refused_in_words(typed: str) -> None:
    with pytest.raises(ValueError, match="least score is a number"):
        trial.body(Side("a", min_score=typed), "x")


def test_a_match_says_why_it_was_found_and_marks_the_words() -> None:
    found = {
        "id": "d:1:0", "document_id": "d", "score": 0.81, "text": "Annual leave is thirty days.",
        "metadata": {
            "title": "Handbook", "heading": "Time off", "page": 2,
            "scores": {"vector": 0.42, "vector_rank": 3, "keyword": 1.0, "keyword_rank": 1, "fused": 0.81},
        },
    }  # fmt: skip
    (match,) = trial.matches([found], lambda text: [(7, 12)])
    assert (match.title, match.place, match.score, match.width) == ("Handbook", "Time off · page 2", "0.81", 81)
    assert [(why.name, why.value, why.width) for why in match.why] == [
        ("Embedding", "0.42, rank 3", 42), ("Keywords", "1.00, rank 1", 100),
    ]  # fmt: skip
    assert match.parts == [Part("Annual "), Part("leave", hit=True), Part(" is thirty days.")]


# Memory ------------------------------------------------------------------------------------------------------


def item(**more: Any) -> dict[str, Any]:
    return {
        "id": "m", "kind": "pattern", "text": "Titles are short.", "subject": "news/title", "confidence": 0.72,
        "seen": 4, "details": None, "run_id": "r", "created_at": "", "updated_at": "2026-01-01T00:00:00.000Z", **more,
    }  # fmt: skip


def test_confidence_is_a_word_and_a_number() -> None:
    shown = memory.item(item())
    assert (shown.sure, shown.percent, shown.seen) == ("Fairly sure", 72, "seen 4 times")
    assert memory.sure(0.1) == "A weak guess"


FLOWS = {"news": {"name": "Morning news", "nodes": [{"id": "title", "kind": "approval", "title": "Choose a title"}]}}


def test_a_pattern_shows_only_what_somebody_changed() -> None:
    changes = [{"field": "headline", "from": "Long", "to": "Short"}, {"field": "page.no", "from": None, "to": 3}]
    shown = memory.item(item(details={"decision": "approved", "changes": changes}), FLOWS)
    assert (shown.before, shown.after) == ("Headline: Long\nPage › no: nothing", "Headline: Short\nPage › no: 3")
    assert (shown.decision, shown.subject) == ("approved", "Morning news · Choose a title")


def test_without_a_change_there_is_no_before_and_after() -> None:
    shown = memory.item(item(details={"decision": "rejected", "changes": [], "comment": "No receipt."}))
    assert (shown.before, shown.after, shown.comment) == ("", "", "No receipt.")
    told = memory.item(item(text="Refund: rejected, because: No receipt.", details={"comment": "No receipt."}))
    assert told.comment == ""


def test_a_very_long_value_is_cut() -> None:
    assert len(memory.clipped("x" * 50_000)) == memory.LONG + 1
