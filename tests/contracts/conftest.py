"""The whole product, started as a person starts it, with the outside world played on local ports."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contracts.client import Client
from tests.running import ROOT, Nexod
from tests.world.models import ModelServer
from tests.world.sink import Sink

CANARY = "canary-7f3a9b+/=q x"
BOUND = "bound-elsewhere-51c0"
MODEL_KEY = "sk-model-canary-2b8e4d"


@pytest.fixture(scope="session")
def models() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture(scope="session")
def sink() -> Iterator[Sink]:
    with Sink() as server:
        yield server


@pytest.fixture(scope="session")
def built() -> None:
    subprocess.run([sys.executable, ROOT / "scripts" / "page.py"], check=True)


@pytest.fixture(scope="session")
def nexod(built: None, models: ModelServer, sink: Sink, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nexod]:
    """With a model endpoint, two secrets, and leave to call 127.0.0.1."""
    world = {
        "NEXOD_EGRESS_ALLOW": "127.0.0.1",
        "NEXOD_WORKERS": "2",
        "OPENAI_BASE_URL": models.url,
        "OPENAI_API_KEY": MODEL_KEY,
        "NEXOD_MODEL_FIRST_S": "1.5",
        "NEXOD_MODEL_IDLE_S": "1",
        "NEXOD_SECRET_CANARY": CANARY,
        "NEXOD_SECRET_CANARY_HOSTS": "127.0.0.1",
        "NEXOD_SECRET_BOUND": BOUND,
        "NEXOD_SECRET_BOUND_HOSTS": "api.example.org",
    }
    with Nexod(data=tmp_path_factory.mktemp("contracts") / "data", env=world) as running:
        yield running


@pytest.fixture(scope="session")
def bare(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nexod]:
    """As it is out of the box: no key, no leave to go anywhere. One worker; tests may kill it."""
    with Nexod(data=tmp_path_factory.mktemp("bare") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def api(nexod: Nexod) -> Iterator[Client]:
    """A caller whose key may do everything."""
    with Client(nexod.url, nexod.key()) as client:
        yield client


@pytest.fixture(scope="session")
def bare_api(bare: Nexod) -> Iterator[Client]:
    with Client(bare.url, bare.key()) as client:
        yield client


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "workflow.json"
