"""Pinecone when it is not kind: keys, limits, delays, faults; and that the key goes nowhere else."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.errors import NodeError
from engine.settings import Settings
from engine.vectors import Item, Space
from engine.vectors.pinecone import Patience, Pinecone
from engine.vectors.pinecone.service import _host
from tests.engine.vectors.world import items, nearest, space, vectors
from tests.running import ROOT
from tests.world.pinecone import Service
from tests.world.server import closed_port
from tests.world.sink import Sink

BRIEF = Patience(attempt_s=0.3, whole_s=0.8, made_s=0.3, visible_s=0.4)


def store(service: Service, patience: Patience | None = None, **settings: Any) -> Pinecone:
    given = {"pinecone_api_key": service.key, "pinecone_host": service.origin, **settings}
    return Pinecone(Settings(**given), patience)


def fault(call: Callable[[], Any]) -> NodeError:
    with pytest.raises(NodeError) as caught:
        call()
    return caught.value


def bodies(service: Service, path: str) -> list[Any]:
    return [json.loads(body) for _, asked, _, body in service.asked if asked == path]


def test_a_missing_index_is_made_once(service: Service):
    here = space()
    store(service).upsert(here, items(2))
    store(service, BRIEF).upsert(here, items(3))
    assert service.paths().count("POST /indexes") == 1
    (body,) = bodies(service, "/indexes")
    assert body["name"] == "nexod-16"
    assert body["schema"] == {"fields": {"_values": {"type": "dense_vector", "dimension": 16, "metric": "cosine"}}}
    assert body["deployment"] == {"deployment_type": "managed", "cloud": "aws", "region": "us-east-1"}


def test_names_and_region_are_settings(service: Service):
    store(service, pinecone_index="ours", pinecone_region="gcp/europe-west4").prepare(space())
    (body,) = bodies(service, "/indexes")
    assert body["name"] == "ours-16"
    assert (body["deployment"]["cloud"], body["deployment"]["region"]) == ("gcp", "europe-west4")


def test_two_dimensions_are_two_indexes(service: Service):
    here, there = space(), space(dimension=8)
    pinecone = store(service)
    pinecone.upsert(here, items(1))
    pinecone.upsert(there, [Item("a", vectors(1, 8)[0])])
    assert sorted(service.indexes) == ["nexod-16", "nexod-8"]
    assert (pinecone.count(here), pinecone.count(there)) == (1, 1)


def test_an_index_that_another_process_makes_at_the_same_moment_is_used(service: Service):
    store(service).prepare(space())
    service.fail(404, path="/indexes/nexod-16")
    here = space()
    late = store(service, BRIEF)
    late.upsert(here, items(1))
    assert service.paths().count("POST /indexes") == 2
    assert late.count(here) == 1


def test_a_new_index_is_waited_for_but_not_for_ever(service: Service):
    service.ready_after_s = 0.2
    here = space()
    store(service).upsert(here, items(1))
    service.ready_after_s = 1e9
    said = fault(lambda: store(service, BRIEF).prepare(space()))
    assert (said.code, said.retryable) == ("store_timeout", True)


def test_reading_makes_no_index(service: Service):
    pinecone, here = store(service), space()
    assert pinecone.query(here, vectors(1)[0], 3) == []
    assert (pinecone.fetch(here, ["a"]), pinecone.count(here)) == ([], 0)
    pinecone.drop(here)
    assert not service.indexes


def test_a_namespace_that_nobody_wrote_into_is_empty(service: Service):
    service.strict_namespaces, service.lag_s = True, 0.1
    pinecone, here = store(service), space()
    pinecone.prepare(here)
    assert (pinecone.query(here, vectors(1)[0], 3), pinecone.fetch(here, ["a"]), pinecone.count(here)) == ([], [], 0)
    pinecone.drop(here)
    pinecone.upsert(here, items(2))
    assert pinecone.count(here) == 2


def test_a_record_carries_what_a_person_wants_to_see_there(service: Service):
    here = space()
    given = {"title": "Plan", "source": "plan.pdf", "content_type": "application/pdf", "created": 1763640000000}
    store(service).upsert(here, [Item("d:1:0", vectors(1)[0], given)])
    records = service.indexes["nexod-16"].namespaces[here.workspace_id]
    (_, metadata) = records[f"{here.collection_id}/d:1:0"]
    assert metadata == {**given, "workspace": here.workspace_id, "collection": here.collection_id}


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_told_at_once(service: Service, status: int):
    pinecone, here = store(service), space()
    pinecone.prepare(here)
    service.asked.clear()
    for call in (lambda: pinecone.query(here, vectors(1)[0], 1), lambda: pinecone.upsert(here, items(1))):
        service.fail(status)
        said = fault(call)
        assert (said.code, said.retryable) == ("store_unauthorized", False)
        assert "PINECONE_API_KEY" in said.hint
    assert len(service.asked) == 2


def test_a_wrong_key_is_refused_before_anything_is_made(service: Service):
    said = fault(lambda: store(service, pinecone_api_key="pc-wrong-one").upsert(space(), items(1)))
    assert said.code == "store_unauthorized"
    assert "pc-wrong-one" not in f"{said.message}{said.hint}"
    assert not service.indexes


def test_without_a_key_nothing_is_asked(service: Service):
    said = fault(lambda: store(service, pinecone_api_key="").prepare(space()))
    assert (said.code, service.asked) == ("store_unauthorized", [])


@pytest.mark.parametrize("status", [429, 500, 502, 503, None])
def test_a_fault_that_passes_is_not_noticed(service: Service, status: int | None):
    pinecone, here = store(service), space()
    pinecone.prepare(here)
    service.fail(status, times=2)
    pinecone.upsert(here, items(3))
    service.fail(status, times=2)
    assert len(pinecone.query(here, vectors(1)[0], 5)) == 3


def test_who_is_told_when_to_come_again_waits_that_long(service: Service):
    pinecone, here = store(service), space()
    pinecone.prepare(here)
    service.fail(429, headers={"Retry-After": "1.5"})
    began = time.monotonic()
    assert pinecone.query(here, vectors(1)[0], 1) == []
    assert time.monotonic() - began >= 1.5


def test_who_is_told_to_come_much_later_says_so(service: Service):
    pinecone, here = store(service), space()
    pinecone.prepare(here)
    service.asked.clear()
    service.fail(429, times=99, headers={"Retry-After": "3600"})
    said = fault(lambda: pinecone.query(here, vectors(1)[0], 1))
    assert (said.code, said.retryable, said.retry_after) == ("store_rate_limited", True, 3600)
    assert len(service.asked) == 1


@pytest.mark.parametrize(("status", "code"), [(429, "store_rate_limited"), (503, "store_unavailable")])
def test_patience_ends(service: Service, status: int, code: str):
    pinecone, here = store(service, BRIEF), space()
    pinecone.prepare(here)
    service.asked.clear()
    service.fail(status, times=99)
    said = fault(lambda: pinecone.upsert(here, items(1)))
    assert (said.code, said.retryable) == (code, True)
    assert said.hint
    assert 1 < len(service.asked) < 10


@pytest.mark.parametrize("status", [429, 500, None])
def test_the_client_repeats_nothing_behind_our_back(service: Service, status: int | None):
    pinecone, here = store(service, Patience(whole_s=0)), space()
    store(service).prepare(here)
    pinecone.query(here, vectors(1)[0], 1)
    service.asked.clear()
    service.fail(status, times=99)
    fault(lambda: pinecone.query(here, vectors(1)[0], 1))
    assert len(service.asked) == 1


def test_a_slow_answer_is_a_timeout(service: Service):
    pinecone, here = store(service, BRIEF), space()
    pinecone.prepare(here)
    service.delay_s = 5
    said = fault(lambda: pinecone.query(here, vectors(1)[0], 1))
    assert (said.code, said.retryable) == ("store_timeout", True)
    assert said.hint


def test_nobody_there_is_unavailable(service: Service):
    gone = store(service, BRIEF, pinecone_host=f"http://127.0.0.1:{closed_port()}")
    said = fault(lambda: gone.query(space(), vectors(1)[0], 1))
    assert (said.code, said.retryable) == ("store_unavailable", True)
    assert "PINECONE_HOST" in said.hint


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"matches": 3}', b"[]"])
def test_an_answer_that_is_none_is_an_error(service: Service, body: bytes):
    pinecone, here = store(service, BRIEF), space()
    pinecone.prepare(here)
    service.fail(200, times=99, path="/indexes", body=body)
    other = store(service, Patience(whole_s=1))
    assert fault(lambda: other.query(here, vectors(1)[0], 1)).code == "store_unavailable"
    if body != b"{}":
        service.fail(200, times=99, path="/query", body=body)
        assert fault(lambda: pinecone.query(here, vectors(1)[0], 1)).code == "store_unavailable"


@pytest.mark.parametrize("reads_lag", [True, False])
@pytest.mark.parametrize("positions", [True, False])
def test_what_was_written_is_found_although_it_shows_late(service: Service, positions: bool, reads_lag: bool):
    service.lag_s, service.positions, service.reads_lag = 0.15, positions, reads_lag
    pinecone, here, all_ = store(service), space(), items(6)
    pinecone.upsert(here, all_)
    assert len(pinecone.query(here, all_[0].vector, 10)) == 6
    moved = [Item(item.id, all_[5 - n].vector, {"n": 100 + n}) for n, item in enumerate(all_)]
    pinecone.upsert(here, moved)
    for query in vectors(3, seed=4):
        assert [match.id for match in pinecone.query(here, query, 10)] == [id for id, _ in nearest(moved, query, 10)]
    pinecone.drop(here, "d:1:3")
    assert "d:1:3" not in {match.id for match in pinecone.query(here, all_[3].vector, 10)}
    pinecone.drop(here)
    assert pinecone.query(here, all_[0].vector, 10) == []
    assert list(pinecone.ids(here)) == []


@pytest.mark.parametrize("positions", [True, False])
def test_only_the_last_batch_is_waited_for(service: Service, positions: bool):
    pinecone, here, all_ = store(service), space(), items(30)
    pinecone.prepare(here)
    service.lag_s, service.positions = 0.2, positions
    pinecone.upsert(here, all_[:10], wait=False)
    pinecone.upsert(here, all_[10:20], wait=False)
    assert "POST /query" not in service.paths()
    pinecone.upsert(here, all_[20:])
    assert len(pinecone.query(here, all_[0].vector, 50)) == 30


@pytest.mark.parametrize("positions", [True, False])
def test_what_does_not_show_in_time_is_an_error(service: Service, positions: bool):
    pinecone, here = store(service, BRIEF), space()
    pinecone.prepare(here)
    service.lag_s, service.positions = 1e6, positions
    said = fault(lambda: pinecone.upsert(here, items(1)))
    assert (said.code, said.retryable) == ("store_timeout", True)


def test_an_index_of_another_dimension_is_told(service: Service):
    service._make({
        "name": "nexod-16", "deployment": {"deployment_type": "managed", "cloud": "aws", "region": "us-east-1"},
        "schema": {"fields": {"_values": {"dimension": 8, "metric": "cosine"}}},
    })  # fmt: skip
    pinecone, here = store(service), space()
    calls = (lambda: pinecone.prepare(here), lambda: pinecone.query(here, vectors(1)[0], 1))
    for said in map(fault, (*calls, lambda: pinecone.upsert(here, items(1)))):
        assert said.code == "dimension_mismatch"
        assert "8" in said.message and "16" in said.message


def test_an_index_that_compares_otherwise_is_told(service: Service):
    service._make({
        "name": "nexod-16", "deployment": {"deployment_type": "managed", "cloud": "aws", "region": "us-east-1"},
        "schema": {"fields": {"_values": {"dimension": 16, "metric": "dotproduct"}}},
    })  # fmt: skip
    assert fault(lambda: store(service).prepare(space())).code == "store_refused"


def test_an_index_that_was_deleted_there_is_made_again(service: Service):
    pinecone, here = store(service, BRIEF), space()
    pinecone.upsert(here, items(2))
    service.delete("nexod-16")
    assert fault(lambda: pinecone.query(here, vectors(1)[0], 1)).code == "store_unavailable"
    pinecone.upsert(here, items(1))
    assert pinecone.count(here) == 1


def test_batches_keep_to_the_limits(service: Service):
    """The local server refuses more than 1,000 records or 2 MB, as the real one does."""
    wide, here = space(dimension=3072), space(dimension=4)
    pinecone = store(service)
    pinecone.upsert(wide, [Item(f"{n}", row, {"text": "ä" * 5000}) for n, row in enumerate(vectors(120, 3072))])
    sent = [len(body) for _, path, _, body in service.asked if path == "/vectors/upsert"]
    assert len(sent) > 1 and max(sent) < 2 * 1024 * 1024
    pinecone.upsert(here, [Item(f"d:{n}", row) for n, row in enumerate(vectors(2300, 4))])
    assert pinecone.count(here) == 2300
    assert len(pinecone.fetch(here, [f"d:{n}" for n in range(300)])) == 300
    pinecone.drop(here, "d:")
    assert pinecone.count(here) == 0


def test_a_batch_that_is_too_large_goes_in_parts(service: Service):
    pinecone, here = store(service), space()
    pinecone.prepare(here)
    service.fail(413, times=2, path="/vectors/upsert")
    pinecone.upsert(here, items(9))
    assert pinecone.count(here) == 9


def test_an_id_that_is_too_long_there_is_refused_before_it_is_sent(service: Service):
    said = fault(lambda: store(service).upsert(space(), [Item("日" * 100, vectors(1)[0])]))
    assert said.code == "bad_vector"
    assert "POST /vectors/upsert" not in service.paths()


def test_the_key_goes_to_no_other_host(service: Service, monkeypatch: pytest.MonkeyPatch):
    """Whatever the service says, and whatever the environment says."""
    with Sink() as sink:
        monkeypatch.setenv("PINECONE_CONTROLLER_HOST", sink.origin)
        monkeypatch.setenv("HTTP_PROXY", sink.origin)
        monkeypatch.setenv("ALL_PROXY", sink.origin)
        asked: list[Any] = []
        connect = socket.socket.connect
        monkeypatch.setattr(socket.socket, "connect", lambda own, to: (asked.append(to), connect(own, to))[1])
        pinecone, here = store(service), space()
        pinecone.upsert(here, items(3))
        pinecone.query(here, vectors(1)[0], 3)
        pinecone.drop(here)
        ports = {service.port, *(index.port for index in service.indexes.values())}
        assert {to[1] for to in asked} == ports
        for status in (301, 302, 307, 308):
            service.fail(status, headers={"Location": f"{sink.origin}/query"})
            assert fault(lambda: pinecone.query(here, vectors(1)[0], 3)).code == "store_refused"
            service.fail(status, path="/indexes", headers={"Location": f"{sink.origin}/indexes"})
            assert fault(lambda: pinecone.prepare(space(dimension=8))).code == "store_refused"
        assert sink.effects == []


@pytest.mark.parametrize(
    ("base", "told", "trusted"),
    [
        ("https://api.pinecone.io", "nexod-16-abc.svc.aped-1.pinecone.io", True),
        ("https://api.pinecone.io", "nexod.svc.private.pinecone.io", True),
        ("https://api.pinecone.io", "https://x.pinecone.io", True),
        ("https://api.pinecone.io", "http://x.pinecone.io", False),
        ("https://api.pinecone.io", "evil.example", False),
        ("https://api.pinecone.io", "pinecone.io.evil.example", False),
        ("https://api.pinecone.io", "evilpinecone.io", False),
        ("https://api.pinecone.io", "127.0.0.1:5081", False),
        ("https://api.pinecone.io", "user@evil.example#.pinecone.io", False),
        ("http://127.0.0.1:5080", "http://127.0.0.1:5081", True),
        ("http://127.0.0.1:5080", "http://127.0.0.2:5081", False),
        ("http://127.0.0.1:5080", "http://9.0.0.1:5081", False),
        ("https://vectors.corp.example", "a.corp.example", True),
        ("https://corp.example", "a.example", False),
    ],
)
def test_an_index_is_trusted_only_beside_the_configured_host(base: str, told: str, trusted: bool):
    if trusted:
        assert _host(told, base).endswith(told)
    else:
        assert fault(lambda: _host(told, base)).code == "store_unauthorized"


def test_an_index_that_is_said_to_live_elsewhere_is_not_asked(service: Service):
    with Sink() as sink:
        service.foreign_host = sink.origin.replace("127.0.0.1", "127.0.0.2")
        said = fault(lambda: store(service).upsert(space(), items(1)))
        assert said.code == "store_unauthorized"
        assert sink.effects == []


def test_the_key_is_in_no_log_and_no_message(service: Service, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    pinecone, here = store(service, BRIEF), space()
    pinecone.upsert(here, items(2))
    said = []
    for status in (400, 401, 404, 429, 500, None):
        service.fail(status, times=99 if status in (429, 500, None) else 1, path="/query")
        said.append(fault(lambda: pinecone.query(here, vectors(1)[0], 1)))
        service.faults.clear()
    shown = caplog.text + repr(pinecone.__dict__) + "".join(f"{one.message}{one.hint}{one.to_json()}" for one in said)
    assert "pinecone" in caplog.text
    assert service.key not in shown


def test_the_client_is_loaded_at_first_use():
    code = (
        "import sys\nfrom engine.settings import Settings\nfrom engine.vectors.pinecone import Pinecone\n"
        "Pinecone(Settings(pinecone_api_key='k'))\nprint([name for name in sys.modules if name.startswith('pinecone')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_numbers_lose_nothing_that_matters(service: Service):
    pinecone, here = store(service), Space("w", "c", 1536)
    row = vectors(1, 1536)[0]
    pinecone.upsert(here, [Item("a", row)])
    (item,) = pinecone.fetch(here, ["a"])
    assert float(np.abs(item.vector - row).max()) < 1e-7
