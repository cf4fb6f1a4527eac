"""search: the web, through the engine that the operator chose.

NEXOD_SEARCH_PROVIDER names it (else: the first one whose key is set, else Wikipedia); NEXOD_SEARCH_URL is another
address of it, such as a SearXNG of one's own. Keys are secrets: NEXOD_SECRET_BRAVE, _TAVILY, _SERPER with their _HOSTS.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from engine.errors import NodeError
from engine.node import NodeConfig
from engine.secrets import PREFIX
from engine.tools import ToolContext, tool
from engine.values import is_list, is_object

MAX_BYTES = 2_000_000
TAG = re.compile(r"<[^>]*>")
CUT = 1000


@dataclass(frozen=True, slots=True)
class Provider:
    """`ask` makes the request of a query and a number of results; `found` is where the answer keeps them, `names`
    what it calls title, address and text. `secret` names its key."""

    url: str
    ask: Callable[[str, int], dict[str, Any]]
    found: tuple[str, ...]
    names: tuple[str, str, str]
    secret: str = ""
    method: str = "GET"


PROVIDERS: dict[str, Provider] = {
    "brave": Provider(
        "https://api.search.brave.com/res/v1/web/search",
        lambda q, n: {
            "query": {"q": q, "count": n},
            "headers": {"X-Subscription-Token": {"$secret": "BRAVE"}, "Accept": "application/json"},
        },
        ("web", "results"),
        ("title", "url", "description"),
        "BRAVE",
    ),
    "tavily": Provider(
        "https://api.tavily.com/search",
        lambda q, n: {
            "body": {"query": q, "max_results": n},
            "auth": {"type": "bearer", "token": {"$secret": "TAVILY"}},
        },
        ("results",),
        ("title", "url", "content"),
        "TAVILY",
        "POST",
    ),
    "serper": Provider(
        "https://google.serper.dev/search",
        lambda q, n: {"body": {"q": q, "num": n}, "headers": {"X-API-KEY": {"$secret": "SERPER"}}},
        ("organic",),
        ("title", "link", "snippet"),
        "SERPER",
        "POST",
    ),
    "searxng": Provider(
        "",
        lambda q, n: {"query": {"q": q, "format": "json"}},
        ("results",),
        ("title", "url", "content"),
    ),
    "wikipedia": Provider(
        "https://en.wikipedia.org/w/api.php",
        lambda q, n: {"query": {"action": "query", "list": "search", "format": "json", "srsearch": q, "srlimit": n}},
        ("query", "search"),
        ("title", "pageid", "snippet"),
    ),
}


class Config(NodeConfig):
    max_results: int = Field(
        5, title="Results", description="How many at most.", ge=1, le=20, json_schema_extra={"widget": "number"}
    )


@tool(title="Web search", icon="search", config=Config, timeout_s=30)
async def search(
    query: Annotated[str, Field(min_length=1, max_length=400)], config: Config, ctx: ToolContext
) -> dict[str, Any]:
    """Searches the web and answers the best pages: title, address and a piece of text of each.

    query: what to look for, as you would type it into a search engine.

    Read a page with `browse` before you rely on it: the piece of text is short and may be old.
    """
    from engine import requests

    name, provider, url = chosen()
    inputs = {"url": url, **provider.ask(query, config.max_results)}
    sent = await requests.send(requests.prepare(provider.method, inputs, ctx, keyed=False), MAX_BYTES)
    if sent.status >= 400:
        raise requests.failure(sent)
    results = [_result(one, provider.names, url) for one in _found(sent.body, provider, name)]
    return {"provider": name, "results": results[: config.max_results]}


def chosen() -> tuple[str, Provider, str]:
    """The provider's name, itself, and its address."""
    name = os.environ.get("NEXOD_SEARCH_PROVIDER", "").strip().lower()
    if name and name not in PROVIDERS:
        raise _unset(f"There is no search provider {name!r}.", f"one of {', '.join(PROVIDERS)}")
    if not name:
        keyed = (n for n, p in PROVIDERS.items() if p.secret and os.environ.get(PREFIX + p.secret))
        name = next(keyed, "wikipedia")
    url = os.environ.get("NEXOD_SEARCH_URL", "").strip() or PROVIDERS[name].url
    if not url:
        raise NodeError(
            f"The address of {name} is not set.", code="search_unset", hint="The operator sets NEXOD_SEARCH_URL."
        )
    return name, PROVIDERS[name], url


def _unset(fault: str, choice: str) -> NodeError:
    return NodeError(fault, code="search_unset", hint=f"The operator sets NEXOD_SEARCH_PROVIDER to {choice}.")


def _found(body: Any, provider: Provider, name: str) -> list[dict[str, Any]]:
    if not is_object(body):
        raise NodeError(f"{name} answered no JSON object.", code="http_bad_answer")
    for step in provider.found:
        body = body.get(step) if is_object(body) else None
    return [one for one in body if is_object(one)] if is_list(body) else []


def _result(one: dict[str, Any], names: tuple[str, str, str], base: str) -> dict[str, str]:
    title, address, text = (one.get(name) for name in names)
    if isinstance(address, int):
        address = f"{base.split('/w/')[0]}/?curid={address}"
    return {"title": _plain(title), "url": str(address or ""), "text": _plain(text)[:CUT]}


def _plain(value: Any) -> str:
    """Without the tags that mark the words found."""
    return html.unescape(TAG.sub("", value)).strip() if isinstance(value, str) else ""
