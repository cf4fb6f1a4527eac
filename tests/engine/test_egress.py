"""The way out refuses private addresses in every spelling: a real listener must not get one packet."""

import asyncio
import contextlib
import gzip
import socket
import ssl
import threading
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from engine import egress
from engine.addresses import Allowed, is_public, parse
from engine.errors import NodeError
from tests.world.server import Handler, World

LOOPBACK = [
    "127.0.0.1", "127.1", "127.0.1", "127.000.000.001", "0177.0.0.1", "0177.1", "0x7f.0.0.1", "0x7f.1", "0x7f000001",
    "0x7F000001", "2130706433", "017700000001", "00000177.0.0.1", "127.0.0.1.", "127.1.", "0", "0.0.0.0", "0x0", "00",
    "localhost", "LOCALHOST", "localhost.", "LocalHost.", "[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[0000::0001]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:0001]", "[::127.0.0.1]", "[::7f00:1]",
    "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2002:7f00:0001::1]",
    "[2001:0:7f00:1::]", "[2001:0000:4136:e378:8000:63bf:80ff:fffe]", "[fe80::5efe:127.0.0.1]",
]  # fmt: skip
PRIVATE = [
    "10.0.0.1", "10.1", "172.16.0.1", "172.31.255.254", "192.168.0.1", "192.168.1", "0xc0a80001", "3232235521",
    "169.254.169.254", "169.254.43518", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "169.254.170.2",
    "[::ffff:a9fe:a9fe]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]", "[fd00:ec2::254]",
    "100.64.0.1", "100.100.100.200", "100.127.255.255", "168.63.129.16", "192.0.0.192", "192.0.2.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "0.1.2.3",
    "[fc00::1]", "[fdff::1]", "[fe80::1]", "[fe80::1%25lo]", "[fec0::1]", "[ff02::1]", "[2001:db8::1]", "[100::1]",
    "metadata.google.internal", "metadata.internal", "foo.localhost", "printer.local", "router.home.arpa",
]  # fmt: skip
TRICKS = [
    "http://example.com@127.0.0.1:{port}/", "http://user:pass@127.0.0.1:{port}/", "http://127.0.0.1:{port}@example.com/",
    "http://127.0.0.1:{port}\\@example.com/", "http://example.com\\@127.0.0.1:{port}/", "http:\\\\127.0.0.1:{port}\\",
    "http://１２７.0.0.1:{port}/", "http://127。0。0。1:{port}/", "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/", "http://%31%32%37.0.0.1:{port}/",
    "http://127.0.0.1%2f@example.com:{port}/", "http://127.0.0.1\t:{port}/", "http://127.0.0.1\n:{port}/",
    "http://exa mple.com/", "http://1.1.1.1 &@127.0.0.1:{port}# @3.3.3.3/", "http:///127.0.0.1:{port}/", "http://", "",
    "//127.0.0.1:{port}/", "127.0.0.1:{port}", "file:///etc/passwd", "gopher://127.0.0.1:{port}/_x", "ftp://127.0.0.1/",
    "unix:///var/run/docker.sock", "http+unix://%2fvar%2frun%2fx/", "data:text/plain,x", "javascript:alert(1)",
    "ws://127.0.0.1:{port}/", "dict://127.0.0.1:{port}/", "http://[::1]:{port}:80/", "http://[::1/", "http://127.0.0.1:0/",
    "http://127.0.0.1:99999/", "http://127.0.0.1:-1/", "http://0x7f.0x0.0x0.0x1.:{port}/",
]  # fmt: skip
PUBLIC = [
    "8.8.8.8", "1.1.1.1", "134744072", "0x08080808", "172.15.0.1", "172.32.0.1", "100.63.255.255", "100.128.0.1",
    "169.253.0.1", "192.167.0.1", "11.0.0.1", "223.255.255.1", "[2606:4700::1111]", "[::ffff:8.8.8.8]",
    "[64:ff9b::808:808]", "[2a00:1450:4001::1]",
]  # fmt: skip


