"""Facts, threads and patterns, on both databases: kept once, found again, gone when deleted."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from engine.errors import NodeError
from engine.knowledge import memory
from engine.services import memory as service
from engine.settings import Settings
from engine.store import memory as rows
from engine.store.database import Database
from engine.store.models import DEFAULT_WORKSPACE as W
from engine.store.models import WorkspaceRow
from engine.store.session import Workspace
from engine.store.vectors import Embedded
from tests.databases import KINDS, migrated

OTHER = "other-workspace"
SETTINGS = Settings.read({"NEXOD_DATA": mkdtemp(prefix="nexod-")})


@pytest.fixture(params=KINDS)
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with migrated(request, tmp_path) as database:
        yield database


@pytest.fixture
def ws(db: Database) -> Workspace:
    return Workspace(db, W)


def remember(db: Database, text: str, key: str = "", w: str = W, **more: Any) -> dict[str, Any]:
    return memory.remember(db, SETTINGS, w, text, key=key or text, **more)


def recall(db: Database, query: str, w: str = W, **more: Any) -> list[str]:
    return [one["text"] for one in memory.recall(db, SETTINGS, w, query, **more)]


def test_a_fact_is_found_by_its_words(db: Database):
    remember(db, "Anna prefers invoices as PDF, sent on Mondays.")
    remember(db, "The warehouse in Graz closes at five.")
    assert recall(db, "When does the warehouse close?")[0] == "The warehouse in Graz closes at five."
    assert recall(db, "invoice for Anna")[0].startswith("Anna")
    assert recall(db, "zebra quartz") == []


def test_the_same_key_and_the_same_text_make_one_fact(db: Database, ws: Workspace):
    first = remember(db, "Anna likes tea.", "step-1")
    assert remember(db, "Anna likes coffee.", "step-1") == first
    assert remember(db, "Anna likes tea.", "step-2") == first
    assert len(service.list_items(ws)["items"]) == 1


def test_side_by_side_one_key_still_makes_one_fact(db: Database, ws: Workspace):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: remember(db, f"Version {n}", "one-key")["id"], range(8)))
    assert len(set(made)) == 1
    assert len(service.list_items(ws)["items"]) == 1


def test_a_subject_holds_what_is_under_it(db: Database):
    remember(db, "Pays late.", subject="customer/anna")
    remember(db, "Pays early.", subject="customer/bert")
    remember(db, "Pays in gold.", subject="customers")
    assert recall(db, "pays", subject="customer/anna") == ["Pays late."]
    assert sorted(recall(db, "pays", subject="customer")) == ["Pays early.", "Pays late."]


def test_without_a_question_the_newest_come(db: Database):
    for n in range(3):
        remember(db, f"Fact {n}")
    assert recall(db, "", top_k=2) == ["Fact 2", "Fact 1"]
    assert recall(db, "fact", subject="a\0b") == []


@pytest.mark.parametrize(("text", "code"), [(" ", "memory_empty"), ("x" * 10_001, "memory_too_long")])
def test_what_cannot_be_remembered_says_why(db: Database, text: str, code: str):
    with pytest.raises(NodeError) as raised:
        remember(db, text)
    assert raised.value.code == code


def test_secrets_are_not_remembered(db: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NEXOD_SECRET_CMS", "hunter2hunter2")
    remember(db, "The password is hunter2hunter2.")
    memory.say(db, W, "t", "user", "use hunter2hunter2", key="a")
    assert recall(db, "password") == ["The password is [redacted]."]
    assert memory.thread(db, W, "t")[0]["text"] == "use [redacted]"
    assert memory.named("customer/hunter2hunter2") == "customer/[redacted]"


def test_a_changed_fact_is_found_by_its_new_words_only(db: Database, ws: Workspace):
    made = remember(db, "Anna drinks espresso.")
    assert recall(db, "espresso")
    changed = service.update_item(ws, made["id"], {"text": "Anna drinks lemonade."})
    assert changed["text"] == "Anna drinks lemonade."
    assert recall(db, "lemonade") == ["Anna drinks lemonade."]
    assert recall(db, "espresso") == []


def test_a_deleted_fact_leaves_no_vector(db: Database, ws: Workspace):
    made = remember(db, "Anna drinks espresso.")
    remember(db, "Bert drinks water.")
    assert recall(db, "espresso")
    service.delete_item(ws, made["id"])
    assert recall(db, "espresso") == []
    assert Embedded(db).count(memory._space(W, 512)) == 1


def test_a_deleted_fact_is_gone_from_the_index_at_once(db: Database, ws: Workspace):
    made, space = remember(db, "Anna drinks espresso."), memory._space(W, 512)
    assert recall(db, "espresso") and Embedded(db).count(space) == 1
    service.delete_item(ws, made["id"])
    assert Embedded(db).count(space) == 0


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_what_is_no_longer_true_is_looked_up_by_its_id(db: Database):
    """Compared with each other, ten thousand facts would take half a minute in each recall."""
    with db.read() as conn:
        plan = [row[3] for row in conn.exec_driver_sql(f"explain query plan {rows._UNTRUE.sqlite}", (W, "memory", 1))]
    assert any("SEARCH m " in step and "id=?" in step.replace("workspace_id=?", "") for step in plan), plan


def test_an_old_fact_that_fits_best_is_found_among_many_new_ones(db: Database):
    remember(db, "The customer Anna wants her invoices as PDF.")
    with Workspace(db, W).begin() as tx:
        for n in range(memory.WIDE * 3):
            rows.add(tx, "fact", f"Some customer number {n} said something.", "", f"other {n}")
        tx.connection().exec_driver_sql("update memory_item set updated_at = updated_at + 60000 where key <> text")
    assert recall(db, "How does customer Anna want her invoices?")[0].startswith("The customer Anna")


def learned(db: Database, text: str, confidence: float, workflow: str = "flow") -> None:
    with Workspace(db, W).begin() as tx:
        rows.add(tx, "pattern", text, f"{workflow}/ok", f"{text} {confidence} {workflow}", confidence=confidence)


def lessons(db: Database, query: str, **more: Any) -> list[str]:
    return [one["text"] for one in memory.lessons(db, SETTINGS, W, "flow", query, **more)]


def test_lessons_that_fit_come_first_and_the_surest_of_the_others_fill_up(db: Database):
    for text, sure in (
        ("Publish?: too long", 0.4),
        ("Publish?: no jokes", 0.9),
        ("Send the lamp?: name its price", 0.3),
    ):
        learned(db, text, sure)
    learned(db, "Anything: of another workflow", 1.0, "another")
    assert lessons(db, "Write about lamps.", top_k=2) == ["Send the lamp?: name its price", "Publish?: no jokes"]
    assert lessons(db, "", top_k=1) == ["Publish?: no jokes"]


def test_a_lesson_that_was_taught_often_takes_one_place(db: Database):
    for sure in (0.7, 0.8, 0.9):
        learned(db, "Publish?: too long", sure)
    learned(db, "Publish?: no jokes", 0.2)
    assert lessons(db, "Write a poem.") == ["Publish?: too long", "Publish?: no jokes"]


def test_workspaces_do_not_know_of_each_other(db: Database, ws: Workspace):
    with db.begin() as conn:
        conn.execute(WorkspaceRow.__table__.insert().values(id=OTHER, name=OTHER, created_at=0))  # type: ignore[attr-defined]
    remember(db, "The code of the door is 1234.", "k", OTHER)
    memory.say(db, OTHER, "t", "user", "hello", key="k")
    assert recall(db, "code of the door") == []
    assert memory.thread(db, W, "t") == []
    assert remember(db, "Mine.", "k")["text"] == "Mine."
    assert service.list_threads(ws)["items"] == []


# Threads ---------------------------------------------------------------------------------------------------------


def said(db: Database, thread: str = "t", **more: Any) -> list[str]:
    return [one["text"] for one in memory.thread(db, W, thread, **more)]


def test_a_thread_keeps_its_order_and_says_nothing_twice(db: Database):
    for n in range(3):
        memory.tell(db, W, "t", [("user", f"q{n}", f"{n}:q"), ("assistant", f"a{n}", f"{n}:a")])
    memory.tell(db, W, "t", [("user", "q0 again", "0:q"), ("assistant", "a0 again", "0:a")])
    assert said(db) == ["q0", "a0", "q1", "a1", "q2", "a2"]
    assert said(db, last=2) == ["q2", "a2"]
    assert said(db, "  T ") == []


def test_talk_of_runs_side_by_side_does_not_mix(db: Database):
    def talk(n: int) -> None:
        memory.tell(db, W, "t", [("user", f"q{n}", f"{n}:q"), ("assistant", f"a{n}", f"{n}:a")])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(talk, range(16)))
    every = said(db, last=100)
    assert len(every) == 32
    assert all(q[1:] == a[1:] for q, a in zip(every[::2], every[1::2], strict=True))


def test_a_run_knows_what_was_said_before_it_and_what_it_says_itself(db: Database):
    memory.say(db, W, "t", "user", "before", key="a", run_id="old")
    with db.read() as conn:
        start = db.now_ms(conn)
    with Workspace(db, W).begin() as tx:
        for key, run, text in (("b", "other", "meanwhile"), ("c", "mine", "own")):
            rows.say(tx, "t", "user", text, key, run)
        later = "update thread_message set created_at = created_at + 60000 where run_id <> 'old'"
        tx.connection().exec_driver_sql(later)
    assert said(db, run_id="mine", before=start) == ["before", "own"]
    assert said(db) == ["before", "meanwhile", "own"]


def test_a_summary_stands_for_what_is_older(db: Database):
    for n in range(4):
        memory.say(db, W, "t", "user", f"q{n}", key=str(n))
    second = memory.thread(db, W, "t")[1]["id"]
    memory.say(db, W, "t", "summary", "q0 and q1", key=f"summary:{second}")
    assert said(db) == ["q0 and q1", "q2", "q3"]
    last = memory.thread(db, W, "t")[-1]["id"]
    memory.say(db, W, "t", "summary", "all four", key=f"summary:{last}")
    assert said(db) == ["all four"]


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\x07b"])
def test_a_thread_needs_a_name(db: Database, name: str):
    with pytest.raises(NodeError) as raised:
        memory.thread(db, W, name)
    assert raised.value.code == "bad_thread"
