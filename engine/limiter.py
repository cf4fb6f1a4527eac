"""How often somebody may try. Counts in Redis where there is one, so that all web processes share the count."""

from __future__ import annotations

from limits import parse
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import MovingWindowRateLimiter

from engine.errors import RateLimited
from engine.settings import Settings


class Limiter:
    """`check` before an attempt, `failed` after a vain one: only these count."""

    def __init__(self, storage: Storage, most: str) -> None:
        self._window = MovingWindowRateLimiter(storage)
        self._most = parse(most)

    @classmethod
    def open(cls, settings: Settings, most: str = "10/minute") -> Limiter:
        return cls(RedisStorage(settings.redis_url) if settings.redis_url else MemoryStorage(), most)

    def check(self, *who: str) -> None:
        """Raises RateLimited."""
        if not self._window.test(self._most, *who):
            raise RateLimited("Too many attempts.", hint="Wait a minute, then try again.")

    def failed(self, *who: str) -> None:
        self._window.hit(self._most, *who)