class Listener:
    """Counts connections on one port, on IPv4 and IPv6. None may come."""

    def __init__(self) -> None:
        self.connections = 0
        self._sockets = [socket.create_server(("127.0.0.1", 0))]
        self.port = self._sockets[0].getsockname()[1]
        if socket.has_ipv6:
            with contextlib.suppress(OSError):
                self._sockets.append(socket.create_server(("::1", self.port), family=socket.AF_INET6))
        for one in self._sockets:
            threading.Thread(target=self._listen, args=(one,), daemon=True).start()

    def _listen(self, server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()

    def close(self) -> None:
        for one in self._sockets:
            one.close()


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


def get(url: str, **more: object) -> httpx.Response:
    async def fetch() -> httpx.Response:
        async with egress.client("node", **more) as client:
            return await client.get(egress.check(url))

    return asyncio.run(fetch())


@pytest.mark.parametrize("host", LOOPBACK)
def test_loopback_is_refused_in_every_spelling(listener: Listener, host: str) -> None:
    for url in (f"http://{host}:{listener.port}/", f"http://{host}/", f"https://{host}/"):
        with pytest.raises(egress.Refused):
            get(url)
    assert listener.connections == 0


@pytest.mark.parametrize("host", PRIVATE)
def test_private_reserved_and_metadata_addresses_are_refused(host: str) -> None:
    with pytest.raises(egress.Refused):
        get(f"http://{host}/latest/meta-data/")


@pytest.mark.parametrize("url", TRICKS)
def test_a_url_that_says_two_things_is_refused(listener: Listener, url: str) -> None:
    with pytest.raises(egress.Refused):
        get(url.replace("{port}", str(listener.port)))
    assert listener.connections == 0


@pytest.mark.parametrize("host", PUBLIC)
def test_public_addresses_are_public(host: str) -> None:
    address = parse(host)
    assert address is not None
    assert is_public(address)


def test_a_public_address_on_another_port_is_refused_with_the_cure() -> None:
    with pytest.raises(egress.Refused) as caught:
        get("http://8.8.8.8:6379/")
    assert "6379" in caught.value.message
    assert "NEXOD_EGRESS_ALLOW" in caught.value.hint


class Echo(World):
    """Answers what it is told by its path."""

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        super().__init__(port, host)
        self.calls: list[dict[str, str]] = []

    def answer(self, call: Handler) -> None:
        self.calls.append({k.lower(): v for k, v in call.headers.items()})
        match call.path:
            case "/bomb":
                layer = zlib.compressobj(9, zlib.DEFLATED, 31)
                data = b"".join(layer.compress(b"\0" * 1_000_000) for _ in range(200)) + layer.flush()
                call.reply(200, data, {"Content-Encoding": "gzip"})
            case "/double":
                call.reply(200, gzip.compress(gzip.compress(b"x")), {"Content-Encoding": "gzip, gzip"})
            case "/gzip":
                call.reply(200, gzip.compress(b'{"a": 1}'), {"Content-Encoding": "gzip"})
            case "/zlib":
                call.reply(200, zlib.compress(b'{"a": 1}'), {"Content-Encoding": "deflate"})
            case "/deflate":
                raw = zlib.compressobj(wbits=-15)
                call.reply(200, raw.compress(b'{"a": 1}') + raw.flush(), {"Content-Encoding": "deflate"})
            case "/broken":
                call.reply(200, b"\x1f\x8b\x08 no gzip", {"Content-Encoding": "gzip"})
            case "/large":
                call.reply(200, b"x" * 1001)
            case "/endless":
                call.begin_stream("text/plain")
                while not self.closing.is_set():
                    call.chunk(b"x" * 65536)
            case _:
                call.reply(200, {"host": call.headers["host"]})


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Echo]:
    with Echo() as world:
        monkeypatch.setenv("NEXOD_EGRESS_ALLOW", f"127.0.0.1:{world.port}")
        yield world


def test_an_exception_opens_its_host_and_port_only(echo: Echo, listener: Listener) -> None:
    assert get(f"{echo.origin}/").status_code == 200
    assert get(f"http://localhost:{echo.port}/").status_code == 200
    assert get(f"http://127.1:{echo.port}/").status_code == 200
    with pytest.raises(egress.Refused):
        get(f"http://127.0.0.1:{listener.port}/")
    with pytest.raises(egress.Refused):
        get(f"http://127.0.0.2:{echo.port}/")
    assert listener.connections == 0


@pytest.mark.parametrize(
    ("entry", "host", "port", "allowed"),
    [
        ("10.0.0.0/8", "10.1.2.3", 9999, True),
        ("10.0.0.0/8", "11.1.2.3", 9999, False),
        ("10.0.0.0/8:81", "10.1.2.3", 81, True),
        ("10.0.0.0/8:81", "10.1.2.3", 82, False),
        ("127.0.0.1", "::ffff:127.0.0.1", 1, True),
        ("[::1]:80", "::1", 80, True),
        ("[::1]:80", "::1", 81, False),
        ("fd00::/8", "fd12::1", 5, True),
        ("2130706433", "127.0.0.1", 5, True),
        ("localhost:80", "127.0.0.1", 80, True),
        ("localhost:80", "127.0.0.1", 81, False),
        (" a.example , 10.0.0.1:80", "10.0.0.1", 80, True),
        ("nonsense:x,:::,10.0.0.0/99", "10.0.0.1", 80, False),
        ("", "127.0.0.1", 80, False),
    ],
)
def test_exceptions_are_read_as_written(entry: str, host: str, port: int, allowed: bool) -> None:
    address = parse(host)
    assert address is not None
    assert Allowed.read(entry).has(host, address, port) is allowed


