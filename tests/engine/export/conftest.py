"""What the exported workflows call besides models, and where they run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.export.alone import environment, named


@pytest.fixture(scope="session")
def sink() -> Iterator[None]:
    """Its address stands in the cases; once closed it cannot be opened again."""
    from tests.engine.export.test_runs import SINK

    with SINK:
        yield


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """For each target the Python of an environment that holds only what its files name."""
    from tests.engine.export.test_golden import FILES, TARGETS, exported

    return {
        target: environment(tmp_path_factory.mktemp(f"only_{target}"), named(exported(name, target) for name in FILES))
        for target in TARGETS
    }
