"""The journal as it happens: server-sent events, resumed and closed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from engine.runner import Runner
from engine.services import identity
from engine.store import stream
from nexod_app import tailer
from nexod_app.api import sse
from nexod_app.site import Site
from tests.nexod_app.api.conftest import client, worker
from tests.nexod_app.api.specs import asking, flow, node, topic
from tests.nexod_app.api.test_runs import finish, journal, make

SSE = {"Accept": "text/event-stream"}


async def _yes() -> bool:
    return True


async def read(site: Site, ws_id: str, run_id: str, after: int = -1) -> AsyncIterator[dict[str, Any]]:
    """The parsed messages of a stream, comments as {"comment"}; straight from the generator that the route sends."""
    async for block in sse._lines(site.tailer, ws_id, run_id, after, _yes):
        lines = block.strip().split("\n")
        if lines[0].startswith(":"):
            yield {"comment": lines[0]}
        else:
            yield dict(line.split(": ", 1) for line in lines)


async def test_a_finished_run_streams_its_journal_and_closes(api: httpx.AsyncClient, working: Runner):
    run = (
        await api.post(f"/workflows/{await make(api, topic())}/runs?wait=20", json={"inputs": {"topic": "x"}})
    ).json()
    events = await journal(api, run["id"])
    answer = await api.get(f"/runs/{run['id']}/events", headers=SSE)
    assert answer.headers["content-type"].startswith("text/event-stream") and "event:" not in answer.text
    messages = [block.split("\n") for block in answer.text.strip().split("\n\n")[1:]]
    assert [json.loads(data.removeprefix("data: ")) for _, data in messages] == events
    assert [line for line, _ in messages] == [f"id: {event['seq']}" for event in events]
    for headers, query in (({"Last-Event-ID": "2"}, ""), ({}, "?after=2")):
        rest = await api.get(f"/runs/{run['id']}/events{query}", headers=SSE | headers)
        assert [json.loads(line[6:])["seq"] for line in rest.text.split("\n") if line.startswith("data: ")] == [3, 4]
    done = await api.get(f"/runs/{run['id']}/events?after=99", headers=SSE)
    assert "data:" not in done.text


async def test_the_array_is_ascending_behind_after(api: httpx.AsyncClient, working: Runner):
    run = (
        await api.post(f"/workflows/{await make(api, topic())}/runs?wait=20", json={"inputs": {"topic": "x"}})
    ).json()
    events = await journal(api, run["id"])
    assert [event["seq"] for event in events] == list(range(5))
    assert all(event.keys() == {"seq", "type", "node_id", "key", "at", "payload"} for event in events)
    assert (await api.get(f"/runs/{run['id']}/events?after=2")).json() == events[3:]
    assert (await api.get(f"/runs/{run['id']}/events?after=4")).json() == []


async def test_many_readers_get_every_event_once_and_in_order(api: httpx.AsyncClient, site: Site, ws: Any):
    many = flow(*(node(f"n{i}") for i in range(20)), edges=tuple((f"n{i}", "out", f"n{i + 1}") for i in range(19)))
    run = (await api.post(f"/workflows/{await make(api, many)}/runs", json={})).json()["run_id"]

    async def follow(delay: float) -> list[int]:
        await asyncio.sleep(delay)
        return [int(m["id"]) async for m in read(site, ws.id, run) if "id" in m]

    readers = [asyncio.create_task(follow(n * 0.02)) for n in range(12)]
    async with worker(site):
        seen = await asyncio.gather(*readers)
    last = (await journal(api, run))[-1]["seq"]
    assert seen == [list(range(last + 1))] * 12
    assert not site.tailer._runs, "nobody watches any more"


async def test_a_slow_reader_and_a_long_journal_lose_nothing(
    api: httpx.AsyncClient, site: Site, ws: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tailer, "BATCH", 3)
    many = flow(*(node(f"n{i}") for i in range(12)), edges=tuple((f"n{i}", "out", f"n{i + 1}") for i in range(11)))
    run = (await api.post(f"/workflows/{await make(api, many)}/runs", json={})).json()["run_id"]
    seen: list[int] = []
    async with worker(site):
        async for message in read(site, ws.id, run):
            if "id" in message:
                seen.append(int(message["id"]))
                await asyncio.sleep(0.01)
    assert seen == list(range((await journal(api, run))[-1]["seq"] + 1))


async def test_an_idle_stream_beats_and_stays_open(
    api: httpx.AsyncClient, site: Site, ws: Any, working: Runner, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sse, "HEARTBEAT_S", 0.05)
    run = (await api.post(f"/workflows/{await make(api, asking())}/runs?wait=20", json={})).json()
    messages = read(site, ws.id, run["id"], 99)
    assert "comment" in await anext(messages) and "comment" in await anext(messages)
    await messages.aclose()


async def test_streamed_text_comes_without_an_id(api: httpx.AsyncClient, site: Site, ws: Any):
    run = (await api.post(f"/workflows/{await make(api, topic())}/runs", json={"inputs": {"topic": "x"}})).json()[
        "run_id"
    ]
    with site.db.begin() as conn:
        conn.exec_driver_sql("update run_queue set state = 'running', lease_until = 9e15")
    pieces: list[str] = []
    messages = read(site, ws.id, run)
    assert [("id" in m, m.get("event")) for m in [await anext(messages) for _ in range(2)]] == [
        (False, None),
        (True, None),
    ]
    for text in ("Once ", "upon"):
        stream.add(site.db, [(ws.id, run, "draft", "draft#1", text)])
        message = await asyncio.wait_for(anext(messages), 5)
        assert message["event"] == "token" and "id" not in message
        pieces.append(json.loads(message["data"])["text"])
    assert pieces == ["Once ", "upon"]
    late = read(site, ws.id, run)
    heard = [await asyncio.wait_for(anext(late), 5) for _ in range(4)]
    assert [json.loads(m["data"])["text"] for m in heard if m.get("event")] == pieces, "who comes later hears it all"
    await messages.aclose()
    await late.aclose()


@asynccontextmanager
async def _reading(site: Site, ws_id: str, run_id: str) -> AsyncIterator[asyncio.Task[list[dict[str, Any]]]]:
    async def collect() -> list[dict[str, Any]]:
        return [m async for m in read(site, ws_id, run_id) if "id" in m]

    task = asyncio.create_task(collect())
    yield task
    task.cancel()


async def test_an_answer_in_the_inbox_is_seen_on_the_stream(
    api: httpx.AsyncClient, site: Site, ws: Any, working: Runner
):
    run = (await api.post(f"/workflows/{await make(api, asking())}/runs?wait=20", json={})).json()
    async with _reading(site, ws.id, run["id"]) as task:
        question = (await api.get(f"/approvals/{run['waiting_for'][0]}")).json()
        await api.post(f"/approvals/{question['id']}", json={"decision": "approve", "hash": question["hash"]})
        types = [json.loads(m["data"])["type"] for m in await asyncio.wait_for(task, 20)]
    assert "approval_decided" in types and types[-1] == "run_completed"
    assert (await finish(api, run["id"]))["status"] == "completed"


async def test_a_stream_ends_with_the_key_that_opened_it(
    api: httpx.AsyncClient, site: Site, ws: Any, working: Runner, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sse, "HEARTBEAT_S", 0.05)
    run = (await api.post(f"/workflows/{await make(api, asking())}/runs?wait=20", json={})).json()
    key = identity.create_key(ws, "soon gone", ["read"])
    async with client(site, key["key"]) as reader:
        reading = asyncio.create_task(reader.get(f"/runs/{run['id']}/events", headers=SSE))
        await asyncio.sleep(0.3)
        assert not reading.done()
        await api.delete(f"/keys/{key['id']}")
        answer = await asyncio.wait_for(reading, 5)
    assert answer.status_code == 200 and "run_waiting" in answer.text


async def test_a_stream_ends_in_order_when_the_database_goes(
    api: httpx.AsyncClient, site: Site, working: Runner, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sse, "HEARTBEAT_S", 0.05)
    run = (await api.post(f"/workflows/{await make(api, asking())}/runs?wait=20", json={})).json()
    reading = asyncio.create_task(api.get(f"/runs/{run['id']}/events", headers=SSE))
    await asyncio.sleep(0.3)
    assert not reading.done()
    with site.db.begin() as conn:
        conn.exec_driver_sql("alter table api_key rename to away")
    answer = await asyncio.wait_for(reading, 5)
    assert answer.status_code == 200 and "run_waiting" in answer.text
