"""The llm step, in the real engine: demo model, a real endpoint, journal, retry and replay."""

from collections.abc import Iterator

import pytest

from tests.engine.nodes.played import play
from tests.world.models import ModelServer

SCORE = {
    "type": "object",
    "properties": {"score": {"type": "number"}},
    "required": ["score"],
    "additionalProperties": False,
}


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with ModelServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        yield server


def test_without_a_key_the_demo_model_answers() -> None:
    made = play("llm", {"prompt": "Write about {{ input.topic }}"}, {"topic": "bees"})
    assert made.output["model"] == "demo"
    assert "bees" in made.output["text"].lower()
    assert set(made.output["usage"]) == {"input_tokens", "output_tokens", "cost"}
    assert "".join(made.tokens) == made.output["text"]
    assert made.of("model_called")[0]["provider"] == "demo"


def test_the_demo_model_answers_a_schema_with_data() -> None:
    made = play("llm", {"prompt": "Judge it", "output_schema": SCORE})
    assert made.output["data"] == {"score": 0.9}


def test_auto_takes_the_endpoint_that_the_operator_set(models: ModelServer) -> None:
    models.play({"text": "From the server", "usage": {"input_tokens": 3, "output_tokens": 4}})
    made = play("llm", {"prompt": "Hello", "system": "Be kind, {{ input.name }}."}, {"name": "Ann"})
    assert made.output["text"] == "From the server"
    assert models.requests[0]["body"]["messages"][0]["content"] == "Be kind, Ann."
    called = made.of("model_called")[0]
    assert (called["provider"], called["answer"], called["usage"]["output_tokens"]) == ("openai", "From the server", 4)


def test_demo_is_demo_also_when_there_is_a_key(models: ModelServer) -> None:
    assert play("llm", {"prompt": 'x-demo: ["scripted"]', "provider": "demo"}).output["text"] == "scripted"
    assert models.requests == []


def test_a_replay_asks_nobody_again(models: ModelServer) -> None:
    made = play("llm", {"prompt": "Hello"})
    made.events = [e for e in made.events if e.type != "node_completed"]
    made.again()
    assert made.output["text"] == "You said: Hello"
    assert len(models.requests) == 1


def test_both_turns_of_a_repair_are_in_the_journal(models: ModelServer) -> None:
    models.play({"text": "good"}, {"json": {"score": 1}})
    made = play("llm", {"prompt": "Judge", "output_schema": SCORE})
    assert made.output["data"] == {"score": 1}
    assert [c["answer"] for c in made.of("model_called")] == ["good", '{"score": 1}']
    assert len(made.of("diverged")) == 0


def test_a_passing_fault_is_retried_and_waits_as_long_as_it_was_told(models: ModelServer) -> None:
    models.play({"fault": "rate_limited", "retry_after": 0.2}, {"fault": "server_error"}, {"text": "At last"})
    made = play("llm", {"prompt": "Hello"}, retry={"attempts": 3, "delay_s": 0, "factor": 1})
    assert made.output["text"] == "At last"
    assert [r["error"]["code"] for r in made.of("node_retry")] == ["model_rate_limited", "model_unavailable"]
    assert made.of("node_retry")[0]["delay_s"] >= 0.2


def test_a_wrong_key_is_not_retried(models: ModelServer) -> None:
    models.play({"fault": "unauthorized"})
    made = play("llm", {"prompt": "Hello"}, retry={"attempts": 3, "delay_s": 0})
    assert made.failure
    assert made.failure.code == "model_unauthorized"
    assert "Settings, Models" in made.failure.hint
    assert len(models.requests) == 1


def test_a_cut_answer_is_no_answer(models: ModelServer) -> None:
    models.play({"text": "half of it is here", "fault": "cut"})
    made = play("llm", {"prompt": "Hello"})
    assert made.failure
    assert made.failure.code == "model_bad_answer"
    assert made.of("model_called") == made.of("node_completed") == []


def test_the_timeout_stops_a_model_that_dawdles(models: ModelServer) -> None:
    models.play({"fault": "stall"})
    made = play("llm", {"prompt": "Hello"}, timeout_s=0.3)
    assert made.failure
    assert made.failure.code == "timeout"


def test_a_wrong_provider_or_schema_is_a_problem_of_the_workflow() -> None:
    with pytest.raises(AssertionError, match="provider"):
        play("llm", {"prompt": "Hello", "provider": "other"})


def test_a_retry_after_bad_output_asks_anew_also_on_replay(models: ModelServer) -> None:
    models.play({"text": "no"}, {"text": "no"}, {"text": "no"}, {"json": {"score": 1}})
    retry = {"attempts": 2, "delay_s": 0, "factor": 1}
    made = play("llm", {"prompt": "Judge", "output_schema": SCORE}, retry=retry)
    assert made.output["data"] == {"score": 1}
    made.events = [e for e in made.events if e.type != "node_completed"]
    made.again()
    assert made.output["data"] == {"score": 1}
    assert len(made.of("node_retry")) == 1
    assert len(models.requests) == 4
