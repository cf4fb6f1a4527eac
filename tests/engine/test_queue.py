from __future__ import annotations

import json
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest

from engine.queue import JsonSerializer, Queue
from engine.settings import Settings
from tests.running import ROOT, free_port


@pytest.fixture(params=["sqlite", "redis"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Every test of the queue holds on both brokers."""
    settings = Settings.read({"NEXOD_DATA": str(tmp_path)})
    if request.param == "redis":
        settings = replace(settings, redis_url=request.getfixturevalue("redis_server").url)
        Queue.open(settings).flush()
    return settings


@pytest.fixture
def heard(settings: Settings) -> Iterator[SimpleQueue[str]]:
    """What a listening worker hears."""
    heard: SimpleQueue[str] = SimpleQueue()
    worker = Queue.open(settings)
    worker.listen(heard.put)
    yield heard
    worker.close()


def test_a_ring_is_heard(settings: Settings, heard: SimpleQueue[str]):
    queue = Queue.open(settings)
    for n in range(20):
        assert queue.ring(f"run-{n}")
        assert heard.get(timeout=5) == f"run-{n}"


def test_a_ring_of_another_process_is_heard(settings: Settings, heard: SimpleQueue[str]):
    code = (
        "from engine.queue import Queue; from engine.settings import Settings; from pathlib import Path\n"
        f"Queue.open(Settings(data=Path({str(settings.data)!r}), redis_url={settings.redis_url!r})).ring('far')"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    assert heard.get(timeout=10) == "far"


def test_each_ring_is_heard_by_one_of_several_workers(settings: Settings, heard: SimpleQueue[str]):
    second = Queue.open(settings)
    second.listen(heard.put)
    queue = Queue.open(settings)
    for n in range(50):
        queue.ring(str(n))
    assert sorted(int(heard.get(timeout=5)) for _ in range(50)) == list(range(50))
    with pytest.raises(Empty):
        heard.get(timeout=0.2)
    second.close()


def test_rings_wait_for_a_worker(settings: Settings):
    Queue.open(settings).ring("early")
    heard: SimpleQueue[str] = SimpleQueue()
    worker = Queue.open(settings)
    worker.listen(heard.put)
    assert heard.get(timeout=5) == "early"
    worker.close()


def test_a_message_is_json_and_holds_only_the_id(settings: Settings):
    queue = Queue.open(settings)
    queue.ring("run-1")
    (data,) = queue._huey.storage.enqueued_items()
    assert json.loads(bytes(data))["args"] == ["run-1"]


def test_a_pickled_message_does_not_run(settings: Settings, heard: SimpleQueue[str], tmp_path: Path):
    mark = tmp_path / "ran"

    class Bomb:
        def __reduce__(self):
            return Path.touch, (mark,)

    storage = Queue.open(settings)._huey.storage
    storage.enqueue(pickle.dumps(Bomb()))
    storage.enqueue(b"\xff\x00")
    storage.enqueue(json.dumps({"id": "x", "name": "os.system", "args": ["true"]}).encode())
    Queue.open(settings).ring("after")
    assert heard.get(timeout=10) == "after"
    assert not mark.exists()


def test_only_json_of_the_right_shape_is_read():
    with pytest.raises(ValueError):
        JsonSerializer()._deserialize(pickle.dumps([]))


def test_a_broker_that_is_down_costs_nobody_an_exception(tmp_path: Path):
    queue = Queue.open(Settings(data=tmp_path, redis_url=f"redis://127.0.0.1:{free_port()}/0"))
    assert not queue.ring("run-1")
    assert not queue.answers()


def test_a_broker_that_is_there_answers(settings: Settings):
    assert Queue.open(settings).answers()


def test_closing_ends_the_thread(settings: Settings):
    before = threading.active_count()
    worker = Queue.open(settings)
    worker.listen(lambda _: None)
    worker.close()
    assert threading.active_count() <= before
