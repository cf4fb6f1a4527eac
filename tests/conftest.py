"""What every test may count on: no key of the person running it, no network of theirs, no telemetry."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.servers"]

OURS = (
    "NEXOD_", "OPENAI_", "ANTHROPIC_", "DEEPINFRA_", "OPENROUTER_", "OLLAMA_", "VLLM_", "DATABASE_URL", "REDIS_URL",
    "LANGSMITH_", "LANGCHAIN_", "PINECONE_", "AWS_",
)  # fmt: skip
for name in [name for name in os.environ if not name.startswith("NEXOD_TEST_")]:
    if name.startswith(OURS):
        del os.environ[name]
os.environ["REFLEX_TELEMETRY_ENABLED"] = "false"
os.environ["CREWAI_DISABLE_TELEMETRY"] = "true"

# A slow machine is no fault of the code under test.
settings.register_profile("nexod", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("nexod")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The quick tests first; those that need the whole machine (browser, kill) last, one after the other."""
    items.sort(key=lambda item: "e2e" in item.path.parts)
