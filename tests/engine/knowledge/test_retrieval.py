from __future__ import annotations

import os
import threading
from dataclasses import replace
from typing import Any

import pytest

from engine.errors import NodeError
from engine.knowledge import retrieval
from engine.store import passages
from engine.store.database import Database
from engine.store.models import new_id
from tests.engine.knowledge.library import Library
from tests.world.models import ModelServer

TEXTS = [
    "The gardener waters the roses every morning.",
    "Invoices are paid within thirty days of receipt.",
    "A warranty claim needs the invoice and the serial number.",
    "Café Zoë öffnet um acht Uhr.",
    "東京都は日本の首都です。",
]
MODES = ("vector", "keyword", "hybrid")
HOSTILE = [
    '"', "'", "* OR NOT AND NEAR(", "roses AND", "title:roses", "-roses", "^roses", "{a b} : c", 'a"b"c', "(((", ")",
    "roses*", "; drop table chunk; --", "%s %(x)s :w :q0 ?", "\0", "a\0b", "\ud800", "🌹", "🌹 roses", "東", "東京",
    "\\", "{", "NEAR", "not", "the and of", "ﬁ", "é", "e\u0301", "\u200b", "roses " * 1700, "x" * 10_000,
    "東京" * 5000, " ".join(f"word{n}" for n in range(1500)), "'; select 1", "a & b | !c <-> d:*", "\n\t", "#$%",
]  # fmt: skip


@pytest.fixture
def ids(library: Library) -> list[str]:
    library.collection()
    return library.add(TEXTS)


@pytest.mark.parametrize("mode", MODES)
def test_a_question_finds_its_passage_by_name_and_by_id(library: Library, mode: str):
    id_ = library.collection()
    ids = library.add(TEXTS)
    for name in ("docs", id_):
        assert library.found("watering a rose", name, mode=mode)[0] == ids[0]
        assert library.found("When must an invoice be paid?", name, mode=mode)[0] == ids[1]


@pytest.mark.parametrize("mode", MODES)
def test_scores_are_between_nothing_and_one_best_first_and_say_why(library: Library, ids: list[str], mode: str):
    matches = library.search("invoice paid thirty days", mode=mode)
    scores = [match["score"] for match in matches]
    assert scores == sorted(scores, reverse=True) and min(scores) >= 0 and max(scores) <= 1
    why = matches[0]["metadata"]["scores"]
    expected = {
        "vector": {"vector", "vector_rank"},
        "keyword": {"keyword", "keyword_rank"},
        "hybrid": {"vector", "vector_rank", "keyword", "keyword_rank", "fused"},
    }
    assert why.keys() == expected[mode]
    assert all(why[name] == 1 for name in why if name.endswith("_rank"))
    assert matches[0].keys() == {"id", "document_id", "score", "text", "metadata"}
    assert matches[0]["text"] == TEXTS[1] and matches[0]["metadata"]["title"] == "A text"


def test_the_best_by_keyword_scores_the_share_of_the_words_it_holds(library: Library, ids: list[str]):
    assert library.search("serial number", mode="keyword")[0]["score"] == 1
    assert library.search("serial elephant", mode="keyword")[0]["score"] == 0.5


@pytest.mark.parametrize("mode", MODES)
def test_min_score_and_top_k_cut(library: Library, ids: list[str], mode: str):
    every = library.search("invoice serial", mode=mode)
    assert len(every) > 1
    bar = every[0]["score"]
    assert [match["id"] for match in library.search("invoice serial", mode=mode, min_score=bar)] == [every[0]["id"]]
    assert library.search("invoice serial", mode=mode, min_score=1.1) == []
    assert library.found("invoice serial", mode=mode, top_k=1) == [every[0]["id"]]


