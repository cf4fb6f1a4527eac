"""One HTTP request to the outside, prepared and sent: secrets only to their hosts, redirects only for reading."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import httpx

from engine import egress, secrets
from engine.errors import NodeError
from engine.retry_after import retry_after
from engine.values import is_list, is_object

REDIRECTS = 5
FOLLOWED = ("GET", "HEAD")
TRAVELS = ("accept", "accept-language", "user-agent")
"""Headers that go along to another origin; any other may hold a key."""
OURS = ("host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "proxy-authorization",
        "proxy-connection", "accept-encoding", "expect")  # fmt: skip
EXCERPT = 4000


class Giver(Protocol):
    """The part of a RunContext that a request needs."""

    @property
    def idempotency_key(self) -> str: ...

    def secret(self, reference: Mapping[str, str], /) -> str: ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    method: str
    url: httpx.URL
    headers: dict[str, str]
    content: bytes | None
    shown: str
    """The address without query: what may be written down."""


@dataclass(frozen=True, slots=True)
class Sent:
    status: int
    headers: dict[str, str]
    body: Any
    encoding: str | None = None
    url: str = ""
    """Where it came from in the end, redirects followed."""

    def to_json(self) -> dict[str, Any]:
        """`encoding` says that the body is no text and stands here as base64."""
        value = {"status": self.status, "headers": self.headers, "body": self.body}
        return {**value, "encoding": self.encoding} if self.encoding else value

    @property
    def retry_after(self) -> float | None:
        return retry_after(self.headers)

    def excerpt(self) -> Any:
        """The body, cut to what an error may carry."""
        text = self.body if isinstance(self.body, str) else json.dumps(self.body, ensure_ascii=False)
        return self.body if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"


def prepare(method: str, inputs: Mapping[str, Any], giver: Giver, *, keyed: bool) -> Outgoing:
    """The request of a step's resolved fields. Raises NodeError before anything is sent."""
    bare = egress.check(inputs["url"])

    def reveal(reference: Mapping[str, str]) -> str:
        secrets.check_host(reference, bare.host, bare.port or egress.PORTS[bare.scheme])
        return giver.secret(reference)

    url = _with_query(bare, secrets.fill(inputs.get("query") or {}, reveal))
    headers = _headers(secrets.fill(inputs.get("headers") or {}, reveal))
    content, kind = _content(secrets.fill(inputs.get("body"), reveal))
    if kind:
        headers.setdefault("content-type", kind)
    if auth := inputs.get("auth"):
        headers["authorization"] = _authorization(auth, reveal)
    if keyed:
        headers.setdefault("idempotency-key", giver.idempotency_key)
    return Outgoing(method, url, headers, content, str(bare.copy_with(query=None, fragment=None)))


def anywhere(url: httpx.URL) -> None:
    """Any address that egress lets through."""


async def send(
    outgoing: Outgoing,
    max_bytes: int,
    may: Callable[[httpx.URL], None] = anywhere,
    purpose: egress.Purpose = "node",
) -> Sent:
    """The answer, redirects followed for GET and HEAD. Each hop is checked like the first address; `may` raises for
    one that is not wanted. `purpose`: whose exceptions hold."""
    async with egress.client(purpose, max_bytes=max_bytes) as client:
        for _ in range(REDIRECTS + 1):
            may(outgoing.url)
            response = await _exchange(client, outgoing)
            target = response.headers.get("location")
            if not (response.has_redirect_location and target and outgoing.method in FOLLOWED):
                return _sent(response, str(outgoing.url))
            outgoing = _redirected(outgoing, target)
    raise _too_many()


def _too_many() -> NodeError:
    return NodeError(
        f"More than {REDIRECTS} redirects.", code="too_many_redirects", hint="Ask the last address directly."
    )


@dataclass(frozen=True, slots=True)
class Downloaded:
    content: bytes
    content_type: str
    url: str
    """Where it came from in the end, redirects followed."""


async def download(text: str, max_bytes: int, timeout_s: float = 60.0) -> Downloaded:
    """The bytes behind an address, as they are. Raises NodeError, for an answer of 400 and more too."""
    url = egress.check(text)
    headers = {"accept": "*/*"}
    outgoing = Outgoing("GET", url, headers, None, str(url.copy_with(query=None, fragment=None)))
    try:
        async with asyncio.timeout(timeout_s), egress.client("node", max_bytes=max_bytes) as client:
            for _ in range(REDIRECTS + 1):
                response = await _exchange(client, outgoing)
                target = response.headers.get("location")
                if not (response.has_redirect_location and target):
                    if response.status_code >= 400:
                        raise failure(_sent(response, str(outgoing.url)))
                    return Downloaded(response.content, response.headers.get("content-type", ""), str(outgoing.url))
                outgoing = _redirected(outgoing, target)
    except TimeoutError:
        raise NodeError(f"{outgoing.shown} did not answer in time.", code="http_timeout", retryable=True) from None
    raise _too_many()


def failure(sent: Sent, *, again: bool = True) -> NodeError:
    """What a status of 400 and above means. `again`: whether repeating is harmless. An answer came, so an unsafe
    request has a known outcome: it failed."""
    passing = sent.status in (408, 425, 429) or sent.status >= 500
    return NodeError(
        f"The server answered {sent.status}.",
        code="http_status",
        hint="See its answer. More tries under Reliability help against passing faults.",
        retryable=passing and again,
        retry_after=sent.retry_after,
        status=sent.status,
        body=sent.excerpt(),
    )


