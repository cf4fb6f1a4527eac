"""A sink of effects: counts requests by Idempotency-Key (else by method, path and body), as the other side would.

    with Sink() as sink:
        …  POST {sink.origin}/publish …
        assert sink.doubled() == {}

Any path answers 200 {"n": times this key came, "key": key}. Query: `delay_s` (before counting), `hold_s` (after
counting, before the answer), `status`, `drop=1` (counts, then hangs up). Over HTTP: GET /_world/counts,
GET /_world/effects, POST /_world/reset.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.world.server import Handler, World, main


class Sink(World):
    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.effects: list[dict[str, Any]] = []
        """Every request that arrived: key, method, path, headers, body, at."""

    def counts(self) -> Counter[str]:
        with self.lock:
            return Counter(effect["key"] for effect in self.effects)

    def doubled(self) -> dict[str, int]:
        return {key: n for key, n in self.counts().items() if n > 1}

    def reset(self) -> None:
        with self.lock:
            self.effects.clear()

    def answer(self, call: Handler) -> None:
        parts = urlsplit(call.path)
        match parts.path:
            case "/_world/counts":
                return call.reply(200, dict(self.counts()))
            case "/_world/effects":
                with self.lock:
                    return call.reply(200, list(self.effects))
            case "/_world/reset":
                self.reset()
                return call.reply(200, {})
            case _:
                return self._take(call, parts.path, {k: v[-1] for k, v in parse_qs(parts.query).items()})

    def _take(self, call: Handler, path: str, query: dict[str, str]) -> None:
        self.wait(float(query.get("delay_s", 0)))
        key = call.headers.get("Idempotency-Key") or f"{call.command} {path} {call.body.decode(errors='replace')}"
        headers = {k.lower(): v for k, v in call.headers.items()}
        effect = {
            "key": key, "method": call.command, "path": path, "headers": headers,
            "body": call.body.decode(errors="replace"), "at": time.time(),
        }  # fmt: skip
        with self.lock:
            self.effects.append(effect)
            times = sum(one["key"] == key for one in self.effects)
        self.wait(float(query.get("hold_s", 0)))
        if query.get("drop"):
            return call.hang_up(reset=True)
        status = int(query.get("status", 200))
        extra = {"Retry-After": query["retry_after"]} if "retry_after" in query else {}
        return call.reply(status, {"n": times, "key": key, "status": status}, extra)


if __name__ == "__main__":
    main(Sink, __doc__.splitlines()[0])
