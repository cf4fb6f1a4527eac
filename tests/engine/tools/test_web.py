"""search, browse and api_call against real servers: what they ask, what they make of it, where they may not go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from engine import secrets, tools
from engine.errors import NodeError
from engine.node import Effect
from tests.engine.documents import made
from tests.engine.nodes.played import play
from tests.world.server import Handler, World
from tests.world.sink import Sink

CONTEXT = tools.ToolContext("run", "workspace", "the-key", secrets.resolve)

PAGE = """<!doctype html><html><head><title>Tea &amp; Europe</title></head><body>
<nav><a href="/">Home</a> <a href="/shop">Shop</a></nav>
<main><article><h1>How tea came</h1>
<p>Tea came by <a href="ship#top">ship</a> in <b>1610</b>, from a port far away, and it took long to become common.</p>
<ul><li>one thing that matters</li><li>two things that matter</li></ul>
<p>Another paragraph which is long enough to be a text, with the word Grüße in it.</p>
</article></main><footer>Imprint and cookies</footer><script>alert("x")</script></body></html>"""


def said_in(charset: str, declared: str = "") -> bytes:
    """A page in another alphabet, which says so itself or not at all."""
    head = f'<meta charset="{declared}">' if declared else ""
    words = "Чай пришёл в Европу на корабле, и прошло много времени, прежде чем он стал обычным напитком. " * 3
    return f"<!doctype html><html><head>{head}<title>Чай</title></head><body><p>{words}</p></body></html>".encode(
        charset
    )


ALPHABETS = {
    "windows": (said_in("cp1251", "windows-1251"), "text/html"),
    "header": (said_in("koi8-r"), "text/html; charset=koi8-r"),
    "utf-16": (said_in("utf-16"), "text/html"),
    "marked": (b"\xef\xbb\xbf" + said_in("utf-8"), "text/html"),
    "unknown": (said_in("utf-8"), "text/html; charset=klingon"),
    "untyped": (said_in("utf-8"), ""),
    "declared": (b'<?xml version="1.0" encoding="UTF-8"?>\n' + said_in("utf-8"), "application/xhtml+xml"),
    "remarks": (b"<!---->" * 400 + said_in("utf-8"), "text/html"),
}
"""Pages as they come: what they are written in, and what the server says of it."""
ODD = ALPHABETS | {
    "part": (b"<h2>Tea</h2><p>Only a part &amp; no page, yet long enough to be read.</p>", "text/html"),
    "remarks-only": (b"<!---->" * 2000 + b"never a page", "text/plain"),
    "endless": (b"<html><body>" + b"<a href='/x'>y</a> " * 150_000, "text/html"),
    "report.pdf": (
        made.pdf(["Tea came by ship.", "It was dear."], "On tea", [("Harbours", 0), ("Prices", 1)]),
        "application/octet-stream",
    ),
    "locked.pdf": (made.pdf(["Secret."], password="x"), "application/pdf"),
}


class Web(World):
    """Search engines and pages. `asked` keeps (method, path, query, headers, body)."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str, dict[str, str], dict[str, str], Any]] = []
        self.elsewhere = ""

    def answer(self, call: Handler) -> None:
        parts = urlsplit(call.path)
        query = {k: v[-1] for k, v in parse_qs(parts.query).items()}
        body = call.json() if call.headers.get("content-type") == "application/json" else call.body.decode()
        headers = {k.lower(): v for k, v in call.headers.items()}
        self.asked.append((call.command, parts.path, query, headers, body))
        if (found := results(parts.path)) is not None:
            return call.reply(200, found)
        if odd := ODD.get(parts.path[1:]):
            return call.reply(200, odd[0], {"Content-Type": odd[1]})
        return self._page(call, parts.path)

    def _page(self, call: Handler, path: str) -> None:
        match path:
            case "/page":
                call.reply(200, PAGE.encode(), {"Content-Type": "text/html; charset=utf-8"})
            case "/long":
                page = "<html><body><article>" + "".join(f"<p>Paragraph {n} says this.</p>" for n in range(2000))
                call.reply(200, page.encode(), {"Content-Type": "text/html"})
            case "/file":
                call.reply(200, b"\x89PNG\0\1", {"Content-Type": "image/png"})
            case "/json":
                call.reply(200, {"a": 1})
            case "/plain":
                call.reply(200, b"just text", {"Content-Type": "text/plain"})
            case "/hop":
                call.reply(302, b"", {"Location": "/page"})
            case "/away":
                call.reply(302, b"", {"Location": self.elsewhere})
            case _:
                call.reply(int(path[1:]), {"error": "x"}, {"Retry-After": "2"})


