"""What happens to processes: killed, hung, restarted; and what happens to runs meanwhile: nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.contracts.client import Client
from tests.contracts.flows import asking, chain, flow, inputs, node, value
from tests.running import ROOT, Nexod
from tests.world.sink import Sink


def command_lines() -> dict[int, str]:
    found: dict[int, str] = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found[int(path.parent.name)] = path.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return found


def family(nexod: Nexod) -> dict[int, str]:
    """The supervisor and everything it started, by process id."""
    assert nexod.process
    lines, found = command_lines(), {nexod.process.pid}
    for _ in range(4):
        for pid in lines:
            with contextlib.suppress(OSError, IndexError, ValueError):
                parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
                if parent in found:
                    found.add(pid)
    return {pid: lines[pid] for pid in found if pid in lines}


def workers(nexod: Nexod) -> list[int]:
    return sorted(pid for pid, line in family(nexod).items() if "nexod worker" in line)


def soon(check: Callable[[], Any], seconds: float) -> Any:
    end = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < end, "in vain"
        time.sleep(0.01)
    return found


def kill_worker(nexod: Nexod) -> None:
    for pid in workers(nexod):
        os.kill(pid, signal.SIGKILL)


def test_workers_and_nobody_else_are_called_nexod_worker(nexod: Nexod, bare: Nexod) -> None:
    assert len(workers(nexod)) == 2 and len(workers(bare)) == 1
    for running in (nexod, bare):
        others = [line for line in family(running).values() if "nexod worker" not in line]
        assert any("nexod web" in line for line in others) and any("nexod up" in line for line in others)
    ours = set(workers(nexod)) | set(workers(bare))
    assert ours <= {pid for pid, line in command_lines().items() if "nexod worker" in line}


def test_a_killed_worker_is_back_within_a_second(bare: Nexod) -> None:
    for _ in range(3):
        (old,) = workers(bare)
        os.kill(old, signal.SIGKILL)
        began = time.monotonic()
        soon(lambda old=old: [pid for pid in workers(bare) if pid != old], 5)
        assert time.monotonic() - began < 1


def test_a_run_survives_the_death_of_its_worker(nexod: Nexod, api: Client, sink: Sink) -> None:
    spec = chain(
        node("a", "http", url=f"{sink.origin}/kill/a", method="POST"),
        node("slow", "http", url=f"{sink.origin}/kill/slow?hold_s=1", method="POST"),
        node("b", "http", url=f"{sink.origin}/kill/b", method="POST"), outputs={"v": "{{ b.body.key }}"},
    )  # fmt: skip
    run_id = api.start(spec)["run_id"]
    soon(lambda: [e for e in sink.effects if e["path"] == "/kill/slow"], 10)
    kill_worker(nexod)
    run = api.done(run_id, 30)
    assert run["status"] == "completed"
    by_path = {path: [e["key"] for e in sink.effects if e["path"] == f"/kill/{path}"] for path in ("a", "slow", "b")}
    assert len(by_path["a"]) == 1 and len(by_path["b"]) == 1 and len(set(by_path["slow"])) == 1
    events = api.events(run_id)
    assert "attempt_lost" in [e["type"] for e in events]
    assert [e["type"] for e in events if e["type"].startswith("run_c") and e["seq"]] == ["run_completed"]


def test_an_unsafe_effect_under_way_when_the_worker_dies_is_a_review(nexod: Nexod, api: Client, sink: Sink) -> None:
    spec = flow(node("send", "http", url=f"{sink.origin}/kill/unsafe?hold_s=20", method="POST", effect="unsafe"))
    run_id = api.start(spec)["run_id"]
    soon(lambda: [e for e in sink.effects if e["path"] == "/kill/unsafe"], 10)
    kill_worker(nexod)
    run = api.status(run_id, "needs_review", "failed", "completed", seconds=20)
    assert (run["status"], run["reason"]) == ("needs_review", "unsafe_effect")
    assert len([e for e in sink.effects if e["path"] == "/kill/unsafe"]) == 1
    assert run["nodes"]["send"]["status"] == "needs_review"
    api.raw("POST", f"/runs/{run_id}/resolve", json={"node_id": "send", "action": "use", "output": {"ok": True}})
    assert api.done(run_id)["status"] == "completed"


def test_a_run_that_costs_three_workers_is_quarantined_and_waits_for_a_person(
    nexod: Nexod, api: Client, sink: Sink
) -> None:
    sink.reset()
    spec = flow(
        node("poison", "http", url=f"{sink.origin}/poison?hold_s=30"),
        node("w", "wait", seconds=0),
        wires=("poison > w",),
    )
    run_id = api.start(spec)["run_id"]
    for times in (1, 2, 3):
        soon(lambda times=times: sum(e["path"] == "/poison" for e in sink.effects) == times, 20)
        kill_worker(nexod)
    run = api.status(run_id, "needs_review", seconds=20)
    assert run["reason"] == "quarantined" and run["completed_at"] is None
    events = api.events(run_id)
    assert [e["payload"]["lost_in_a_row"] for e in events if e["type"] == "attempt_lost"] == [1, 2, 3]
    assert events[-1]["type"] == "run_needs_review" and events[-1]["node_id"] is None
    path = f"/runs/{run_id}/resolve"
    api.post(path, {"node_id": None, "action": "use", "output": 1}, 422)
    api.post(path, {"node_id": "poison", "action": "repeat"}, 422)
    assert api.raw("POST", path, json={"node_id": None, "action": "repeat"}).status_code in (200, 202)
    soon(lambda: sum(e["path"] == "/poison" for e in sink.effects) == 4, 20)
    api.post(f"/runs/{run_id}/cancel", status=202)
    assert api.done(run_id, 5)["status"] == "cancelled"


def test_a_hung_worker_is_replaced_and_other_runs_go_on(bare: Nexod, bare_api: Client) -> None:
    """An expression that computes for hours holds the whole process, so that nothing inside it could stop it."""
    (old,) = workers(bare)
    hours = "input.l.all(a, input.l.all(b, input.l.all(c, a + b + c >= 0)))"
    spec = flow(node("n", json="{{ " + hours + " }}"), inputs=inputs(l="array"))
    hung = bare_api.start(spec, l=[0] * 5000)["run_id"]
    bare_api.status(hung, "running")
    bare_api.post(f"/runs/{hung}/cancel", status=202)
    soon(lambda: [pid for pid in workers(bare) if pid != old], 25)
    assert bare_api.done(hung, 10)["status"] == "cancelled"
    assert bare_api.run(value("1 + 1"))["outputs"] == {"v": 2}


def test_the_web_comes_back_and_nothing_is_lost(bare: Nexod, bare_api: Client) -> None:
    waiting = bare_api.run(asking())
    later = bare_api.start(chain(node("w", "wait", seconds=1), node("x")))["run_id"]
    (web,) = [pid for pid, line in family(bare).items() if "nexod web" in line]
    os.kill(web, signal.SIGKILL)

    def answers() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return bare_api.raw("GET", "/health").status_code == 200
        return False

    soon(answers, 20)
    bare_api.decide(bare_api.asked(bare_api.get(f"/runs/{waiting['id']}")))
    assert bare_api.done(waiting["id"])["status"] == bare_api.done(later)["status"] == "completed"


def test_a_killed_supervisor_takes_its_children_along_and_the_next_one_goes_on(bare: Nexod, bare_api: Client) -> None:
    children = set(family(bare))
    assert bare.process and len(children) == 3
    run_id = bare_api.start(chain(node("w", "wait", seconds=1), node("x")))["run_id"]
    bare.process.send_signal(signal.SIGKILL)
    bare.process.wait()
    soon(lambda: not any("nexod" in line for pid, line in command_lines().items() if pid in children), 15)
    bare.start()
    assert bare_api.done(run_id)["status"] == "completed"
    assert bare.data.stat().st_mode & 0o777 == 0o700


def test_a_port_that_is_taken_is_named(bare: Nexod) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "engine", "up"],
        env=bare.environment, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False,
    )  # fmt: skip
    assert second.returncode == 2 and str(bare.port) in second.stderr and not second.stdout
