"""Files from the web: bytes as they are, never from inside, never too many."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from engine.errors import NodeError
from engine.requests import download


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        to = {
            "/inside": "http://169.254.169.254/latest/meta-data", "/near": "http://127.0.0.1:1/", "/file": "file:///etc",
            "/round": "/round", "/there": "/bytes", "/userinfo": "http://me:secret@127.0.0.1/",
        }.get(self.path)  # fmt: skip
        if to:
            return self._reply(302, b"", Location=to)
        if self.path == "/bytes":
            return self._reply(200, bytes(range(256)), **{"Content-Type": "application/json; charset=x"})
        if self.path == "/large":
            return self._reply(200, b"a" * 2000)
        if self.path == "/slow":
            self.send_response(200)
            self.end_headers()
            return threading.Event().wait(3) and None
        return self._reply(int(self.path.strip("/")), b"no", **{"Retry-After": "7"})

    def _reply(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def origin(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("NEXOD_EGRESS_ALLOW", f"127.0.0.1:{server.server_port}")
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


async def test_bytes_come_as_they_are_redirects_followed(origin: str):
    got = await download(f"{origin}/there", 1000)
    assert got.content == bytes(range(256)) and got.url == f"{origin}/bytes"
    assert got.content_type.startswith("application/json")


@pytest.mark.parametrize("path", ["/inside", "/near", "/file", "/userinfo"])
async def test_a_redirect_inside_is_refused(origin: str, path: str):
    with pytest.raises(NodeError) as fault:
        await download(origin + path, 1000)
    assert fault.value.code == "egress_refused" and not fault.value.retryable


@pytest.mark.parametrize(
    ("path", "code", "retryable"),
    [
        ("/round", "too_many_redirects", False),
        ("/large", "too_large", False),
        ("/404", "http_status", False),
        ("/403", "http_status", False),
        ("/429", "http_status", True),
        ("/503", "http_status", True),
        ("/slow", "http_timeout", True),
    ],
)
async def test_what_goes_wrong_has_a_code(origin: str, path: str, code: str, retryable: bool):
    with pytest.raises(NodeError) as fault:
        await download(origin + path, 1000, timeout_s=0.5)
    assert (fault.value.code, fault.value.retryable) == (code, retryable)
    assert path not in ("/429", "/503") or fault.value.retry_after == 7
