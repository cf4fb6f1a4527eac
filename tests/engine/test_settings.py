from __future__ import annotations

import stat
from pathlib import Path

import pytest

from engine.settings import BadSetting, Settings


def read(tmp_path: Path, **env: str) -> Settings:
    return Settings.read({"NEXOD_DATA": str(tmp_path / "data"), **env})


def test_an_empty_environment_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    settings = Settings.read({})
    assert settings.data == tmp_path / ".nexod"
    assert (settings.host, settings.port, settings.url) == ("127.0.0.1", 8000, "http://127.0.0.1:8000")
    assert settings.database_url == f"sqlite:///{tmp_path / '.nexod' / 'nexod.db'}"
    assert (settings.workers, settings.lease_s, settings.redis_url) == (1, 15, "")


def test_the_data_directory_is_private(tmp_path: Path):
    (tmp_path / "data").mkdir(mode=0o755)
    assert stat.S_IMODE(read(tmp_path).data.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "http"), ("PORT", "0"), ("PORT", "70000"), ("PORT", "²"), ("NEXOD_WORKERS", "-1"),
        ("NEXOD_WORKERS", "1000"), ("NEXOD_LEASE_S", "0"), ("NEXOD_LEASE_S", "nan"), ("NEXOD_LEASE_S", "soon"),
        ("DATABASE_URL", "mysql://x"), ("DATABASE_URL", "nexod.db"), ("REDIS_URL", "localhost"),
        ("NEXOD_URL", "example.org"), ("NEXOD_URL", "https://example.org/path"), ("OPENAI_BASE_URL", "ftp://x"),
        ("PINECONE_HOST", "pinecone.io"), ("PINECONE_INDEX", "My_index"), ("PINECONE_INDEX", "x" * 33),
        ("PINECONE_REGION", "us-east-1"), ("PINECONE_REGION", "ibm/us-east-1"),
    ],
)  # fmt: skip
def test_a_bad_value_names_its_variable(tmp_path: Path, variable: str, value: str):
    with pytest.raises(BadSetting) as raised:
        read(tmp_path, **{variable: value})
    assert raised.value.variable == variable
    assert raised.value.message.startswith(f"{variable}: ")


def test_a_password_is_not_repeated(tmp_path: Path):
    with pytest.raises(BadSetting) as raised:
        read(tmp_path, DATABASE_URL="mysql://u:hunter2@h/d")
    assert "hunter2" not in raised.value.message


def test_a_data_directory_that_cannot_be_is_refused(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(BadSetting, match="NEXOD_DATA"):
        Settings.read({"NEXOD_DATA": str(tmp_path / "file" / "x")})


def test_keys_are_not_shown(tmp_path: Path):
    assert "sk-1" not in repr(read(tmp_path, OPENAI_API_KEY="sk-1", ANTHROPIC_API_KEY="sk-1"))


def test_values_are_read(tmp_path: Path):
    settings = read(
        tmp_path, PORT="9000", HOST="0.0.0.0", NEXOD_URL="https://nexod.example.org/", DATABASE_URL="postgres://h/d",
        NEXOD_EGRESS_ALLOW="10.0.0.0/8, localhost:9", NEXOD_LEASE_S="2.5", NEXOD_WORKERS="3",
    )  # fmt: skip
    assert settings.url == "https://nexod.example.org"
    assert settings.database_url == "postgresql+psycopg://h/d"
    assert settings.egress_allow == ("10.0.0.0/8", "localhost:9")
    assert (settings.port, settings.lease_s, settings.workers) == (9000, 2.5, 3)


def test_a_link_to_a_listener_on_all_addresses_names_this_machine(tmp_path: Path):
    assert read(tmp_path, HOST="0.0.0.0", PORT="9").url == "http://127.0.0.1:9"
    assert read(tmp_path, HOST="::1", PORT="9").url == "http://[::1]:9"
