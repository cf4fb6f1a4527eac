"""The arithmetic is tested on a tiny model of our own making; MiniLM itself only where NEXOD_TEST_MINILM names the
folder of its files, since it is 83 MB that nobody has to have."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from engine import embeddings
from engine.embeddings import minilm
from engine.errors import NodeError
from engine.settings import Settings

REAL = os.environ.get("NEXOD_TEST_MINILM", "")
WIDTH, HEADS, INNER, LAYERS = 8, 2, 16, 2
WORDS = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "cats", "and", "dogs", "like", "fish"]
TEXTS = ["cats", "cats and dogs like fish", "dogs like cats", "fish fish fish fish fish fish fish", ""]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two layers with weights by chance, in the files that MiniLM has."""
    home = tmp_path_factory.mktemp("model")
    tokenizer = Tokenizer(WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    tokenizer.enable_padding(length=32)
    tokenizer.save(str(home / "tokenizer.json"))
    header, data = {}, b""
    for name, values in weights().items():
        header[name] = {
            "dtype": "F32",
            "shape": list(values.shape),
            "data_offsets": [len(data), len(data) + values.nbytes],
        }
        data += values.tobytes()
    header["embeddings.position_ids"] = {"dtype": "I64", "shape": [1], "data_offsets": [len(data), len(data) + 8]}
    said = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    (home / "model.safetensors").write_bytes(len(said).to_bytes(8, "little") + said + data + bytes(8))
    return home


def weights() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(7)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(WORDS), WIDTH),
        "embeddings.position_embeddings.weight": (40, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
    }
    norms = ["embeddings.LayerNorm"]
    for at in range(LAYERS):
        layer = f"encoder.layer.{at}"
        inner = {"attention.self.query": (WIDTH, WIDTH), "attention.self.key": (WIDTH, WIDTH),
                 "attention.self.value": (WIDTH, WIDTH), "attention.output.dense": (WIDTH, WIDTH),
                 "intermediate.dense": (INNER, WIDTH), "output.dense": (WIDTH, INNER)}  # fmt: skip
        for name, (out, into) in inner.items():
            shapes |= {f"{layer}.{name}.weight": (out, into), f"{layer}.{name}.bias": (out,)}
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    for name in norms:
        shapes |= {f"{name}.weight": (WIDTH,), f"{name}.bias": (WIDTH,)}
    return {name: draw.normal(0, 0.7, shape).astype("<f4") for name, shape in shapes.items()}


def slowly(text: str) -> list[float]:
    """The same model once more, number by number, as its paper has it."""
    w = {name: values.astype(float) for name, values in weights().items()}
    ids = [1, *(WORDS.index(word) for word in text.split()), 2]

    def norm(row: np.ndarray, name: str) -> np.ndarray:
        mean = sum(row) / len(row)
        spread = math.sqrt(sum((one - mean) ** 2 for one in row) / len(row) + 1e-12)
        return np.array([(one - mean) / spread for one in row]) * w[f"{name}.weight"] + w[f"{name}.bias"]

    def dense(row: np.ndarray, name: str) -> np.ndarray:
        return w[f"{name}.weight"] @ row + w[f"{name}.bias"]

    rows = []
    for at, one in enumerate(ids):
        sums = w["embeddings.word_embeddings.weight"][one] + w["embeddings.token_type_embeddings.weight"][0]
        rows.append(norm(sums + w["embeddings.position_embeddings.weight"][at], "embeddings.LayerNorm"))
    size = WIDTH // HEADS
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        q, k, v = ([dense(row, f"{name}.attention.self.{part}") for row in rows] for part in ("query", "key", "value"))
        after = []
        for at, row in enumerate(rows):
            seen = np.zeros(WIDTH)
            for head in range(HEADS):
                part = slice(head * size, (head + 1) * size)
                scores = [math.exp(q[at][part] @ other[part] / math.sqrt(size)) for other in k]
                seen[part] = sum(score / sum(scores) * value[part] for score, value in zip(scores, v, strict=True))
            said = norm(row + dense(seen, f"{name}.attention.output.dense"), f"{name}.attention.output.LayerNorm")
            inner = dense(said, f"{name}.intermediate.dense")
            inner = np.array([0.5 * one * (1 + math.erf(one / math.sqrt(2))) for one in inner])
            after.append(norm(said + dense(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm"))
        rows = after
    mean = sum(rows) / len(rows)
    return list(mean / math.sqrt(sum(mean**2)))


def test_the_fast_pass_computes_what_the_slow_one_does(folder: Path):
    rows = minilm.Model(folder, HEADS).embed(TEXTS)
    assert np.allclose(rows, [slowly(text) for text in TEXTS], atol=1e-5)


def test_a_text_s_vector_does_not_depend_on_its_neighbours(folder: Path):
    model = minilm.Model(folder, HEADS)
    many = model.embed(TEXTS * 20)
    for at, text in enumerate(TEXTS):
        alone = model.embed([text])[0]
        assert all(np.allclose(row, alone, atol=1e-5) for row in many[at :: len(TEXTS)])
    assert model.embed([]).shape == (0, WIDTH)


def test_what_is_too_long_is_cut(folder: Path):
    model = minilm.Model(folder, HEADS, tokens=6)
    assert np.allclose(
        model.embed(["cats and dogs like fish fish fish"]), model.embed(["cats and dogs like"]), atol=1e-5
    )


def test_the_error_function_is_right_to_the_last_digits_of_a_float():
    x = np.linspace(-6, 6, 2001, dtype=np.float32)
    exact = [0.5 * one * (1 + math.erf(one / math.sqrt(2))) for one in x.tolist()]
    assert np.abs(minilm.gelu(x) - exact).max() < 2e-6


def test_files_that_are_not_the_published_ones_are_not_used(folder: Path):
    settings = Settings(minilm=folder)
    assert minilm.state(settings) == (True, "")
    with pytest.raises(NodeError, match="not the file that sentence-transformers published") as caught:
        embeddings.open("minilm", settings).embed(["cats"])
    assert caught.value.code == "embedding_missing"


def test_without_its_files_it_says_how_to_add_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(minilm, "find_spec", lambda _: None)
    with pytest.raises(NodeError) as caught:
        embeddings.open("minilm", Settings(minilm=tmp_path))
    assert caught.value.code == "embedding_missing" and "make minilm" in caught.value.hint
    choice = next(one for one in embeddings.choices(Settings()) if one["name"] == "minilm")
    assert not choice["ready"] and "make minilm" in choice["help"]


PUBLISHED = ("A man is eating pasta.", {
    "A man is eating food.": 0.7035, "A man is eating a piece of bread.": 0.5272, "A man is riding a horse.": 0.1889,
    "A cheetah is running behind its prey.": 0.0980,
})  # fmt: skip
"""From the documentation of sentence-transformers, which computes it with torch."""


if REAL:

    def test_minilm_says_what_sentence_transformers_says():
        embedder = embeddings.open("minilm", Settings(minilm=Path(REAL)))
        asked, *others = embedder.embed([PUBLISHED[0], *PUBLISHED[1]])
        assert [round(float(asked @ row), 4) for row in others] == pytest.approx(list(PUBLISHED[1].values()), abs=1e-4)
        alone = np.concatenate([embedder.embed([text]) for text in PUBLISHED[1]])
        assert np.allclose(alone, others, atol=1e-5)
