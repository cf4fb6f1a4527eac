"""Which models answer: what the environment says. Never the keys themselves."""

from __future__ import annotations

from dataclasses import dataclass

from nexod_app import site


@dataclass(frozen=True)
class Provider:
    """One provider, whether it answers, and the variables that switch it on."""

    name: str
    ready: bool
    variable: str
    text: str


def providers() -> list[Provider]:
    """In the order in which `provider: auto` asks them."""
    now = site.current().settings
    return [
        Provider("OpenAI", bool(now.openai_api_key), "OPENAI_API_KEY", "GPT models, by your own key."),
        Provider("OpenAI-compatible", bool(now.openai_base_url), "OPENAI_BASE_URL", "Ollama, vLLM, a gateway."),
        Provider("Anthropic", bool(now.anthropic_api_key), "ANTHROPIC_API_KEY", "Claude models, by your own key."),
        Provider("Demo model", True, "", "Answers at once, costs nothing, says nothing new. No key and no network."),
    ]


def has_key() -> bool:
    """Whether a real model answers when a step does not choose one."""
    return any(one.ready for one in providers() if one.variable)
