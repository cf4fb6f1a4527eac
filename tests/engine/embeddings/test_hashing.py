from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from engine import embeddings
from engine.embeddings.words import spans, stem, words
from engine.errors import NodeError
from engine.settings import Settings

TEXTS = ["Parsing a date from a string", "", "东京 und Zürich", "🌹", "the of and", "x" * 5000, "\ud800"]


def embed(*texts: str) -> np.ndarray:
    return embeddings.open("hashing", Settings()).embed(texts)


def test_rows_are_of_length_one_whatever_the_text():
    rows = embed(*TEXTS)
    assert rows.shape == (len(TEXTS), 512) and rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)
    assert embed().shape == (0, 512)


def test_a_vector_is_the_same_in_every_process_and_on_every_machine():
    code = (
        "from engine.embeddings.hashing import Hashing; import hashlib\n"
        f"rows = Hashing().embed({TEXTS[:6]!r})\n"
        "print(hashlib.sha256((rows * 1000).round().astype('<i2').tobytes()).hexdigest())"
    )
    here = hashlib.sha256((embed(*TEXTS[:6]) * 1000).round().astype("<i2").tobytes()).hexdigest()
    for seed in ("0", "1"):
        env = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == here
    assert here == WRITTEN, "collections hold such vectors: another rule needs another name"


WRITTEN = "876893b33d5d116d938853ef098a85708e4731efcf9d2850fc24f27ee5b7ac9a"


def test_what_is_spelled_alike_is_near():
    asked, form, typo, other = embed("parse dates", "parsing a date", "prase datse", "weather in Paris")
    assert asked @ form > asked @ typo > asked @ other + 0.1
    assert asked @ form > 0.5


def test_common_words_hardly_count():
    one, more = embed("invoice", "what is the invoice of it")
    assert one @ more > 0.8


@pytest.mark.parametrize("forms", [
    ("parse", "parses", "parsed", "parsing"), ("query", "queries"), ("box", "boxes"), ("run", "running", "runs"),
    ("class", "classes"), ("file", "files", "filed"), ("quick", "quickly"),
])  # fmt: skip
def test_forms_of_a_word_share_its_stem(forms: tuple[str, ...]):
    assert len({stem(form) for form in forms}) == 1


@pytest.mark.parametrize("word", ["sing", "gas", "bus", "red", "thing", "string", "this", "glass", "x1234s"])
def test_what_only_looks_like_an_ending_stays(word: str):
    assert stem(word) == word


def test_words_are_folded_and_their_places_those_of_the_text():
    text = "ÉCOLE ﬁn 東京都! snake_case"
    assert words(text) == ["ecole", "fin", "東京", "京都", "snake", "case"]
    assert [text[start:end] for start, end, _ in spans(text)] == ["ÉCOLE", "ﬁn", "東京", "京都", "snake", "case"]


def test_the_choices_say_what_each_is_and_what_it_needs(monkeypatch: pytest.MonkeyPatch):
    choices = {choice["name"]: choice for choice in embeddings.choices(Settings())}
    assert next(iter(choices)) == "hashing" and choices["hashing"]["ready"] and choices["hashing"]["dimension"] == 512
    assert "knows no meanings" in choices["hashing"]["help"]
    assert choices["openai/text-embedding-3-small"]["dimension"] == 1536
    assert not choices["openai/text-embedding-3-small"]["ready"]
    assert "OPENAI_API_KEY" in choices["openai/text-embedding-3-small"]["help"]
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    choices = {choice["name"]: choice for choice in embeddings.choices(Settings())}
    assert choices["openai/text-embedding-3-small"]["ready"]
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("OPENAI_EMBEDDING_MODEL", "mine")
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://127.0.0.1:1/v1")
    choices = {choice["name"]: choice for choice in embeddings.choices(Settings())}
    assert choices["openai/mine"]["dimension"] is None and choices["openai/mine"]["ready"]
    assert not [name for name in choices if name.startswith("ollama")], "nobody knows a model of it"
    assert all(choice.keys() == {"name", "title", "help", "ready", "dimension"} for choice in choices.values())


@pytest.mark.parametrize("name", ["", "magic", "openai/", "openai", "demo/x", "anthropic/x", "hashing/512"])
def test_an_unknown_embedding_names_those_there_are(name: str):
    with pytest.raises(NodeError) as caught:
        embeddings.open(name, Settings())
    assert caught.value.code == "unknown_embedding" and "hashing" in caught.value.hint


def test_asking_for_choices_loads_no_numpy():
    code = (
        "import sys, engine.knowledge.retrieval; from engine import embeddings; from engine.settings import Settings;"
        "embeddings.choices(Settings());"
        "print([name for name in ('numpy', 'tokenizers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
