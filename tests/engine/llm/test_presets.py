"""Who can be asked: each provider by its own variables, the compatible ones by one way."""

import asyncio
from collections.abc import Iterator
from typing import get_args

import pytest

from engine import llm
from engine.errors import NodeError
from engine.llm.presets import PRESETS
from engine.llm.prices import table
from engine.node import registry
from tests.world.models import ModelServer

COMPATIBLE = ("openai", "deepinfra", "openrouter", "ollama", "vllm")


@pytest.fixture
def models() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


async def _emit(text: str) -> None: ...


def ask(provider: str, model: str = "", preferences: llm.Preferences | None = None) -> llm.Reply:
    request = llm.Request.of("Hello", model=model, max_tokens=5, tools=(llm.ToolSpec("now", "", {"type": "object"}),))
    return asyncio.run(llm.turn(request, provider, _emit, preferences or llm.Preferences()))


@pytest.mark.parametrize("name", COMPATIBLE)
def test_every_compatible_endpoint_is_asked_the_same_way(
    models: ModelServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert llm.missing_key(name)
    monkeypatch.setenv(f"{name.upper()}_API_KEY", f"key-of-{name}")
    monkeypatch.setenv(f"{name.upper()}_BASE_URL", models.url)
    assert not llm.missing_key(name)
    models.play({"tool_calls": [{"name": "now"}]})
    reply = ask(name, "a-model")
    assert (reply.provider, reply.model, reply.tool_calls[0].name) == (name, "a-model", "now")
    sent = models.requests[0]
    assert sent["headers"]["authorization"] == f"Bearer key-of-{name}"
    assert sent["body"]["max_tokens"] == 5


@pytest.mark.parametrize("name", ["ollama", "vllm"])
def test_a_server_of_ones_own_needs_no_key_and_names_its_model_itself(
    models: ModelServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"{name.upper()}_BASE_URL", models.url)
    assert ask(name).model == "world"


@pytest.mark.parametrize("name", ["deepinfra", "openrouter"])
def test_a_hosted_one_has_its_address_and_model_by_itself(name: str) -> None:
    preset = PRESETS[name]
    assert preset.address().startswith("https://")
    assert preset.default_model()
    assert preset.variable == f"{name.upper()}_API_KEY"


@pytest.mark.parametrize("name", [*COMPATIBLE, "anthropic"])
def test_without_its_variable_the_error_names_the_provider(name: str) -> None:
    with pytest.raises(NodeError) as caught:
        ask(name)
    assert caught.value.code == "model_unauthorized"
    assert PRESETS[name].title in caught.value.message


def test_a_provider_that_is_none_is_refused() -> None:
    with pytest.raises(NodeError) as caught:
        ask("nobody")
    assert caught.value.code == "model_refused"


def test_the_step_offers_the_whole_list() -> None:
    assert get_args(llm.Name) == ("auto", *llm.NAMES)
    assert registry()["llm"].Config.model_json_schema()["properties"]["provider"]["enum"] == ["auto", *llm.NAMES]


def test_auto_is_whom_the_workspace_prefers_ready_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    assert llm.choose("auto") == "openai"
    assert llm.choose("auto", llm.Preferences("demo")) == "demo"
    assert llm.choose("openai", llm.Preferences("demo")) == "openai"
    with pytest.raises(NodeError) as caught:
        ask("auto", preferences=llm.Preferences("openrouter"))
    assert caught.value.code == "model_unauthorized"


def test_a_workspace_without_a_choice_never_asks_a_preset_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPINFRA_API_KEY", "k")
    assert llm.choose("auto") == "demo"


@pytest.mark.parametrize(
    ("model", "cost"),
    [
        ("gpt-4.1", 10.0),
        ("gpt-4.1-2025-04-14", 10.0),
        ("openai/gpt-4.1", 10.0),
        ("nobody-knows", 0.0),
        ("mine/llama", 3.0),
    ],
)
def test_cost_is_by_the_workspace_then_by_the_table(
    models: ModelServer, monkeypatch: pytest.MonkeyPatch, model: str, cost: float
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", models.url)
    models.play({"text": "Hi", "usage": {"input_tokens": 1_000_000, "output_tokens": 1_000_000}})
    assert ask("openai", model, llm.Preferences(prices={"mine/llama": (1.0, 2.0)})).usage.cost == cost


def test_a_price_of_ones_own_comes_before_the_table(models: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", models.url)
    models.play({"text": "Hi", "usage": {"input_tokens": 1_000_000, "output_tokens": 1_000_000}})
    assert ask("openai", "gpt-4.1", llm.Preferences(prices={"gpt-4.1": (0.0, 0.0)})).usage.cost == 0
    assert all(into >= 0 and out >= 0 for into, out in table().values())
