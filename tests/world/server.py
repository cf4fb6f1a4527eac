"""A small HTTP server in a thread, for what tests need outside Nexod. No dependency; many may run at once."""

from __future__ import annotations

import argparse
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        self.body = self.rfile.read(length) if length else b""
        if len(self.body) < length:
            # Whoever sent it was killed in the middle: that is no request.
            self.close_connection = True
            return
        try:
            self.server.world.answer(self)
        except (BrokenPipeError, ConnectionError, TimeoutError):
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve

    def json(self) -> Any:
        return json.loads(self.body or b"null")

    def reply(self, status: int, value: Any = None, headers: dict[str, str] | None = None) -> None:
        """One whole answer: JSON, or bytes as they are."""
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        headers = {"Content-Type": "application/json", **(headers or {})}
        for name, one in headers.items():
            self.send_header(name, one)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def begin_stream(self, kind: str = "text/event-stream") -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def end_stream(self) -> None:
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def hang_up(self, *, reset: bool = False) -> None:
        """Close without a word; with `reset`, rudely."""
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.wfile.flush()
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    world: World

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is part of the play."""


class World:
    """Subclass it and write `answer`. A context manager; `origin` is http://127.0.0.1:port."""

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self._server = _Server((host, port), Handler)
        self._server.world = self
        self.host, self.port = host, self._server.server_address[1]
        self.origin = f"http://{host}:{self.port}"
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def answer(self, call: Handler) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self, seconds: float) -> None:
        """Let `seconds` pass, less when the server closes."""
        self.closing.wait(seconds)


def closed_port() -> int:
    """A port where nobody listens: connections are refused."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(make: type[World], what: str) -> None:
    """`python -m tests.world.… --port N`: serve until killed; the first line of stdout is the origin."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--port", type=int, default=0)
    with make(parser.parse_args().port) as world:
        print(world.origin, flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            pass
