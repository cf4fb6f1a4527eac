"""The only way out of this machine: an HTTP client that refuses private addresses, however they are spelled.

A name is resolved once, every answer is checked, and the connection goes to the checked address (SNI and Host stay).
No proxy of the environment is used, no redirect is followed unasked (each hop is checked again by the transport),
and a body is counted as it is decompressed. Exceptions: NEXOD_EGRESS_ALLOW for steps and tools, the hosts of
`*_BASE_URL` for model calls.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import cache
from typing import Any, Literal

import httpcore
import httpx

from engine.addresses import Address, Allowed, is_public, local_name, parse
from engine.errors import NodeError

Purpose = Literal["node", "model"]
Resolver = Callable[[str, int], Awaitable[list[str]]]
PORTS = {"http": 80, "https": 443}
CONNECT_S = 10.0
MAX_BYTES = 10_000_000
USER_AGENT = "Nexod"


class Refused(NodeError):
    """This address may not be reached from here. Nothing was sent."""

    code = "egress_refused"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, code=self.code, hint=hint or "Only public http and https addresses can be reached.")


def client(
    purpose: Purpose = "node",
    *,
    max_bytes: int = MAX_BYTES,
    timeout: httpx.Timeout | None = None,
    resolver: Resolver | None = None,
) -> httpx.AsyncClient:
    """An httpx client that can reach only what `purpose` may. Redirects are off."""
    return httpx.AsyncClient(
        transport=Transport(purpose, max_bytes, resolver or resolve),
        timeout=timeout or httpx.Timeout(None, connect=CONNECT_S, pool=CONNECT_S),
        trust_env=False,
        follow_redirects=False,
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip, deflate"},
    )


def allowed(purpose: Purpose) -> Allowed:
    """The exceptions that the operator set for `purpose`."""
    if purpose == "node":
        return Allowed.read(os.environ.get("NEXOD_EGRESS_ALLOW", ""))
    urls = [value for name, value in os.environ.items() if name.endswith("_BASE_URL") and value]
    return Allowed.of_urls(urls)


def check(text: str) -> httpx.URL:
    """`text` as a URL that says one thing only, or Refused. The address itself is checked when it is resolved."""
    if any(ch <= " " or ch in "\\\x7f" for ch in text.strip()):
        raise Refused(f"{text!r} holds a space, a control character or a backslash.")
    try:
        url = httpx.URL(text.strip())
        return _checked(url)
    except (httpx.InvalidURL, ValueError, UnicodeError) as fault:
        raise Refused(f"{text!r} is no web address: {fault}") from None


def _checked(url: httpx.URL) -> httpx.URL:
    if url.scheme not in PORTS:
        raise Refused(f"{str(url)!r} does not begin with http:// or https://.")
    if url.userinfo:
        raise Refused("The address holds a user name or password.", "Give them under Authentication.")
    host = url.raw_host.decode("ascii")
    if not host or (parse(host) is None and not all(ch.isalnum() or ch in "-._" for ch in host)):
        raise Refused(f"{str(url)!r} has no plain host name.")
    if not 0 < (url.port or PORTS[url.scheme]) < 65536:
        raise Refused(f"{str(url)!r} has no such port.")
    return url


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of `host`, as the system knows them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Transport(httpx.AsyncHTTPTransport):
    """httpx's own transport on our connections; SDKs can be given it too."""

    def __init__(self, purpose: Purpose = "node", max_bytes: int = MAX_BYTES, resolver: Resolver = resolve) -> None:
        # Not super().__init__: it would build a pool on a backend that connects wherever it is told.
        self._max_bytes = max_bytes
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_tls(), network_backend=_Backend(allowed(purpose), resolver), keepalive_expiry=5.0
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        _checked(request.url)
        response = await super().handle_async_request(request)
        encoding = response.headers.get("content-encoding", "").strip().lower()
        if request.method == "HEAD":
            return response
        body = _Body(response.stream, encoding, self._max_bytes)
        headers = [(k, v) for k, v in response.headers.raw if k.lower() != b"content-encoding" or not body.decodes]
        if body.decodes:
            headers = [(k, v) for k, v in headers if k.lower() != b"content-length"]
        return httpx.Response(response.status_code, headers=headers, stream=body, extensions=response.extensions)


