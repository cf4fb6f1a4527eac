"""The scripted model server: a script answers by what is asked, never by what came before."""

import asyncio
import json
import urllib.request
from typing import Any

import pytest

from engine import llm
from tests.world.models import ModelServer

PROVIDERS = ("openai", "anthropic")
SEARCH = llm.ToolSpec("search", "Finds pages.", {"type": "object", "properties": {"query": {"type": "string"}}})
CREW = [
    {"when": {"system": "Researcher", "turn": 0}, "then": {"tool_calls": [{"name": "search"}, {"name": "search"}]}},
    {"when": {"system": "Researcher"}, "then": {"text": "Found: {results}."}},
    {"when": {"system": "Writer", "tool": None}, "then": {"text": "An article on {last}"}},
]


async def _emit(text: str) -> None: ...


def talk(provider: str, role: str, prompt: str, tools: tuple[llm.ToolSpec, ...] = ()) -> str:
    """One agent's work: turns until there is a text."""
    said = [llm.Message("user", prompt)]
    while True:
        request = llm.Request(tuple(said), system=f"You are a {role}.", tools=tools)
        reply = asyncio.run(llm.turn(request, provider, _emit))
        if not reply.tool_calls:
            return reply.text
        said.append(reply.message())
        said += [llm.Message("tool", f"page {at}", (), c.id) for at, c in enumerate(reply.tool_calls)]


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch) -> Any:
    with ModelServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.origin)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
        yield server


def test_a_crew_is_answered_by_role_and_turn_in_whatever_order(models: ModelServer, provider: str) -> None:
    models.script(*CREW)
    assert talk(provider, "Writer", "bees") == "An article on bees"
    for _ in range(2):
        assert talk(provider, "Researcher", "Find bees", (SEARCH,)) == "Found: page 0; page 1."


def test_the_very_same_request_is_counted_and_its_end_is_known(models: ModelServer, provider: str) -> None:
    models.script(*CREW)
    talk(provider, "Researcher", "Find bees", (SEARCH,))
    assert sorted(models.counts().values()) == [1, 1]
    talk(provider, "Researcher", "Find bees", (SEARCH,))
    assert sorted(models.counts().values()) == [2, 2]
    assert all(one["answered"] for one in models.requests)


def test_another_process_plays_over_http(models: ModelServer) -> None:
    def post(path: str, value: Any) -> None:
        headers = {"Content-Type": "application/json"}
        urllib.request.urlopen(
            urllib.request.Request(f"{models.origin}/_world/{path}", json.dumps(value).encode(), headers)
        )

    post("script", [{"when": {"asked": "bees", "results": 0}, "then": {"text": "By rule {turn}"}}])
    assert talk("openai", "Writer", "On bees") == "By rule 0"
    assert talk("openai", "Writer", "On wasps") == "You said: On wasps"
    counted = json.load(urllib.request.urlopen(f"{models.origin}/_world/counts"))
    assert list(counted.values()) == [1, 1]
    post("reset", None)
    assert talk("openai", "Writer", "On bees") == "You said: On bees"
    assert len(models.requests) == 1
