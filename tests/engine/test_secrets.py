"""Secrets: found by name, bound to hosts, and never left in anything that is written down."""

import base64
import json
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import secrets
from engine.errors import NodeError

VALUE = 's3cr&t/Va+lue="x"%\\ ü'


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("NEXOD_SECRET_TOKEN", VALUE)
    return VALUE


def test_a_secret_is_found_by_its_name(secret: str) -> None:
    assert secrets.resolve({"$secret": "TOKEN"}) == secret


@pytest.mark.parametrize("name", ["NONE", "", "token", "TOKEN_HOSTS", "A B", "../PATH", "TOKEN\n"])
def test_a_name_without_a_value_is_a_missing_secret(name: str, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXOD_SECRET_TOKEN_HOSTS", "example.com")
    with pytest.raises(NodeError) as caught:
        secrets.resolve({"$secret": name})
    assert caught.value.code == "missing_secret"


@pytest.mark.parametrize(
    ("hosts", "host", "port", "may"),
    [
        ("api.example.com", "api.example.com", 443, True),
        ("api.example.com", "API.example.com.", 443, True),
        ("api.example.com:8443", "api.example.com", 8443, True),
        ("api.example.com:8443", "api.example.com", 443, False),
        ("a.example, b.example", "b.example", 80, True),
        ("example.com", "api.example.com", 443, False),
        ("api.example.com", "api.example.com.evil.test", 443, False),
        ("[::1]:80", "::1", 80, True),
        ("", "api.example.com", 443, False),
        ("*", "api.example.com", 443, False),
    ],
)
def test_a_secret_goes_to_its_declared_hosts_only(
    hosts: str, host: str, port: int, may: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXOD_SECRET_TOKEN_HOSTS", hosts)
    if may:
        secrets.check_host({"$secret": "TOKEN"}, host, port)
        return
    with pytest.raises(NodeError) as caught:
        secrets.check_host({"$secret": "TOKEN"}, host, port)
    assert caught.value.code == "secret_refused"


@pytest.mark.parametrize(
    "form",
    [
        VALUE,
        f"Bearer {VALUE}.",
        json.dumps({"a": VALUE}),
        json.dumps(json.dumps({"a": VALUE})),
        json.dumps({"a": VALUE}, ensure_ascii=False),
        urllib.parse.quote(VALUE),
        urllib.parse.quote(VALUE, safe=""),
        urllib.parse.quote_plus(VALUE),
        urllib.parse.urlencode({"q": VALUE}),
        VALUE.encode().hex(),
        VALUE[::-1],
    ],
)
def test_every_spelling_is_redacted(secret: str, form: str) -> None:
    clean = secrets.redact({"deep": [{"x": form}, 1, None]})
    assert secrets.MASK in clean["deep"][0]["x"]
    assert secret not in clean["deep"][0]["x"]
    assert clean["deep"][1:] == [1, None]


@given(before=st.binary(max_size=12), after=st.binary(max_size=12), urlsafe=st.booleans())
def test_base64_is_redacted_at_every_alignment(before: bytes, after: bytes, urlsafe: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEXOD_SECRET_TOKEN", "correct-horse-battery")
        encode = base64.urlsafe_b64encode if urlsafe else base64.b64encode
        text = encode(before + b"correct-horse-battery" + after).decode()
        assert secrets.MASK in secrets.redact({"auth": f"Basic {text}"})["auth"]


def test_names_of_fields_and_numbers_are_redacted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXOD_SECRET_PIN", "48151623")
    assert secrets.redact({"48151623": 48151623, "n": 4}) == {secrets.MASK: secrets.MASK, "n": 4}


def test_api_keys_are_known_and_short_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-abcdefgh")
    monkeypatch.setenv("OTHER_API_KEY", "none")
    monkeypatch.setenv("NEXOD_SECRET_X_HOSTS", "example.com")
    assert secrets.known_values() == {"sk-abcdefgh"}
    assert secrets.redact("my key is sk-abcdefgh") == f"my key is {secrets.MASK}"
    assert secrets.redact("none at example.com") == "none at example.com"


def test_without_a_hit_the_very_value_comes_back(secret: str) -> None:
    value = {"a": [1, 2.5, True, None, "text"]}
    assert secrets.redact(value) is value


def test_without_secrets_nothing_is_read() -> None:
    class Unreadable(dict):
        def __iter__(self) -> None:
            raise AssertionError

    value = Unreadable()
    assert secrets.redact(value) is value


def test_filling_in_leaves_the_rest_alone() -> None:
    value = {"a": {"$secret": "X"}, "b": [{"$secret": "Y"}, {"$secret": "Z", "more": 1}], "c": {"$secret": 5}}
    filled = secrets.fill(value, lambda reference: f"<{reference['$secret']}>")
    assert filled == {"a": "<X>", "b": ["<Y>", {"$secret": "Z", "more": 1}], "c": {"$secret": 5}}