def results(path: str) -> Any:
    """What the search engine at `path` answers."""
    text = "A <strong>drink</strong>"
    hit = {"title": "<b>Tea</b> &amp; more", "url": "https://tea.example/", "link": "https://tea.example/"}
    return {
        "/brave": {"web": {"results": [{**hit, "description": text}] * 9}},
        "/tavily": {"results": [{**hit, "content": text}]},
        "/searxng": {"results": [{**hit, "content": text}]},
        "/serper": {"organic": [{**hit, "snippet": text}]},
        "/w/api.php": {"query": {"search": [{"title": "Tea", "pageid": 7, "snippet": text}]}},
        "/odd": ["no", "object"],
        "/empty": {},
    }.get(path)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    for name in ("NEXOD_SEARCH_PROVIDER", "NEXOD_SEARCH_URL"):
        monkeypatch.delenv(name, raising=False)
    with Web() as world:
        monkeypatch.setenv("NEXOD_EGRESS_ALLOW", f"127.0.0.1:{world.port}")
        yield world


async def call(name: str, args: dict[str, Any], **config: Any) -> Any:
    return await tools.registry()[name].call(args, tools.configured(name, config), CONTEXT)


async def failure(name: str, args: dict[str, Any], **config: Any) -> NodeError:
    with pytest.raises(NodeError) as raised:
        await call(name, args, **config)
    return raised.value


def choose(monkeypatch: pytest.MonkeyPatch, web: Web, name: str, path: str = "") -> None:
    monkeypatch.setenv("NEXOD_SEARCH_PROVIDER", name)
    monkeypatch.setenv("NEXOD_SEARCH_URL", f"{web.origin}/{path or name}")
    monkeypatch.setenv(f"NEXOD_SECRET_{name.upper()}", "the search key")
    monkeypatch.setenv(f"NEXOD_SECRET_{name.upper()}_HOSTS", f"127.0.0.1:{web.port}")


@pytest.mark.parametrize(
    ("name", "header", "key"),
    [
        ("brave", "x-subscription-token", "the search key"), ("tavily", "authorization", "Bearer the search key"),
        ("serper", "x-api-key", "the search key"), ("searxng", "authorization", None),
    ],
)  # fmt: skip
async def test_every_provider_is_asked_in_its_way(
    web: Web, monkeypatch: pytest.MonkeyPatch, name: str, header: str, key: str | None
):
    choose(monkeypatch, web, name)
    said = await call("search", {"query": "tea & co"}, max_results=3)
    expected = {"title": "Tea & more", "url": "https://tea.example/", "text": "A drink"}
    assert said["provider"] == name
    assert said["results"] == [expected] * (3 if name == "brave" else 1)
    ((_, _, query, headers, body),) = web.asked
    assert "tea & co" in (*query.values(), *(body.values() if body else ()))
    assert headers.get(header) == key


