"""What the exported workflows call besides models."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def sink() -> Iterator[None]:
    """Its address stands in the cases; once closed it cannot be opened again."""
    from tests.engine.export.test_runs import SINK

    with SINK:
        yield
