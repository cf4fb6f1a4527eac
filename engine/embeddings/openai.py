"""Any OpenAI-compatible `/embeddings` endpoint: batched, tried again when it may help, checked."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from engine import requests
from engine.egress import check
from engine.errors import NodeError
from engine.llm import faults
from engine.llm.patience import Patience
from engine.llm.presets import Preset
from engine.values import is_list, is_object

if TYPE_CHECKING:
    from engine.embeddings import Array

HOME = "https://api.openai.com/v1"
KNOWN = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536,
         "BAAI/bge-m3": 1024}  # fmt: skip
"""Dimensions that need no asking, at the vendors' own addresses."""
BATCH, BATCH_BYTES = 128, 256_000
TRIES, FIRST_WAIT_S, LONGEST_WAIT_S = 4, 0.5, 30.0
SPLITS = (400, 413, 422)
"""What servers answer to a batch that is too large for them, among other things."""
_learned: dict[tuple[str, str], int] = {}
"""Dimensions by (address, model), as this process has seen them."""


class Endpoint:
    def __init__(self, who: Preset, model: str) -> None:
        if not who.ready:
            raise NodeError(f"There is no key for {who.title}.", code="model_unauthorized", hint=who.hint)
        self.name = f"{who.name}/{model}"
        self._who, self._model = who, model
        self._address = (who.address() or HOME).rstrip("/")
        self.kept_as = f"{self.name}@{who.base_url()}" if who.base_url() else self.name
        self._patience = Patience(who.spoken)

    @property
    def dimension(self) -> int:
        if not self._who.base_url() and self._model in KNOWN:
            return KNOWN[self._model]
        if (self._address, self._model) not in _learned:
            self.embed(["dimension"])
        return _learned[self._address, self._model]

    def measure(self) -> int:
        _learned.pop((self._address, self._model), None)
        return self.dimension

    def embed(self, texts: Sequence[str]) -> Array:
        import numpy as np

        rows = asyncio.run(self._all(texts))
        vectors = np.asarray(rows, np.float32).reshape(len(texts), -1) if texts else np.zeros((0, 0), np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(vectors).all() or (lengths == 0).any():
            raise faults.bad_answer(self._who.spoken, "an embedding is empty or no number.")
        return vectors / lengths

    async def _all(self, texts: Sequence[str]) -> list[list[float]]:
        return [row for batch in batches(texts) for row in await self._batch(batch)]

    async def _batch(self, texts: list[str]) -> list[list[float]]:
        """A batch that is refused is halved, down to the one text that is at fault: limits differ by server."""
        try:
            return await self._patiently(texts)
        except NodeError as fault:
            if len(texts) == 1 or fault.extra.get("status") not in SPLITS:
                raise
        half = len(texts) // 2
        return await self._batch(texts[:half]) + await self._batch(texts[half:])

    async def _patiently(self, texts: list[str]) -> list[list[float]]:
        for again in range(TRIES):
            try:
                return self._read(await self._ask(texts), len(texts))
            except NodeError as fault:
                wait = max(fault.retry_after or 0, FIRST_WAIT_S * 2**again * random.uniform(0.5, 1.5))
                if not fault.retryable or again == TRIES - 1 or wait > LONGEST_WAIT_S:
                    raise
            await asyncio.sleep(wait)
        raise AssertionError("unreachable")

    async def _ask(self, texts: list[str]) -> Any:
        body = json.dumps({"model": self._model, "input": texts, "encoding_format": "float"}).encode()
        url = check(f"{self._address}/embeddings")
        headers = {"content-type": "application/json"}
        if key := self._who.api_key():
            headers["authorization"] = f"Bearer {key}"
        out = requests.Outgoing("POST", url, headers, body, str(url))
        try:
            async with asyncio.timeout(self._patience.connect_s + self._patience.first_s):
                sent = await requests.send(out, self._patience.max_bytes, purpose="model")
        except TimeoutError:
            raise faults.timed_out(self._who.spoken, "embeddings", self._patience.first_s) from None
        except NodeError as fault:
            if fault.code.startswith("http_"):
                raise faults.unreachable(self._who.spoken, fault.message) from fault
            raise
        if sent.status >= 300:
            message, code = faults.said(sent.body)
            raise faults.from_status(max(sent.status, 400), message, sent.headers, self._who.spoken, code)
        return sent.body

    def _read(self, body: Any, count: int) -> list[list[float]]:
        """The rows in the order of the texts, whatever order they came in."""
        if is_object(body) and body.get("error"):
            raise faults.bad_answer(self._who.spoken, f"it answered 200 with an error: {faults.said(body)[0]}")
        data = body.get("data") if is_object(body) else None
        rows: dict[int, list[float]] = {}
        for at, item in enumerate(data if is_list(data) else []):
            if is_object(item) and _numbers(item.get("embedding")):
                rows[item.get("index", at)] = item["embedding"]
        if sorted(rows) != list(range(count)):
            raise faults.bad_answer(self._who.spoken, f"it answered {len(rows)} embeddings for {count} texts.")
        self._check({len(row) for row in rows.values()})
        return [rows[at] for at in range(count)]

    def _check(self, dimensions: set[int]) -> None:
        expected = _learned.setdefault((self._address, self._model), min(dimensions))
        if dimensions != {expected}:
            # Said once; from then on it is the collections that hold to theirs.
            _learned[self._address, self._model] = max(dimensions - {expected})
            raise NodeError(
                f"{self.name} answered vectors of {max(dimensions - {expected})} numbers, and of {expected} before.",
                code="dimension_mismatch",
                hint="Another model answers under this name now: embed the collection anew.",
            )


def _numbers(value: Any) -> bool:
    return is_list(value) and bool(value) and all(isinstance(one, (int, float)) for one in value)


def batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """At most BATCH texts and BATCH_BYTES bytes each; a longer text goes alone. Blank texts are refused by most
    servers, so a dash stands for them."""
    batch: list[str] = []
    size = 0
    for text in texts:
        text = text if text.strip() else "-"
        more = len(text.encode("utf-8", "surrogatepass"))
        if batch and (len(batch) == BATCH or size + more > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += more
    if batch:
        yield batch