@pytest.mark.parametrize(("options", "code"), [
    ({"top_k": 0}, "bad_value"), ({"top_k": 201}, "bad_value"), ({"mode": "magic"}, "bad_value"),
    ({"filter": {"page": {"$near": 1}}}, "bad_filter"), ({"filter": {"$near": 1}, "mode": "keyword"}, "bad_filter"),
])  # fmt: skip
def test_what_cannot_be_asked_is_refused(library: Library, ids: list[str], options: dict[str, Any], code: str):
    with pytest.raises(NodeError) as caught:
        library.search("zebra", **options)
    assert caught.value.code == code


def test_an_unknown_collection_names_those_there_are(library: Library):
    library.collection("manuals")
    library.collection("letters")
    with pytest.raises(NodeError, match="There is no collection 'nowhere'") as caught:
        library.search("roses", "nowhere")
    assert caught.value.code == "unknown_collection"
    assert caught.value.hint == "There are 'letters', 'manuals'."


def test_no_collection_has_a_null_byte_in_its_name(library: Library):
    with pytest.raises(NodeError) as caught:
        library.search("otters", "a\0b")
    assert caught.value.code == "unknown_collection"


@pytest.mark.parametrize("mode", MODES)
def test_any_text_is_a_safe_question(library: Library, ids: list[str], mode: str):
    for query in HOSTILE:
        matches = library.search(query, mode=mode, top_k=10)
        assert {match["id"] for match in matches} <= set(ids), query
    assert len(library.found("invoice roses serial Uhr 東京", mode=mode, top_k=10)) >= 3


@pytest.mark.parametrize("query", ["", "  \n", "\0"])
def test_a_blank_question_finds_nothing(library: Library, ids: list[str], query: str):
    assert library.search(query) == []


def test_words_are_found_without_accents_case_and_endings(library: Library, ids: list[str]):
    for query in ("cafe zoe", "CAFÉ", "ZOË", "Cafe\u0301"):
        assert library.found(query, mode="keyword") == [ids[3]], query
    assert library.found("gardeners", mode="keyword") == [ids[0]]


@pytest.mark.parametrize(("written", "asked"), [
    ("Die Straße ist gesperrt", "straße"), ("Die Strasse ist gesperrt", "Straße"), ("Η Αθήνα είναι πόλη", "αθήνα"),
    ("Чайковский написал оперу", "чайковский"), ("Ёлка стоит в углу", "ёлка"), ("서울 날씨가 맑다", "서울"),
    ("سافر أحمد إلى القاهرة", "أحمد"), ("दिल्ली में बारिश", "दिल्ली"), ("Mu\u0308ller und Sohn", "Müller"),
    ("Müller und Sohn", "Mu\u0308ller"), ("ภาษาไทยง่าย", "ภาษา"), ("ພາສາລາວ", "ພາສາ"), ("Łódź leży w Polsce", "łódź"),
    ("Đà Nẵng đẹp lắm", "nẵng"), ("İstanbul güzel", "istanbul"),
])  # fmt: skip
def test_words_of_any_script_are_found(library: Library, written: str, asked: str):
    library.collection()
    (one,) = library.add([written if library.db.sqlite else written.lower()])  # this PostgreSQL's locale is C
    library.add(["बाल की खाल", "كتب ودفاتر", "Something else", "Другое слово", "부산 바다"])
    assert library.found(asked, mode="keyword") == [one]
    assert library.found(asked, mode="hybrid")[0] == one


def test_scripts_without_spaces_are_found_by_their_pairs(library: Library, ids: list[str]):
    assert library.found("日本の首都", mode="keyword") == [ids[4]]
    assert library.found("roses of 東京", mode="keyword")[0] in (ids[0], ids[4])
    assert library.found("大阪", mode="keyword") == []


def test_common_words_count_only_when_there_are_no_others(library: Library, ids: list[str]):
    assert retrieval.terms("What is the price of the roses?") == (["price", "roses"], [])
    assert retrieval.terms("to be or not to be")[0]
    assert retrieval.terms("東京都 Tower") == (["tower"], ["東京", "京都"])


def test_titles_and_headings_are_searched_too(library: Library):
    library.collection()
    (one,) = library.add(["Nothing of the sort is said here."], title="Holidays.pdf", heading="Leave › Parental")
    assert library.found("parental", mode="keyword") == [one]
    assert library.found("holidays", mode="keyword") == [one]