class _Backend(httpcore.AsyncNetworkBackend):
    """Connects to checked addresses only. What was checked is what is connected to: no second lookup."""

    def __init__(self, allowed: Allowed, resolver: Resolver) -> None:
        self._allowed, self._resolver = allowed, resolver
        self._inner: Any = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore's signature)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        end = asyncio.get_running_loop().time() + (CONNECT_S if timeout is None else timeout)
        addresses = await self._addresses(host, port, end)
        for index, address in enumerate(addresses):
            left = max(0.01, end - asyncio.get_running_loop().time())
            try:
                return await self._inner.connect_tcp(str(address), port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if index == len(addresses) - 1:
                    raise
        raise httpcore.ConnectError(f"{host} has no address")

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        raise Refused("Unix sockets cannot be reached.")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _addresses(self, host: str, port: int, end: float) -> list[Address]:
        literal = parse(host)
        if literal:
            addresses = [literal]
        else:
            try:
                async with asyncio.timeout_at(end):
                    addresses = [parse(text) for text in await self._resolver(host, port)]
            except TimeoutError:
                raise httpcore.ConnectTimeout(f"The name {host} was not resolved in time") from None
            except (OSError, UnicodeError):
                if local_name(host):
                    raise Refused(f"{host} is a name of private networks.", _HINT) from None
                raise httpcore.ConnectError(f"The name {host} does not resolve") from None
        for address in addresses:
            if address is None or not self._may(host, address, port):
                raise _refusal(host, address, port)
        return [a for a in addresses if a]

    def _may(self, host: str, address: Address, port: int) -> bool:
        if self._allowed.has(host, address, port):
            return True
        return port in PORTS.values() and is_public(address) and not local_name(host)


_HINT = "The operator can allow it with NEXOD_EGRESS_ALLOW=host:port (models: OPENAI_BASE_URL)."


def _refusal(host: str, address: Address | None, port: int) -> Refused:
    if address is not None and is_public(address) and port not in PORTS.values():
        return Refused(f"Port {port} of {host} cannot be reached; only 80 and 443 can.", _HINT)
    return Refused(f"{host} is a private or reserved address and cannot be reached.", _HINT)


class _Body(httpx.AsyncByteStream):
    """A response body, decompressed here in small steps and counted: a bomb stops at `max_bytes`."""

    STEP = 65536

    def __init__(self, stream: Any, encoding: str, max_bytes: int) -> None:
        self._stream, self._encoding, self._max = stream, encoding, max_bytes
        self.decodes = encoding not in ("", "identity")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen = 0
        async for part in self._parts():
            seen += len(part)
            if seen > self._max:
                raise NodeError(
                    f"The answer is larger than {self._max:,} bytes.",
                    code="too_large",
                    hint="Ask for less, or raise the largest answer of this step.",
                    sent=True,
                )
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def _parts(self) -> AsyncIterator[bytes]:
        if not self.decodes:
            async for part in self._stream:
                yield part
            return
        if self._encoding not in ("gzip", "x-gzip", "deflate"):
            raise httpx.DecodingError(f"The answer is encoded as {self._encoding!r}, which nobody asked for")
        inflate = _Inflate()
        async for part in self._stream:
            for piece in inflate(part, self.STEP):
                yield piece


class _Inflate:
    """gzip, zlib or raw deflate, at most `step` bytes at a time."""

    def __init__(self) -> None:
        self._z = zlib.decompressobj(32 + zlib.MAX_WBITS)
        self._begun = False

    def __call__(self, data: bytes, step: int) -> Iterable[bytes]:
        while data:
            try:
                piece = self._z.decompress(data, step)
            except zlib.error as fault:
                if self._begun:
                    raise httpx.DecodingError(f"The compressed answer is broken: {fault}") from None
                self._z = zlib.decompressobj(-zlib.MAX_WBITS)
                self._begun = True
                continue
            self._begun = True
            data = self._z.unconsumed_tail
            if piece:
                yield piece
            elif not data:
                return


@cache
def _tls() -> ssl.SSLContext:
    """Made once: loading the certificates takes longer than most requests."""
    return httpx.create_ssl_context(trust_env=False)
