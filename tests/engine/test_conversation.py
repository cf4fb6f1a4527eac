"""Threads and learned patterns in real runs, on both engines: told once, read alike in every attempt."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.backends import load
from engine.knowledge import memory
from engine.runner import Runner
from engine.services import memory as service
from engine.store.models import DEFAULT_WORKSPACE as W
from engine.store.models import MemoryItem, new_id
from engine.store.session import Workspace
from tests.engine.harness import Bench, chain
from tests.world.models import ModelServer

TARGETS = pytest.mark.parametrize("target", ["langgraph", "crewai"])
ROOT = Path(__file__).parents[2]
INPUTS = {"type": "object", "properties": {"question": {"type": "string"}}}


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Any:
    with ModelServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        yield server


def step(kind: str, id_: str = "it", **config: Any) -> dict[str, Any]:
    asked: dict[str, Any] = (
        {"prompt": "{{ input.question }}"}
        if kind == "llm"
        else {"role": "Clerk", "goal": "Help", "task": "{{ input.question }}"}
    )
    return {"id": id_, "kind": kind, "config": {**asked, **config}}


def flow(*nodes: dict[str, Any]) -> dict[str, Any]:
    return chain(*nodes, inputs=INPUTS)


def said(bench: Bench, thread: str = "t") -> list[tuple[str, str]]:
    return [(one["role"], one["text"]) for one in memory.thread(bench.db, W, thread, last=100)]


def sent(models: ModelServer) -> list[str]:
    """All that each request told the model."""
    return ["\n".join(str(m["content"]) for m in one["body"]["messages"]) for one in models.requests]


@TARGETS
@pytest.mark.parametrize("kind", ["llm", "agent"])
async def test_the_next_run_goes_on_from_what_was_said(tmp_path: Path, models: ModelServer, target: str, kind: str):
    bench = Bench(tmp_path, target=target)
    spec = flow(step(kind, thread="t"))
    for question, answer in (("My name is Anna.", "Hello Anna."), ("What is my name?", "Anna.")):
        models.play({"text": answer})
        await bench.settle(bench.start(spec, {"question": question}), "run_completed")
    first, second = sent(models)
    assert "Hello Anna." not in first
    assert "My name is Anna." in second and "Hello Anna." in second and "What is my name?" in second
    assert said(bench) == [
        ("user", "My name is Anna."),
        ("assistant", "Hello Anna."),
        ("user", "What is my name?"),
        ("assistant", "Anna."),
    ]


async def test_without_a_thread_nothing_is_kept_and_nothing_recorded(tmp_path: Path):
    bench = Bench(tmp_path)
    run = bench.start(flow(step("llm")), {"question": "Hello?"})
    await bench.settle(run, "run_completed")
    assert "tool_called" not in bench.types(run)
    assert said(bench) == []


async def test_a_script_for_the_demo_model_is_not_kept(tmp_path: Path):
    bench = Bench(tmp_path)
    spec = flow(step("llm", prompt='{{ input.question }}\n\nx-demo: ["Scripted."]', thread="t"))
    await bench.settle(bench.start(spec, {"question": "First?"}), "run_completed")
    assert said(bench) == [("user", "First?"), ("assistant", "Scripted.")]


async def test_the_demo_model_answers_the_question_and_not_what_was_asked_before(tmp_path: Path):
    bench = Bench(tmp_path)
    spec = flow(step("llm", thread="t"))
    for question in ("What is a heat pump?", "What is a tidal mill?"):
        await bench.settle(bench.start(spec, {"question": question}), "run_completed")
    assert "tidal mill" in said(bench)[-1][1]
    assert "heat pump" not in said(bench)[-1][1]


async def test_an_answer_whose_question_was_deleted_begins_no_talk(tmp_path: Path, models: ModelServer):
    bench = Bench(tmp_path)
    memory.tell(bench.db, W, "t", [("user", "I am Anna.", "a:q"), ("assistant", "Hello Anna.", "a:a")])
    memory.tell(bench.db, W, "t", [("user", "I am Bert.", "b:q"), ("assistant", "Hello Bert.", "b:a")])
    service.delete_message(Workspace(bench.db, W), memory.thread(bench.db, W, "t")[0]["id"])
    models.play({"text": "Bert."})
    await bench.settle(bench.start(flow(step("llm", thread="t")), {"question": "Who am I?"}), "run_completed")
    asked = [(m["role"], m["content"]) for m in models.requests[0]["body"]["messages"]]
    assert asked == [("user", "I am Bert."), ("assistant", "Hello Bert."), ("user", "Who am I?")]


# One run and another ---------------------------------------------------------------------------------------------


async def test_two_runs_at_once_on_one_thread_keep_question_and_answer_together(tmp_path: Path, models: ModelServer):
    bench = Bench(tmp_path)
    models.script(*(
        {"when": {"asked": name}, "then": {"text": f"Hello {name}.", "delay_s": 0.3}} for name in ("Anna", "Bert")
    ))  # fmt: skip
    runs = [bench.start(flow(step("llm", thread="t")), {"question": f"I am {name}."}) for name in ("Anna", "Bert")]
    await asyncio.gather(*(bench.settle(run, "run_completed") for run in runs))
    every = said(bench)
    assert sorted(every[at : at + 2] for at in (0, 2)) == [
        [("user", f"I am {name}."), ("assistant", f"Hello {name}.")] for name in ("Anna", "Bert")
    ]
    assert not any("Anna" in told and "Bert" in told for told in sent(models))


async def test_a_step_that_comes_by_again_goes_on_from_its_own_words(tmp_path: Path, models: ModelServer):
    bench = Bench(tmp_path)
    models.play({"text": "First answer."}, {"text": "Second answer."})
    spec = flow(step("llm", "one", thread="t"), step("llm", "two", thread="t", prompt="And then?"))
    await bench.settle(bench.start(spec, {"question": "What first?"}), "run_completed")
    assert "First answer." in sent(models)[1]
    assert [text for _, text in said(bench)] == ["What first?", "First answer.", "And then?", "Second answer."]


# Again after a crash ---------------------------------------------------------------------------------------------


@TARGETS
@pytest.mark.parametrize("kind", ["llm", "agent"])
async def test_a_later_attempt_asks_the_same_whatever_became_of_the_thread(
    tmp_path: Path, models: ModelServer, target: str, kind: str
):
    bench = Bench(tmp_path, lease_s=1, target=target)
    await asyncio.to_thread(load, target)
    memory.tell(bench.db, W, "t", [("user", "I am Anna.", "a:q"), ("assistant", "Hello Anna.", "a:a")])
    run = bench.start(flow(step(kind, thread="t")), {"question": "Who am I?"})
    models.play({"text": "Anna.", "delay_s": 60})
    lost = Runner(bench.db, "lost", 1, settings=bench.settings)
    lost._engine = target
    await lost.wake(run)
    while not models.requests:  # noqa: ASYNC110 - another thread fills it
        await asyncio.sleep(0.01)
    await lost.close(0)
    service.delete_thread(Workspace(bench.db, W), "t")
    memory.say(bench.db, W, "t", "user", "I am Bert.", key="b")
    models.play({"text": "You are Anna."})
    await bench.settle(run, "run_completed")
    first, second = models.requests
    assert first["hash"] == second["hash"]
    assert "diverged" not in bench.types(run)
    assert [text for _, text in said(bench)] == ["I am Bert.", "Who am I?", "You are Anna."]


async def test_a_worker_that_died_after_speaking_says_nothing_twice(tmp_path: Path):
    bench = Bench(tmp_path, lease_s=1)
    spec = flow(step("llm", prompt='{{ input.question }} x-demo: ["Scripted."]', thread="t"))
    run = bench.start(spec, {"question": "First?"})
    code = (
        "import asyncio; from pathlib import Path; from tests.engine.harness import Bench;"
        f"asyncio.run(Bench(Path({str(tmp_path)!r}), lease_s=1).settle({run!r}))"
    )
    env = {**os.environ, "NEXOD_FAILPOINT": "after_effect", "PYTHONPATH": str(ROOT)}
    died = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=ROOT, env=env, stderr=subprocess.PIPE)
    _, told = await asyncio.wait_for(died.communicate(), 60)
    assert died.returncode == -signal.SIGKILL, told.decode()
    assert said(bench) == [("user", "First?"), ("assistant", "Scripted.")]
    await bench.settle(run, "run_completed")
    assert said(bench) == [("user", "First?"), ("assistant", "Scripted.")]
    assert bench.types(run).count("model_called") == 1


# Long threads ----------------------------------------------------------------------------------------------------


def talk(bench: Bench, times: int, size: int = 1) -> None:
    for n in range(times):
        said = [("user", f"question {n} " * size, f"{n}:q"), ("assistant", f"answer {n} " * size, f"{n}:a")]
        memory.tell(bench.db, W, "t", said)


async def test_a_long_thread_is_summed_up_once_and_the_rest_kept_word_for_word(tmp_path: Path, models: ModelServer):
    bench = Bench(tmp_path)
    talk(bench, 25)
    models.play({"text": "They went through 15 questions."}, {"text": "Go on."}, {"text": "And on."})
    run = bench.start(flow(step("llm", thread="t")), {"question": "What now?"})
    await bench.settle(run, "run_completed")
    fold, asked = sent(models)
    assert "Sum up" in fold and "question 0" in fold and "question 20" not in fold
    assert "They went through 15 questions." in asked
    assert "question 14" not in asked and "question 15" in asked and "answer 24" in asked
    assert bench.types(run).count("model_called") == 2
    assert len(said(bench)) == 1 + 20 + 2
    await bench.settle(bench.start(flow(step("llm", thread="t")), {"question": "And now?"}), "run_completed")
    assert len(models.requests) == 3
    assert "They went through 15 questions." in sent(models)[2] and "What now?" in sent(models)[2]


@TARGETS
async def test_an_agent_s_long_thread_is_summed_up_before_its_work(tmp_path: Path, models: ModelServer, target: str):
    bench = Bench(tmp_path, target=target)
    talk(bench, 25)
    models.play({"text": "They went through 15 questions."}, {"text": "Go on."})
    run = bench.start(flow(step("agent", thread="t")), {"question": "What now?"})
    await bench.settle(run, "run_completed")
    fold, asked = sent(models)
    assert "Sum up" in fold
    assert "They went through 15 questions." in asked and "question 14" not in asked and "answer 24" in asked
    assert "diverged" not in bench.types(run)
    assert said(bench)[0] == ("summary", "They went through 15 questions.")
    assert said(bench)[-2:] == [("user", "What now?"), ("assistant", "Go on.")]


async def test_long_messages_fold_a_short_thread(tmp_path: Path, models: ModelServer):
    bench = Bench(tmp_path)
    talk(bench, 5, 300)
    models.play({"text": "Five long ones."}, {"text": "Done."})
    await bench.settle(bench.start(flow(step("llm", thread="t")), {"question": "Go on"}), "run_completed")
    assert len(models.requests) == 2
    assert len(sent(models)[1]) < 13_000


async def test_where_there_is_only_the_demo_model_the_first_lines_stay(tmp_path: Path):
    bench = Bench(tmp_path)
    talk(bench, 25)
    await bench.settle(bench.start(flow(step("llm", thread="t")), {"question": "What now?"}), "run_completed")
    (role, summary), *rest = said(bench)
    assert role == "summary"
    assert "Question: question 0" in summary and "Answer: answer 14" in summary
    assert len(rest) == 22


# Learned patterns ------------------------------------------------------------------------------------------------


def pattern(bench: Bench, workflow: str, text: str) -> None:
    with Workspace(bench.db, W).begin() as tx:
        tx.add(MemoryItem(
            workspace_id=W, id=new_id(), kind="pattern", text=text, subject=f"{workflow}/ok", created_at=1, updated_at=1
        ))  # fmt: skip


@TARGETS
@pytest.mark.parametrize("kind", ["llm", "agent"])
async def test_a_step_that_learns_is_told_what_people_decided_in_its_workflow(
    tmp_path: Path, models: ModelServer, target: str, kind: str
):
    bench = Bench(tmp_path, target=target)
    spec, question = flow(step(kind, learn=True)), {"question": "Write an offer for a lamp."}
    run = bench.start(spec, question)
    with bench.db.read() as conn:
        workflow = conn.exec_driver_sql("select workflow_id from run").scalar_one()
    pattern(bench, workflow, "Send this offer: rejected, because: no lamp without its price.")
    pattern(bench, "another", "Send this offer: rejected, because: lamps are out.")
    models.play({"text": "A lamp at 40 euros."})
    await bench.settle(run, "run_completed")
    assert "no lamp without its price" in sent(models)[0]
    assert "lamps are out" not in sent(models)[0]