@pytest.mark.parametrize("mode", MODES)
def test_filters_hold_however_rare_what_they_let_through(library: Library, mode: str):
    library.collection()
    library.add([f"Invoice number {n} of many invoices" for n in range(400)], kind="common")
    (rare,) = library.add(["Somewhere below: an invoice, once, among quite a few other words"], kind="rare")
    assert library.found("invoice", mode=mode, filter={"kind": "rare"}) == [rare]
    assert len(library.found("invoice", mode=mode, filter={"n": {"$lt": 3}, "kind": "common"}, top_k=50)) == 3


@pytest.mark.parametrize("mode", MODES)
def test_what_sql_no_longer_has_is_never_found_and_others_take_its_place(library: Library, mode: str):
    library.collection()
    gone = library.add([f"Roses and more roses, bed {n}" for n in range(60)])
    (kept,) = library.add(["One rose, beside a great many other flowers and some trees"])
    assert library.found("roses", mode=mode, top_k=3) != [kept]
    library.remove(gone)
    assert library.found("roses", mode=mode, top_k=3) == [kept]


@pytest.mark.parametrize("mode", MODES)
def test_collections_and_workspaces_see_only_their_own(db: Database, mode: str):
    libraries = [Library(db, new_id()) for _ in range(4)]
    own: dict[tuple[str, str], set[str]] = {}
    for library in libraries:
        for name in ("docs", "other"):
            library.collection(name)
            own[library.workspace_id, name] = set(library.add(TEXTS, name))
    for library in libraries:
        for name in ("docs", "other"):
            mine = own[library.workspace_id, name]
            found = {id_ for text in TEXTS for id_ in library.found(text, name, mode=mode, top_k=50)}
            assert found == mine


def test_each_part_of_a_search_keeps_to_its_collection_by_itself(library: Library, db: Database):
    """So that one of them may be wrong."""
    mine, other = library.collection(), library.collection("other")
    ids, foreign = library.add(TEXTS), library.add(TEXTS, "other")
    place = passages.place(db, library.workspace_id, mine)
    elsewhere = passages.place(db, library.workspace_id, other)
    assert place and elsewhere
    assert set(passages.live(db, place, ids + foreign)) == set(ids)
    stranger = replace(place, workspace_id=new_id())
    assert passages.live(db, stranger, ids) == {}
    for where, expected in ((place, {ids[1], ids[2]}), (elsewhere, {foreign[1], foreign[2]}), (stranger, set())):
        assert {id_ for id_, _ in passages.by_words(db, where, ["invoice"], 100)} == expected
    for where, expected in ((place, {ids[4]}), (elsewhere, {foreign[4]}), (stranger, set())):
        assert {id_ for id_, _ in passages.holding(db, where, ["東京"], 100)} == expected


def test_the_index_follows_every_change_of_a_passage(library: Library, db: Database):
    place = passages.place(db, library.workspace_id, library.collection())
    one, two = library.add(["alpha beta", "gamma delta"])
    assert place

    def holding(word: str) -> list[str]:
        return [id_ for id_, _ in passages.by_words(db, place, [word], 10)]

    with db.begin() as conn:
        conn.exec_driver_sql("update chunk set text = 'epsilon' where text = 'alpha beta'")
    assert holding("alpha") == [] and holding("epsilon") == [one]
    library.remove([one])
    assert holding("epsilon") == []
    with pytest.raises(RuntimeError), db.begin() as conn:
        conn.exec_driver_sql("delete from chunk")
        raise RuntimeError("and back")
    assert holding("gamma") == [two]


def test_half_characters_and_zeros_are_taken_out_of_a_question():
    assert retrieval.plain(" \ud800a\0b ") == "?a b"
    assert len(retrieval.plain("x" * 20_000)) == retrieval.QUERY


