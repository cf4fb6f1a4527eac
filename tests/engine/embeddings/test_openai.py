from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from engine import embeddings
from engine.embeddings import openai
from engine.errors import NodeError
from engine.settings import Settings
from tests.world.embeddings import EmbeddingServer, vector


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddingServer]:
    monkeypatch.setattr(openai, "FIRST_WAIT_S", 0.01)
    with EmbeddingServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        yield server


def embedder(name: str = "openai/small") -> embeddings.Embedder:
    return embeddings.open(name, Settings())


def unit(text: str, dimension: int = 8) -> np.ndarray:
    row = np.array(vector(text, dimension))
    return row / np.linalg.norm(row)


def test_rows_stand_in_the_order_of_the_texts_and_have_length_one(server: EmbeddingServer):
    texts = [f"text {n}" for n in range(20)]
    assert np.allclose(embedder().embed(texts), [unit(text) for text in texts], atol=1e-6)
    assert embedder().embed([]).shape[0] == 0


def test_a_request_says_model_and_key(server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    embedder("openai/house/large").embed(["a"])
    (request,) = server.requests
    assert request["path"] == "/v1/embeddings" and request["headers"]["authorization"] == "Bearer sk-mine"
    assert request["body"] == {"model": "house/large", "input": ["a"], "encoding_format": "float"}


def test_other_providers_are_asked_at_their_own_address(server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.setenv("OLLAMA_BASE_URL", server.url)
    assert embedder("ollama/nomic-embed-text").embed(["a"]).shape == (1, 8)
    assert "authorization" not in server.requests[0]["headers"]


def test_batches_are_bounded_by_count_and_by_bytes(server: EmbeddingServer):
    embedder().embed([f"text {n}" for n in range(300)])
    assert [len(one["body"]["input"]) for one in server.requests] == [128, 128, 44]
    sizes = [len(batch) for batch in openai.batches(["é" * 50_000] * 5 + ["x" * 400_000, "y"])]
    assert sizes == [2, 2, 1, 1, 1]


def test_a_server_that_takes_less_at_a_time_is_given_less(server: EmbeddingServer):
    server.most = 32
    texts = [f"text {n}" for n in range(130)]
    assert np.allclose(embedder().embed(texts), [unit(text) for text in texts], atol=1e-6)


def test_a_text_that_is_refused_alone_is_an_error(server: EmbeddingServer):
    server.most = 0
    with pytest.raises(NodeError) as caught:
        embedder().embed(["a", "b"])
    assert caught.value.code == "model_refused" and len(server.requests) == 2


def test_blank_texts_are_not_sent(server: EmbeddingServer):
    assert embedder().embed(["", " \n", "a"]).shape == (3, 8)
    assert server.texts == ["-", "-", "a"]


@pytest.mark.parametrize("step", [
    {"status": 429}, {"status": 503}, {"status": 500}, {"drop": True}, {"short": 1}, {"body": {"data": "no"}},
    {"body": {"error": {"message": "loading"}}}, {"body": {"data": [{"index": 0, "embedding": ["x"]}]}},
])  # fmt: skip
def test_what_passes_is_tried_again(server: EmbeddingServer, step: dict):
    server.play(step, step)
    assert np.allclose(embedder().embed(["a"]), [unit("a")], atol=1e-6)
    assert len(server.requests) == 3


def test_the_server_says_when_to_come_again(server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch):
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(openai.asyncio, "sleep", sleep)
    server.play({"status": 429, "retry_after": 7}, {"status": 503})
    embedder().embed(["a"])
    assert waited[0] == 7 and 0.01 <= waited[1] <= 0.03
    server.play({"status": 429, "retry_after": 3600})
    with pytest.raises(NodeError) as caught:
        embedder().embed(["a"])
    assert caught.value.code == "model_rate_limited" and caught.value.retry_after == 3600 and len(waited) == 2


@pytest.mark.parametrize(("step", "code", "asked"), [
    ({"status": 401}, "model_unauthorized", 1), ({"status": 404}, "model_refused", 1),
    ({"status": 429}, "model_rate_limited", 4), ({"status": 503}, "model_unavailable", 4),
    ({"drop": True}, "model_unavailable", 4), ({"short": 1}, "model_bad_answer", 4),
    ({"body": {"data": [{"index": 0, "embedding": [0.0, 0.0]}]}}, "model_bad_answer", 1),
])  # fmt: skip
def test_what_stays_is_a_typed_error(server: EmbeddingServer, step: dict, code: str, asked: int):
    server.play(*[step] * 4)
    with pytest.raises(NodeError) as caught:
        embedder().embed(["a"])
    assert caught.value.code == code and len(server.requests) == asked


def test_a_server_that_says_nothing_is_given_up(server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NEXOD_MODEL_CONNECT_S", "0.1")
    monkeypatch.setenv("NEXOD_MODEL_FIRST_S", "0.1")
    server.play(*[{"stall": True}] * 4)
    with pytest.raises(NodeError) as caught:
        embedder().embed(["a"])
    assert caught.value.code == "model_timeout"


def test_the_dimension_is_learned_from_the_first_answer_and_held_to(server: EmbeddingServer):
    first = embedder("openai/learned")
    assert first.dimension == 8 and len(server.requests) == 1
    assert embedder("openai/learned").dimension == 8 and len(server.requests) == 1
    server.play({"dimension": 9})
    with pytest.raises(NodeError) as caught:
        first.embed(["a"])
    assert caught.value.code == "dimension_mismatch" and "9" in caught.value.message
    assert first.dimension == 9
    assert first.measure() == 8


def test_known_models_need_no_asking(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    assert embedder("openai/text-embedding-3-large").dimension == 3072


def test_without_a_key_nobody_is_asked():
    with pytest.raises(NodeError) as caught:
        embedder()
    assert caught.value.code == "model_unauthorized" and "OPENAI_API_KEY" in caught.value.hint


def test_private_addresses_are_reached_only_when_they_are_the_model_s(monkeypatch: pytest.MonkeyPatch):
    with EmbeddingServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        open_ = embedder()
        monkeypatch.delenv("OPENAI_BASE_URL")
        with pytest.raises(NodeError) as caught:
            open_.embed(["a"])
        assert caught.value.code == "egress_refused" and server.requests == []


def test_numbers_that_are_none_are_refused(server: EmbeddingServer):
    server.play(*[{"body": json.loads('{"data": [{"index": 0, "embedding": [NaN, 1.0]}]}')}] * 4)
    with pytest.raises(NodeError) as caught:
        embedder("openai/nan").embed(["a"])
    assert caught.value.code == "model_bad_answer"