async def test_wikipedia_needs_no_key(web: Web, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NEXOD_SEARCH_URL", f"{web.origin}/w/api.php")
    said = await call("search", {"query": "tea"})
    assert said["results"] == [{"title": "Tea", "url": f"{web.origin}/?curid=7", "text": "A drink"}]
    assert web.asked[0][2]["srlimit"] == "5"


async def test_a_key_that_is_set_chooses_its_provider(web: Web, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NEXOD_SECRET_SERPER", "k3y-of-serper")
    monkeypatch.setenv("NEXOD_SEARCH_URL", f"{web.origin}/serper")
    assert (await failure("search", {"query": "tea"})).code == "secret_refused"
    monkeypatch.setenv("NEXOD_SECRET_SERPER_HOSTS", "127.0.0.1")
    assert (await call("search", {"query": "tea"}))["provider"] == "serper"


@pytest.mark.parametrize(("path", "code"), [("odd", "http_bad_answer"), ("503", "http_status"), ("401", "http_status")])
async def test_an_engine_that_answers_oddly_is_a_typed_error(
    web: Web, monkeypatch: pytest.MonkeyPatch, path: str, code: str
):
    choose(monkeypatch, web, "brave", path)
    error = await failure("search", {"query": "tea"})
    assert (error.code, error.retryable) == (code, path == "503")


async def test_no_results_are_no_error(web: Web, monkeypatch: pytest.MonkeyPatch):
    choose(monkeypatch, web, "brave", "empty")
    assert (await call("search", {"query": "tea"}))["results"] == []


@pytest.mark.parametrize("name", ["altavista", "searxng"])
async def test_a_search_that_is_not_set_up_says_so(monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setenv("NEXOD_SEARCH_PROVIDER", name)
    monkeypatch.delenv("NEXOD_SEARCH_URL", raising=False)
    error = await failure("search", {"query": "tea"})
    assert error.code == "search_unset"
    assert "NEXOD_SEARCH_" in error.hint


async def test_a_page_becomes_clean_text(web: Web):
    said = await call("browse", {"url": f"{web.origin}/hop", "links": True})
    assert said["url"] == f"{web.origin}/page"
    assert "Tea came by ship in **1610**" in said["text"]
    assert "- one thing that matters" in said["text"]
    assert "Grüße" in said["text"]
    for chrome in ("Shop", "Imprint", "alert"):
        assert chrome not in said["text"]
    assert {"text": "ship", "url": f"{web.origin}/ship"} in said["links"]
    assert "next" not in said


async def test_a_long_page_comes_in_parts(web: Web):
    first = await call("browse", {"url": f"{web.origin}/long"})
    second = await call("browse", {"url": f"{web.origin}/long", "start": first["next"]})
    assert len(first["text"]) == first["next"] == 20_000
    assert first["text"][:100] != second["text"][:100]


@pytest.mark.parametrize(("path", "text"), [("json", {"a": 1}), ("plain", "just text")])
async def test_text_that_is_no_page_comes_as_it_is(web: Web, path: str, text: Any):
    said = (await call("browse", {"url": f"{web.origin}/{path}"}))["text"]
    assert (json.loads(said) if path == "json" else said) == text


async def test_a_file_is_no_page(web: Web):
    for path in ("file", "locked.pdf"):
        assert (await failure("browse", {"url": f"{web.origin}/{path}"})).code == "no_text"


@pytest.mark.parametrize("name", ALPHABETS)
async def test_a_page_is_read_in_whatever_it_is_written(web: Web, name: str):
    said = await call("browse", {"url": f"{web.origin}/{name}"})
    assert said["title"] == "Чай"
    assert said["text"].startswith("Чай пришёл в Европу")


async def test_a_part_of_a_page_is_a_page(web: Web):
    said = await call("browse", {"url": f"{web.origin}/part"})
    assert "<p>" not in said["text"] and "Only a part & no page" in said["text"]


async def test_remarks_without_end_are_passed_at_once(web: Web):
    assert (await call("browse", {"url": f"{web.origin}/remarks-only"}))["text"].endswith("never a page")


async def test_a_page_that_takes_for_ever_is_given_up_and_holds_up_nobody(web: Web, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("engine.tools.browse.READ_S", 1)
    error = await failure("browse", {"url": f"{web.origin}/endless"})
    assert error.code == "no_text"
    assert "took longer" in error.message


async def test_a_document_on_the_web_is_read_like_a_page(web: Web):
    said = await call("browse", {"url": f"{web.origin}/report.pdf"})
    assert said["title"] == "On tea"
    assert said["text"] == "## Harbours\n\nTea came by ship.\n\n## Prices\n\nIt was dear."


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "http://localhost:1/", "file:///etc/passwd", "ftp://a.example"]
)
async def test_private_and_odd_addresses_are_refused(web: Web, url: str):
    assert (await failure("browse", {"url": url})).code == "egress_refused"


async def test_a_redirect_into_the_inside_is_refused(web: Web):
    web.elsewhere = "http://127.0.0.2:9/"
    assert (await failure("browse", {"url": f"{web.origin}/away"})).code == "egress_refused"


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    with Sink() as world:
        monkeypatch.setenv("NEXOD_EGRESS_ALLOW", "127.0.0.1")
        yield world


async def test_a_call_goes_to_declared_hosts_only(sink: Sink):
    said = await call("api_call", {"url": f"{sink.origin}/x", "query": {"n": 1}}, hosts=[sink.origin])
    assert (said["status"], said["body"]["n"]) == (200, 1)
    for url in (
        f"{sink.origin.replace('http', 'https')}/x",
        "http://127.0.0.2/x",
        f"http://127.0.0.1:{sink.port + 1}/",
    ):
        error = await failure("api_call", {"url": url}, hosts=[sink.origin])
        assert (error.code, error.extra["field"]) == ("host_not_allowed", "url")
    assert (await failure("api_call", {"url": "http://u@127.0.0.1/"}, hosts=["a.example"])).code == "egress_refused"
    assert len(sink.effects) == 1


async def test_a_redirect_to_another_host_is_not_followed(web: Web, sink: Sink):
    web.elsewhere = f"{sink.origin}/stolen"
    assert (await failure("api_call", {"url": f"{web.origin}/away"}, hosts=[web.origin])).code == "host_not_allowed"
    assert sink.effects == []


async def test_only_declared_methods_are_used(sink: Sink):
    error = await failure("api_call", {"url": f"{sink.origin}/x", "method": "DELETE"}, hosts=[sink.origin])
    assert (error.code, error.extra["field"]) == ("bad_arguments", "method")
    assert sink.effects == []


async def test_what_changes_something_carries_the_key_of_its_call(sink: Sink):
    args = {"url": f"{sink.origin}/x", "method": "POST", "body": {"a": 1}}
    await call("api_call", args, hosts=[sink.origin], methods=["GET", "POST"])
    (effect,) = sink.effects
    assert (effect["key"], json.loads(effect["body"])) == ("the-key", {"a": 1})


async def test_a_secret_is_in_the_settings_and_never_in_the_arguments(sink: Sink, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NEXOD_SECRET_API", "s3cret-value")
    monkeypatch.setenv("NEXOD_SECRET_API_HOSTS", "127.0.0.1")
    config: dict[str, Any] = {"hosts": [sink.origin], "headers": {"X-Key": {"$secret": "API"}}}
    await call("api_call", {"url": f"{sink.origin}/x"}, **config)
    assert sink.effects[0]["headers"]["x-key"] == "s3cret-value"
    for name in ("query", "body"):
        error = await failure("api_call", {"url": f"{sink.origin}/x", name: {"k": {"$secret": "API"}}}, **config)
        assert error.code == "bad_arguments"
    assert len(sink.effects) == 1


def test_its_effect_is_that_of_its_methods():
    kind = tools.registry()["api_call"]
    reads = tools.configured("api_call", {"hosts": ["a.example"]})
    writes = tools.configured("api_call", {"hosts": ["a.example"], "methods": ["GET", "POST"]})
    unsafe = tools.configured("api_call", {"hosts": ["a.example"], "methods": ["GET", "POST"], "effect": "unsafe"})
    assert kind.effect(reads) is Effect.PURE
    assert (kind.effect(writes), kind.effect(unsafe)) == (Effect.KEYED, Effect.UNSAFE)
    assert kind.effect(unsafe, {"url": "https://a.example"}) is Effect.PURE
    assert kind.effect(unsafe, {"url": "https://a.example", "method": "POST"}) is Effect.UNSAFE


def test_an_unsafe_call_that_was_cut_off_is_never_sent_twice(sink: Sink):
    settings = {"hosts": [sink.origin], "methods": ["POST"], "effect": "unsafe"}
    args = {"url": f"{sink.origin}/pay?drop=1", "method": "POST", "body": {"sum": 5}}
    played = play("tool", {"tool": "api_call", "args": args, "config": settings}, retry={"attempts": 5, "delay_s": 0})
    assert played.review == "unsafe_effect"
    assert len(sink.effects) == 1