def test_the_index_survives_a_vacuum(library: Library, db: Database):
    library.collection()
    first = library.add([f"passage about topic{n}" for n in range(50)])
    library.remove(first[:25])
    later = library.add([f"passage about theme{n}" for n in range(10)])
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        driver: Any = conn.connection.driver_connection
        if db.sqlite:
            driver.execute("vacuum")
            driver.execute("insert into chunk_search (chunk_search) values ('integrity-check')")
        else:
            conn.exec_driver_sql("vacuum full chunk")
    assert library.found("topic30", mode="keyword") == [first[30]]
    assert library.found("theme7", mode="keyword") == [later[7]]
    library.remove(later)
    assert library.found("theme7", mode="keyword") == []
    assert library.found("topic49", mode="keyword") == [first[49]]


def test_places_are_fused_by_reciprocal_rank():
    fused = dict(retrieval.fuse([(1.0, ["a", "b", "c"]), (1.0, ["b", "d", "a"])]))
    assert next(iter(fused)) == "b" and fused["b"] > fused["a"] > fused["d"] > fused["c"]
    assert dict(retrieval.fuse([(1.0, ["a"]), (0.5, ["a"])])) == {"a": 1.0}
    assert next(iter(dict(retrieval.fuse([(1.0, ["a"]), (0.5, ["b"])])))) == "a"


def test_a_vector_of_another_length_is_said_so(library: Library):
    library.collection(dimension=384)
    with pytest.raises(NodeError) as caught:
        library.search("roses", mode="vector")
    assert caught.value.code == "dimension_mismatch"


def test_searches_hold_while_passages_come_and_go(library: Library, ids: list[str]):
    stop, faults = threading.Event(), list[BaseException]()

    def churn() -> None:
        try:
            while not stop.is_set():
                library.remove(library.add(["roses that come and go"] * 3))
        except BaseException as fault:
            faults.append(fault)

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for mode in MODES * 5:
            assert ids[0] in library.found("gardener waters roses every morning", mode=mode, top_k=10)
    finally:
        stop.set()
        thread.join()
    assert faults == []


class TestReranking:
    @pytest.fixture
    def models(self, monkeypatch: pytest.MonkeyPatch):
        with ModelServer() as server:
            monkeypatch.setenv("OPENAI_BASE_URL", server.url)
            yield server

    def test_a_model_puts_them_in_order(self, library: Library, ids: list[str], models: ModelServer):
        before = library.found("invoice", top_k=3)
        models.play({"json": {"passages": [{"number": 2, "usefulness": 90}, {"number": 1, "usefulness": 20}]}})
        matches = library.search("invoice", top_k=3, rerank="auto")
        assert [match["id"] for match in matches[:2]] == [before[1], before[0]]
        assert [match["score"] for match in matches] == [0.9, 0.2, 0]
        assert matches[0]["metadata"]["scores"]["rerank"] == 0.9 and "warning" not in matches[0]["metadata"]

    @pytest.mark.parametrize("step", [
        {"fault": "unavailable"}, {"fault": "unauthorized"}, {"json": {"passages": []}},
        {"json": {"passages": [{"number": 99, "usefulness": 1}]}}, {"text": "I would rather not"},
    ])  # fmt: skip
    def test_when_it_fails_the_search_s_own_order_stands_and_says_so(
        self, library: Library, ids: list[str], models: ModelServer, step: dict[str, Any]
    ):
        models.play(step, step)
        before = library.found("invoice", top_k=2)
        matches = library.search("invoice", top_k=2, rerank={"provider": "openai", "model": "m"})
        assert [match["id"] for match in matches] == before
        assert all("order of the search itself" in match["metadata"]["warning"] for match in matches)

    def test_the_demo_model_is_not_asked(self, library: Library, ids: list[str]):
        assert "OPENAI_BASE_URL" not in os.environ
        assert "demo model" in library.search("invoice", rerank="auto")[0]["metadata"]["warning"]


def test_a_collection_is_meant_by_its_id_before_its_name(library: Library):
    one = library.collection("first")
    library.collection(one)
    place = passages.place(library.db, library.workspace_id, one)
    assert place and place.name == "first"
