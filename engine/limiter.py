"""How often somebody may try. Counts in Redis where there is one, so that all web processes share the count; while it
is away, each counts for itself."""

from __future__ import annotations

from collections.abc import Callable

from limits import parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter

from engine.errors import RateLimited
from engine.settings import Settings

Window = MovingWindowRateLimiter


class Limiter:
    """`check` before an attempt, `failed` after a vain one: only these count. May wait for Redis, so not for the event
    loop."""

    def __init__(self, shared: Window | None, most: str) -> None:
        self._own, self._shared = Window(MemoryStorage()), shared
        self._most = parse(most)

    @classmethod
    def open(cls, settings: Settings, most: str = "10/minute") -> Limiter:
        if not settings.redis_url:
            return cls(None, most)
        storage = RedisStorage(settings.redis_url, wrap_exceptions=True, socket_connect_timeout=0.5, socket_timeout=3.0)
        return cls(Window(storage), most)

    def check(self, *who: str) -> None:
        """Raises RateLimited."""
        if not self._ask(lambda window: window.test(self._most, *who)):
            raise RateLimited("Too many attempts.", hint="Wait a minute, then try again.")

    def failed(self, *who: str) -> None:
        self._ask(lambda window: window.hit(self._most, *who))

    def _ask(self, question: Callable[[Window], bool]) -> bool:
        try:
            return question(self._shared or self._own)
        except StorageError:
            return question(self._own)