def test_an_exception_by_name_holds_for_that_name_only(monkeypatch: pytest.MonkeyPatch, echo: Echo) -> None:
    monkeypatch.setenv("NEXOD_EGRESS_ALLOW", f"inner.example:{echo.port}")

    async def here(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    assert get(f"http://inner.example:{echo.port}/", resolver=here).json() == {"host": f"inner.example:{echo.port}"}
    with pytest.raises(egress.Refused):
        get(f"http://other.example:{echo.port}/", resolver=here)


def test_one_private_answer_among_public_ones_refuses_the_name() -> None:
    async def mixed(host: str, port: int) -> list[str]:
        return ["93.184.216.34", "10.0.0.7"]

    with pytest.raises(egress.Refused):
        get("http://mixed.example/", resolver=mixed)


def test_a_name_is_resolved_once_and_rebinding_finds_no_gap(echo: Echo) -> None:
    """The first answer is an address that may be reached; the next would be one that may not."""
    answers = iter([["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2"]])
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    with Echo(echo.port, "127.0.0.2") as forbidden:
        url = f"http://rebind.example:{echo.port}/"
        assert get(url, resolver=rebinding).json() == {"host": f"rebind.example:{echo.port}"}
        assert len(asked) == 1
        with pytest.raises(egress.Refused):
            get(url, resolver=rebinding)
        assert len(asked) == 2
        assert forbidden.calls == []


def test_the_next_address_is_tried_when_one_does_not_answer(monkeypatch: pytest.MonkeyPatch, echo: Echo) -> None:
    monkeypatch.setenv("NEXOD_EGRESS_ALLOW", f"127.0.0.0/8:{echo.port}")

    async def two(host: str, port: int) -> list[str]:
        return ["127.0.0.9", "127.0.0.1"]

    assert get(f"http://two.example:{echo.port}/", resolver=two).status_code == 200


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, echo: Echo, listener: Listener) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{listener.port}")
    assert get(f"{echo.origin}/").status_code == 200
    assert listener.connections == 0


def test_a_redirect_is_not_followed_unasked(echo: Echo) -> None:
    async def fetch() -> bool:
        async with egress.client("node") as client:
            return client.follow_redirects

    assert asyncio.run(fetch()) is False


@pytest.mark.parametrize("path", ["/gzip", "/zlib", "/deflate"])
def test_compressed_answers_are_read(echo: Echo, path: str) -> None:
    assert get(f"{echo.origin}{path}").json() == {"a": 1}


@pytest.mark.parametrize("path", ["/bomb", "/large", "/endless"])
def test_the_body_is_counted_after_decompression(echo: Echo, path: str) -> None:
    with pytest.raises(NodeError) as caught:
        get(f"{echo.origin}{path}", max_bytes=1000)
    assert caught.value.code == "too_large"


@pytest.mark.parametrize("path", ["/double", "/broken"])
def test_an_encoding_that_nobody_asked_for_is_an_error(echo: Echo, path: str) -> None:
    with pytest.raises(httpx.DecodingError):
        get(f"{echo.origin}{path}")
    assert echo.calls[0]["accept-encoding"] == "gzip, deflate"


def test_a_name_that_does_not_resolve_is_no_refusal() -> None:
    async def nothing(host: str, port: int) -> list[str]:
        raise socket.gaierror("Name or service not known")

    with pytest.raises(httpx.ConnectError):
        get("http://nowhere.example/", resolver=nothing)


def test_a_lookup_that_hangs_ends_with_the_time_to_connect() -> None:
    async def never(host: str, port: int) -> list[str]:
        await asyncio.sleep(3600)
        return []

    with pytest.raises(httpx.ConnectTimeout):
        get("http://slow.example/", resolver=never, timeout=httpx.Timeout(5, connect=0.05))


def test_the_corpus_is_large_enough() -> None:
    assert len({*LOOPBACK, *PRIVATE, *TRICKS}) >= 120


def test_tls_keeps_the_name_and_trusts_nobody_new(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The connection goes to the checked address, SNI and certificate check to the name."""
    certificate(tmp_path, "tls.example")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    names: list[str] = []
    server.sni_callback = lambda _socket, name, _context: names.append(name)

    async def here(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    with Echo() as echo:
        echo._server.socket = server.wrap_socket(echo._server.socket, server_side=True)
        monkeypatch.setenv("NEXOD_EGRESS_ALLOW", f"127.0.0.1:{echo.port}")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        with pytest.raises(httpx.ConnectError, match="certificate"):
            get(f"https://tls.example:{echo.port}/", resolver=here)
        assert names == ["tls.example"]
        assert echo.calls == []

        trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        monkeypatch.setattr(egress, "_tls", lambda: trusting)
        assert get(f"https://tls.example:{echo.port}/", resolver=here).json() == {"host": f"tls.example:{echo.port}"}
        with pytest.raises(httpx.ConnectError, match="certificate"):
            get(f"https://other.example:{echo.port}/", resolver=here)


def certificate(folder: Path, name: str) -> None:
    """cert.pem and key.pem for `name`, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
