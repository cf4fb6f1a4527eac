"""The http step, in the real engine against real servers: answers, keys, secrets, redirects, effects."""

import base64
from collections.abc import Iterator

import pytest

from tests.engine.nodes.played import Played, play
from tests.world.server import Handler, World, closed_port
from tests.world.sink import Sink


class Site(World):
    """Pages of many kinds. `calls` keeps (method, path, headers, body)."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, str, dict[str, str], bytes]] = []
        self.elsewhere = ""

    def answer(self, call: Handler) -> None:
        self.calls.append((call.command, call.path, {k.lower(): v for k, v in call.headers.items()}, call.body))
        path = call.path.split("?")[0]
        match path:
            case "/text":
                call.reply(200, "Grüße".encode(), {"Content-Type": "text/plain; charset=utf-8"})
            case "/latin":
                call.reply(200, "Grüße".encode("latin-1"), {"Content-Type": "text/plain; charset=iso-8859-1"})
            case "/nojson":
                call.reply(200, b'{"a": NaN', {"Content-Type": "application/json"})
            case "/binary":
                call.reply(200, b"\x89PNG\0\1", {"Content-Type": "image/png"})
            case "/empty":
                call.reply(204, b"")
            case "/large":
                call.reply(200, b"x" * 2000, {"Content-Type": "text/plain"})
            case "/away":
                call.reply(302, b"", {"Location": self.elsewhere})
            case "/loop":
                call.reply(302, b"", {"Location": "/loop"})
            case "/hop":
                call.reply(301, b"", {"Location": "/text"})
            case "/stall":
                self.wait(3600)
            case _:
                call.reply(int(path[1:]) if path[1:].isdigit() else 200, {"path": path}, {"Retry-After": "3"})


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with Site() as world:
        monkeypatch.setenv("NEXOD_EGRESS_ALLOW", f"127.0.0.1:{world.port}")
        yield world


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    with Sink() as world:
        monkeypatch.setenv("NEXOD_EGRESS_ALLOW", f"127.0.0.1:{world.port}")
        yield world


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch, site: Site) -> str:
    monkeypatch.setenv("NEXOD_SECRET_TOKEN", "s3cret-token")
    monkeypatch.setenv("NEXOD_SECRET_TOKEN_HOSTS", f"127.0.0.1:{site.port}")
    return "s3cret-token"


def code(made: Played) -> str:
    assert made.failure, made.output
    return made.failure.code


def test_json_comes_parsed_with_status_and_headers(site: Site) -> None:
    made = play(
        "http",
        {"url": site.origin + "/{{ input.page }}", "query": {"q": "a b&c", "n": 2, "tag": ["x", "y"]}},
        {"page": "p"},
    )
    assert made.output["status"] == 200
    assert made.output["body"] == {"path": "/p"}
    assert made.output["headers"]["content-type"] == "application/json"
    assert site.calls[0][1] == "/p?q=a+b%26c&n=2&tag=x&tag=y"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/text", "Grüße"),
        ("/latin", "Grüße"),
        ("/nojson", '{"a": NaN'),
        ("/binary", base64.b64encode(b"\x89PNG\0\1").decode()),
        ("/empty", None),
    ],
)
def test_other_answers_are_text_or_base64(site: Site, path: str, body: str | None) -> None:
    assert play("http", {"url": site.origin + path}).output["body"] == body


@pytest.mark.parametrize(
    ("body", "content", "kind"),
    [
        ({"a": "{{ input.n }}"}, b'{"a":7}', "application/json"),
        ("n is {{ input.n }}", b"n is 7", "text/plain; charset=utf-8"),
        ([1, None], b"[1,null]", "application/json"),
        (None, b"", None),
    ],
)
def test_text_is_sent_as_it_is_and_anything_else_as_json(site: Site, body: object, content: bytes, kind: str) -> None:
    play("http", {"url": site.origin + "/x", "method": "POST", "body": body}, {"n": 7})
    assert site.calls[0][3] == content
    assert site.calls[0][2].get("content-type") == kind


def test_a_header_of_the_author_wins(site: Site) -> None:
    headers = {"Content-Type": "text/csv", "Idempotency-Key": "mine", "X-Number": 5, "X-None": None}
    play("http", {"url": site.origin + "/x", "method": "PUT", "body": "a,b", "headers": headers})
    sent = site.calls[0][2]
    assert (sent["content-type"], sent["idempotency-key"], sent["x-number"]) == ("text/csv", "mine", "5")
    assert "x-none" not in sent


@pytest.mark.parametrize(
    "headers", [{"Host": "a"}, {"a b": "c"}, {"X": "a\r\nB: c"}, {"X": "grün"}, {"Transfer-Encoding": "x"}]
)
def test_a_header_that_breaks_the_request_is_refused(site: Site, headers: dict[str, str]) -> None:
    assert code(play("http", {"url": site.origin + "/x", "headers": headers})) == "bad_header"
    assert site.calls == []


def test_a_query_that_no_address_can_hold_is_refused(site: Site) -> None:
    config = {"url": site.origin + "/x", "query": {"a": "{{ input.long }}"}}
    assert code(play("http", config, {"long": "x" * 70_000})) == "bad_value"
    assert site.calls == []


@pytest.mark.parametrize(("status", "retryable"), [(400, False), (404, False), (429, True), (500, True), (503, True)])
def test_an_error_status_fails_with_the_answer(site: Site, status: int, retryable: bool) -> None:
    made = play("http", {"url": f"{site.origin}/{status}"})
    assert code(made) == "http_status"
    assert made.failure.extra == {"status": status, "body": {"path": f"/{status}"}}
    assert (made.failure.retryable, made.failure.retry_after) == (retryable, 3)


def test_an_error_status_goes_on_when_asked(site: Site) -> None:
    assert play("http", {"url": f"{site.origin}/404", "fail_on_status": False}).output["status"] == 404


def test_a_large_answer_is_refused(site: Site) -> None:
    assert code(play("http", {"url": f"{site.origin}/large", "max_bytes": 1000})) == "too_large"


def test_nobody_there_is_a_connection_error(monkeypatch: pytest.MonkeyPatch) -> None:
    port = closed_port()
    monkeypatch.setenv("NEXOD_EGRESS_ALLOW", f"127.0.0.1:{port}")
    made = play("http", {"url": f"http://127.0.0.1:{port}/"})
    assert code(made) == "http_connection"
    assert made.failure.retryable
    assert not made.failure.sent


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "http://169.254.169.254/", "file:///etc/passwd", "example.com", ""]
)
def test_what_may_not_be_reached_is_refused(url: str) -> None:
    assert code(play("http", {"url": "{{ input.url }}"}, {"url": url})) == "egress_refused"


def test_reading_follows_redirects_on_the_way(site: Site) -> None:
    assert play("http", {"url": f"{site.origin}/hop"}).output["body"] == "Grüße"
    assert code(play("http", {"url": f"{site.origin}/loop"})) == "too_many_redirects"
    assert play("http", {"url": f"{site.origin}/hop", "method": "POST"}).output["status"] == 301


def test_a_redirect_to_a_private_address_is_refused(site: Site) -> None:
    with Sink() as forbidden:
        for target in (forbidden.origin, f"http://localhost:{forbidden.port}/", "http://169.254.169.254/", "file:///x"):
            site.elsewhere = target
            assert code(play("http", {"url": f"{site.origin}/away"})) == "egress_refused"
        assert forbidden.effects == []


def test_keys_do_not_travel_to_another_host(site: Site, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Sink() as other:
        monkeypatch.setenv("NEXOD_EGRESS_ALLOW", f"127.0.0.1:{site.port},127.0.0.1:{other.port}")
        site.elsewhere = f"{other.origin}/landed"
        play(
            "http",
            {
                "url": f"{site.origin}/away",
                "headers": {"X-Api-Key": {"$secret": "TOKEN"}, "Cookie": "a=b", "Accept": "text/plain"},
                "auth": {"type": "bearer", "token": {"$secret": "TOKEN"}},
            },
        )
        assert secret in site.calls[0][2]["authorization"]
        assert site.calls[0][2]["x-api-key"] == secret
        (arrived,) = other.effects
        assert secret not in str(arrived)
        assert "cookie" not in arrived["headers"]
        assert arrived["headers"]["accept"] == "text/plain"


def test_secrets_reach_their_host_in_every_place(site: Site, secret: str) -> None:
    reference = {"$secret": "TOKEN"}
    made = play(
        "http",
        {
            "url": f"{site.origin}/x",
            "method": "POST",
            "query": {"key": reference},
            "body": {"deep": [reference]},
            "auth": {"type": "basic", "username": "{{ input.user }}", "password": reference},
        },
        {"user": "ann"},
    )
    _, path, headers, body = site.calls[0]
    assert path == f"/x?key={secret}"
    assert body == b'{"deep":["s3cret-token"]}'
    assert base64.b64decode(headers["authorization"].split()[1]) == b"ann:s3cret-token"
    assert made.output["status"] == 200
    assert secret not in str([e.payload for e in made.events])


@pytest.mark.parametrize("hosts", [None, "", "example.com", "127.0.0.1:1", "127.0.0.10"])
def test_a_secret_is_sent_nowhere_else(
    site: Site, secret: str, hosts: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NEXOD_SECRET_TOKEN_HOSTS")
    if hosts is not None:
        monkeypatch.setenv("NEXOD_SECRET_TOKEN_HOSTS", hosts)
    made = play("http", {"url": f"{site.origin}/x", "auth": {"type": "bearer", "token": {"$secret": "TOKEN"}}})
    assert code(made) == "secret_refused"
    assert site.calls == []


def test_a_secret_that_is_not_there_is_missing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXOD_SECRET_OTHER_HOSTS", "127.0.0.1")
    made = play("http", {"url": f"{site.origin}/x", "auth": {"type": "bearer", "token": {"$secret": "OTHER"}}})
    assert code(made) == "missing_secret"


def test_each_method_that_changes_something_sends_the_same_key_in_every_retry(sink: Sink) -> None:
    made = play("http", {"url": f"{sink.origin}/x?status=500", "method": "POST"}, retry={"attempts": 3, "delay_s": 0})
    assert code(made) == "http_status"
    assert list(sink.counts().values()) == [3]
    play("http", {"url": f"{sink.origin}/x", "method": "GET"})
    assert "idempotency-key" not in sink.effects[-1]["headers"]


def test_an_unsafe_request_announces_itself_and_is_not_repeated(sink: Sink) -> None:
    config = {"url": f"{sink.origin}/pay?status=500&a=b", "method": "POST", "effect": "unsafe"}
    made = play("http", config, retry={"attempts": 3, "delay_s": 0})
    assert code(made) == "http_status"
    assert made.of("effect_intended") == [{"request": {"method": "POST", "url": f"{sink.origin}/pay"}}]
    assert len(sink.effects) == 1


def test_an_unsafe_request_that_broke_off_needs_a_person(sink: Sink) -> None:
    made = play("http", {"url": f"{sink.origin}/pay?drop=1", "method": "POST", "effect": "unsafe"})
    assert made.review == "unsafe_effect"
    made.again()
    assert len(sink.effects) == 1


def test_an_unsafe_request_that_timed_out_needs_a_person(sink: Sink) -> None:
    made = play("http", {"url": f"{sink.origin}/pay?hold_s=60", "method": "POST", "effect": "unsafe"}, timeout_s=0.3)
    assert made.review == "unsafe_effect"
    assert len(sink.effects) == 1


def test_an_unsafe_request_that_never_left_may_be_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    port = closed_port()
    monkeypatch.setenv("NEXOD_EGRESS_ALLOW", f"127.0.0.1:{port}")
    config = {"url": f"http://127.0.0.1:{port}/", "method": "POST", "effect": "unsafe"}
    made = play("http", config, retry={"attempts": 2, "delay_s": 0})
    assert code(made) == "http_connection"
    assert len(made.of("node_retry")) == 1


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"url": "http://a/", "method": "BREW"},
        {"url": "http://a/", "auth": {"type": "bearer"}},
        {"url": "http://a/", "auth": {"type": "basic", "username": "a"}},
        {"url": "http://a/", "auth": {"type": "bearer", "token": "in the clear"}},
        {"url": "http://a/", "max_bytes": 0},
        {"url": "http://a/", "surprise": 1},
    ],
)
def test_a_config_that_cannot_work_is_a_problem_when_saved(config: dict[str, object]) -> None:
    with pytest.raises(AssertionError, match="Problem"):
        play("http", config)