async def _exchange(client: httpx.AsyncClient, out: Outgoing) -> httpx.Response:
    """One request and its whole body. `sent` on an error: the request may have arrived."""
    where = out.shown
    try:
        return await client.request(out.method, out.url, headers=out.headers, content=out.content)
    except NodeError:
        raise
    except (httpx.ConnectTimeout, httpx.PoolTimeout) as fault:
        raise NodeError(f"{where} did not answer in time.", code="http_timeout", retryable=True) from fault
    except (httpx.ConnectError, httpx.UnsupportedProtocol) as fault:
        raise NodeError(f"{where} cannot be reached: {fault}", code="http_connection", retryable=True) from fault
    except httpx.TimeoutException as fault:
        raise NodeError(f"{where} did not answer in time.", code="http_timeout", retryable=True, sent=True) from fault
    except httpx.DecodingError as fault:
        raise NodeError(f"{where}: {fault}", code="http_bad_answer", sent=True) from fault
    except (httpx.HTTPError, httpx.InvalidURL) as fault:
        raise NodeError(
            f"The connection to {where} was lost: {fault or type(fault).__name__}",
            code="http_connection", retryable=True, sent=True,
        ) from fault  # fmt: skip


def _redirected(out: Outgoing, target: str) -> Outgoing:
    try:
        url = egress.check(str(out.url.join(target)))
    except (httpx.InvalidURL, ValueError) as fault:
        raise egress.Refused(f"{out.shown} redirects to no web address: {fault}") from None
    headers = out.headers
    if _origin(url) != _origin(out.url):
        headers = {k: v for k, v in headers.items() if k in TRAVELS}
    return replace(out, url=url, headers=headers, content=None, shown=str(url.copy_with(query=None, fragment=None)))


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or egress.PORTS[url.scheme]


def _with_query(url: httpx.URL, query: Any) -> httpx.URL:
    pairs: list[tuple[str, str]] = []
    for name, value in _mapping(query, "Query").items():
        pairs += [(name, _text(one)) for one in (value if is_list(value) else [value]) if one is not None]
    try:
        return url.copy_with(params=url.params.merge(httpx.QueryParams(tuple(pairs)))) if pairs else url
    except httpx.InvalidURL as fault:
        raise NodeError(f"No address can hold this query: {fault}.", code="bad_value", hint="Send less.") from None


def _headers(value: Any) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, one in _mapping(value, "Headers").items():
        text = _text(one).strip()
        if one is None:
            continue
        if not name or not all(ch.isalnum() or ch in "!#$%&'*+-.^_`|~" for ch in name) or not name.isascii():
            raise NodeError(f"{name!r} is no name of a header.", code="bad_header", hint="Letters, digits and - only.")
        if name.lower() in OURS:
            raise NodeError(f"The header {name!r} is set by Nexod itself.", code="bad_header", hint="Remove it.")
        if any(ch in "\r\n\0" for ch in text) or not _latin(text):
            raise NodeError(f"The header {name!r} holds a character that headers cannot carry.", code="bad_header")
        headers[name.lower()] = text
    return headers


def _latin(text: str) -> bool:
    try:
        text.encode("ascii")
    except UnicodeEncodeError:
        return False
    return True


def _content(body: Any) -> tuple[bytes | None, str]:
    if body is None:
        return None, ""
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(), "application/json"


def _authorization(auth: Mapping[str, Any], reveal: Any) -> str:
    if auth["type"] == "bearer":
        return f"Bearer {_plain(reveal(auth['token']))}"
    pair = f"{auth.get('username') or ''}:{reveal(auth['password'])}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _plain(token: str) -> str:
    if not token.isascii() or not token.isprintable():
        raise NodeError("The token holds a character that headers cannot carry.", code="bad_header")
    return token


def _sent(response: httpx.Response, url: str) -> Sent:
    headers: dict[str, str] = {}
    for name, value in response.headers.multi_items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    body, encoding = _body(response)
    return Sent(response.status_code, headers, body, encoding, url)


def _body(response: httpx.Response) -> tuple[Any, str | None]:
    """JSON parsed by its content type, text as text, anything else as base64."""
    kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
    content = response.content
    if kind == "application/json" or kind.endswith("+json"):
        if not content.strip():
            return None, None
        try:
            return json.loads(content, parse_constant=_refuse), None
        except (ValueError, RecursionError):
            return _decoded(response), None
    textual = not kind or kind.startswith("text/") or kind in _TEXTUAL or kind.endswith("+xml")
    if not content or (textual and b"\0" not in content):
        return _decoded(response), None
    return base64.b64encode(content).decode(), "base64"


_TEXTUAL = ("application/xml", "application/javascript", "application/x-ndjson", "application/yaml",
            "application/x-www-form-urlencoded", "image/svg+xml")  # fmt: skip


def _decoded(response: httpx.Response) -> str:
    try:
        return response.content.decode(response.charset_encoding or "utf-8", errors="replace")
    except LookupError:
        return response.content.decode("utf-8", errors="replace")


def _mapping(value: Any, title: str) -> Mapping[str, Any]:
    if not is_object(value):
        raise NodeError(f"{title} became {type(value).__name__}, not an object.", code="bad_value")
    return {str(k): v for k, v in value.items()}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
