"""Who can be asked: one list of providers, by protocol, address and key. Imports no vendor's package."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal, get_args

Name = Literal["auto", "openai", "anthropic", "deepinfra", "openrouter", "ollama", "vllm", "demo"]
"""What a step may choose; `auto` leaves it to the workspace."""

AUTO = ("openai", "anthropic", "demo")
"""Whom `auto` takes when the workspace says nothing: the first that is ready."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A provider. Its variables begin with its name: `…_API_KEY`, `…_BASE_URL`, `…_MODEL`,
    `…_EMBEDDING_MODEL`."""

    name: str
    title: str
    text: str
    """What it is, in one sentence."""
    protocol: Literal["openai", "anthropic", "demo"] = "openai"
    home: str = ""
    """Where it is asked when the operator says nothing; empty for one's own server."""
    model: str = ""
    """Whom it asks by default; empty: the first model that the server names."""
    embedding: str = ""
    """Its usual model for embeddings."""
    key: bool = True
    """Whether it wants a key; a server of one's own needs only its address."""

    def _said(self, what: str) -> str:
        return os.environ.get(f"{self.name.upper()}_{what}", "").strip()

    def api_key(self) -> str:
        return self._said("API_KEY")

    def base_url(self) -> str:
        """Where the operator said to ask; empty when nothing was said."""
        return self._said("BASE_URL")

    def address(self) -> str:
        return self.base_url() or self.home

    def default_model(self) -> str:
        return self._said("MODEL") or self.model

    def embedding_model(self) -> str:
        """Empty: nobody said which, and it has no usual one."""
        return self._said("EMBEDDING_MODEL") or self.embedding

    @property
    def ready(self) -> bool:
        """Whether it can answer. Cheap: reads the environment only."""
        if self.protocol == "demo":
            return True
        if self.name == "openai":
            return bool(self.api_key() or self.base_url())
        return bool(self.api_key() if self.key else self.base_url())

    @property
    def variable(self) -> str:
        """The variable that switches it on."""
        return "" if self.protocol == "demo" else f"{self.name.upper()}_{'API_KEY' if self.key else 'BASE_URL'}"

    @property
    def hint(self) -> str:
        """How to make it answer."""
        return f"Set {self.variable} and restart." if self.variable else "Always ready: it needs no key and no network."

    @property
    def spoken(self) -> str:
        """Its name in an error."""
        return "The model server" if self.name == "openai" and self.base_url() else self.title


PRESETS = {
    preset.name: preset
    for preset in (
        Preset("openai", "OpenAI", "GPT models by your own key; OPENAI_BASE_URL for any compatible server.",
               model="gpt-5.6-luna", embedding="text-embedding-3-small"),
        Preset("anthropic", "Anthropic", "Claude models by your own key.", "anthropic", "https://api.anthropic.com",
               "claude-haiku-4-5"),
        Preset("deepinfra", "DeepInfra", "Open models, hosted.", home="https://api.deepinfra.com/v1/openai",
               model="meta-llama/Llama-3.3-70B-Instruct-Turbo", embedding="BAAI/bge-m3"),
        Preset("openrouter", "OpenRouter", "Models of many houses by one key.", home="https://openrouter.ai/api/v1",
               model="openrouter/auto"),
        Preset("ollama", "Ollama", "Open models on a machine of your own.", key=False),
        Preset("vllm", "vLLM", "Open models on a server of your own.", key=False),
        Preset("demo", "Demo model", "Answers at once, costs nothing, says nothing new. No key and no network.",
               "demo", model="demo"),
    )
}  # fmt: skip
NAMES = tuple(PRESETS)
assert ("auto", *NAMES) == get_args(Name)
