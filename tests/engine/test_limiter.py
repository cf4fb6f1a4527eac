"""Vain attempts are counted, with Redis and without."""

from __future__ import annotations

import pytest

from engine.errors import RateLimited
from engine.limiter import Limiter
from engine.settings import Settings
from tests.servers import Redis
from tests.world.server import closed_port


def worn_out(limiter: Limiter) -> None:
    for _ in range(3):
        limiter.check("sign-in", "10.0.0.1")
        limiter.failed("sign-in", "10.0.0.1")
    with pytest.raises(RateLimited):
        limiter.check("sign-in", "10.0.0.1")
    limiter.check("sign-in", "10.0.0.2")


def test_processes_share_the_count_in_redis(redis_server: Redis):
    settings = Settings(redis_url=redis_server.url)
    worn_out(Limiter.open(settings, "3/minute"))
    with pytest.raises(RateLimited):
        Limiter.open(settings, "3/minute").check("sign-in", "10.0.0.1")


@pytest.mark.parametrize("redis", ["", "away"])
def test_a_process_counts_for_itself_while_redis_is_away(redis: str):
    worn_out(Limiter.open(Settings(redis_url=redis and f"redis://127.0.0.1:{closed_port()}/0"), "3/minute"))
