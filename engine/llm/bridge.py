"""Our only way out, for packages that speak httpx2: their client on the checked transport of `egress`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import httpx2

from engine.egress import USER_AGENT, Transport


def client(max_bytes: int, connect_s: float, send_s: float) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=_Bridge(Transport("model", max_bytes)),
        timeout=httpx2.Timeout(None, connect=connect_s, write=send_s, pool=connect_s),
        trust_env=False,
        follow_redirects=False,
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip, deflate"},
    )


class _Bridge(httpx2.AsyncBaseTransport):
    def __init__(self, inner: Transport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        asked = httpx.Request(
            request.method,
            str(request.url),
            headers=request.headers.raw,
            content=await request.aread(),
            extensions=dict(request.extensions),
        )
        answer = await self._inner.handle_async_request(asked)
        return httpx2.Response(
            answer.status_code, headers=answer.headers.raw, stream=_Stream(answer.stream), extensions=answer.extensions
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Stream(httpx2.AsyncByteStream):
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._inner:
            yield part

    async def aclose(self) -> None:
        await self._inner.aclose()
