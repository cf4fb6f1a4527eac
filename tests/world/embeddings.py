"""A scripted embedding server with OpenAI's protocol, and its faults.

    with EmbeddingServer(dimension=8) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        server.play({"status": 429, "retry_after": 0.1})

A text's vector depends on the text alone. Rows come in reverse order, as the protocol allows. A step is what one
request gets: "status" (an error), "retry_after", "drop", "body" (as it is), "dimension", "short" (one row too few),
"stall". Without one, a request of more than `most` texts is refused as too large, any other is answered.
"""

from __future__ import annotations

import random
from typing import Any

from tests.world.server import Handler, World

Step = dict[str, Any]


class EmbeddingServer(World):
    def __init__(self, dimension: int = 8, most: int = 10_000, port: int = 0) -> None:
        super().__init__(port)
        self.url = f"{self.origin}/v1"
        self.dimension, self.most = dimension, most
        self.requests: list[dict[str, Any]] = []
        self._played: list[Step] = []

    def play(self, *steps: Step) -> None:
        with self.lock:
            self._played += steps

    @property
    def texts(self) -> list[str]:
        return [text for one in self.requests for text in one["body"]["input"]]

    def answer(self, call: Handler) -> None:
        body = call.json()
        with self.lock:
            headers = {k.lower(): v for k, v in call.headers.items()}
            self.requests.append({"path": call.path, "headers": headers, "body": body})
            step = self._played.pop(0) if self._played else {}
        texts: list[str] = body["input"]
        if "status" in step:
            told = {"Retry-After": str(step["retry_after"])} if "retry_after" in step else {}
            return call.reply(step["status"], {"error": {"message": f"played: {step['status']}"}}, told)
        if step.get("drop"):
            return call.hang_up(reset=True)
        if step.get("stall"):
            return self.wait(3600)
        if "body" in step:
            return call.reply(200, step["body"])
        if len(texts) > self.most:
            return call.reply(422, {"error": {"message": f"batch size {len(texts)} > maximum {self.most}"}})
        rows = [
            {"object": "embedding", "index": at, "embedding": vector(text, step.get("dimension", self.dimension))}
            for at, text in enumerate(texts)
        ]
        return call.reply(200, {"object": "list", "model": body["model"], "data": rows[int("short" in step) :][::-1]})


def vector(text: str, dimension: int) -> list[float]:
    """Not of length one: callers have to see to that."""
    draw = random.Random(text)
    return [draw.uniform(-2, 2) for _ in range(dimension)]
