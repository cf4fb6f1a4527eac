"""Signing in and out, and keys, over REST."""

from __future__ import annotations

import sqlite3

import httpx
import pytest

from engine.services import identity
from nexod_app.site import Site
from tests.nexod_app.api.conftest import client


def token_of(site: Site) -> str:
    return identity.login_link(site.db, "https://x").split("=", 1)[1]


async def test_a_link_signs_in_once_and_the_cookie_is_not_for_scripts(site: Site, anybody: httpx.AsyncClient):
    token = token_of(site)
    answer = await anybody.post("/session", json={"token": token})
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie and "Secure" not in cookie
    assert set((await anybody.get("/session")).json()["scopes"]) == set(identity.SCOPES)
    assert (await anybody.post("/session", json={"token": token})).status_code == 401
    assert (await anybody.post("/workflows", json={})).status_code == 422, "a program without Origin may use a cookie"


async def test_under_https_the_cookie_is_tied_to_the_host(site: Site):
    site.settings = type(site.settings)(**{**_fields(site), "url": "https://nexod.example"})
    async with client(site) as http:
        cookie = (await http.post("/session", json={"token": token_of(site)})).headers["set-cookie"]
    assert cookie.startswith("__Host-nexod_session=") and "Secure" in cookie and "Domain" not in cookie


def _fields(site: Site) -> dict:
    return {name: getattr(site.settings, name) for name in site.settings.__slots__}


@pytest.mark.parametrize("token", [None, "", [], {}, 0, True, ["x"], "x" * 30, "x" * 5000, {"$ne": 1}])
async def test_nothing_but_a_live_token_signs_in(site: Site, anybody: httpx.AsyncClient, token: object):
    token_of(site)
    answer = await anybody.post("/session", json={"token": token})
    assert answer.status_code == 401 and "set-cookie" not in answer.headers
    assert (await anybody.post("/session", json={})).status_code == 401


async def test_an_old_link_and_an_idle_or_old_session_are_worth_nothing(site: Site, anybody: httpx.AsyncClient):
    token = token_of(site)
    _rewind(site, "sign_in_token", "expires_at", 15 * 60)
    assert (await anybody.post("/session", json={"token": token})).status_code == 401
    for column, seconds in (("last_seen_at", 12 * 3600 + 1), ("expires_at", 7 * 24 * 3600)):
        await anybody.post("/session", json={"token": token_of(site)})
        assert (await anybody.get("/session")).status_code == 200
        _rewind(site, "session", column, seconds)
        assert (await anybody.get("/session")).status_code == 401


def _rewind(site: Site, table: str, column: str, seconds: int) -> None:
    with site.db.begin() as conn:
        conn.exec_driver_sql(f"update {table} set {column} = {column} - {seconds * 1000}")


async def test_signing_out_ends_the_session_on_the_server(site: Site, anybody: httpx.AsyncClient):
    await anybody.post("/session", json={"token": token_of(site)})
    stolen = anybody.cookies["nexod_session"]
    assert (await anybody.delete("/session")).status_code == 204
    async with client(site) as thief:
        assert (await thief.get("/session", headers={"Cookie": f"nexod_session={stolen}"})).status_code == 401


async def test_a_get_never_signs_in(site: Site, anybody: httpx.AsyncClient):
    token = token_of(site)
    await anybody.get("/session", params={"token": token})
    assert (await anybody.get("/workflows")).status_code == 401
    assert (await anybody.post("/session", json={"token": token})).status_code == 200


async def test_vain_attempts_are_counted_good_ones_are_not(site: Site, anybody: httpx.AsyncClient):
    for _ in range(15):
        assert (await anybody.post("/session", json={"token": token_of(site)})).status_code == 200
    codes = [(await anybody.post("/session", json={"token": "x" * 30})).status_code for _ in range(12)]
    assert codes == [401] * 10 + [429] * 2
    limited = await anybody.post("/session", json={"token": token_of(site)})
    assert limited.json()["error"]["code"] == "rate_limited" and limited.headers["retry-after"]


async def test_a_foreign_page_cannot_sign_somebody_in(site: Site, anybody: httpx.AsyncClient):
    answer = await anybody.post("/session", json={"token": token_of(site)}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403 and "set-cookie" not in answer.headers
    own = await anybody.post("/session", json={"token": token_of(site)}, headers={"Origin": "http://127.0.0.1:8000"})
    assert own.status_code == 200


async def test_a_key_is_shown_once_and_stored_hashed(site: Site, api: httpx.AsyncClient):
    made = (await api.post("/keys", json={"name": "ci", "scopes": ["run", "read"]})).json()
    assert made["scopes"] == ["read", "run"] and identity.well_formed(made["key"])
    listed = (await api.get("/keys")).json()["items"]
    assert [key["name"] for key in listed] == ["ci", "test"] and all(
        "key" not in key and "hash" not in key for key in listed
    )
    raw = b"".join(file.read_bytes() for file in site.settings.data.glob("nexod.db*"))
    assert made["key"].encode() not in raw
    async with client(site, made["key"]) as http:
        assert (await http.get("/runs")).status_code == 200
        assert (await http.post("/workflows", json={})).status_code == 403
        assert (await api.get("/keys")).json()["items"][0]["last_used_at"]
        assert (await api.delete(f"/keys/{made['id']}")).status_code == 204
        assert (await http.get("/runs")).status_code == 401
    assert (await api.delete(f"/keys/{made['id']}")).status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": 1}, {"name": "x" * 200}, {"name": "a", "scopes": []},
             {"name": "a", "scopes": ["root"]}, {"name": "a", "scopes": "read"}, {"name": "a", "scopes": [[]]}]
)  # fmt: skip
async def test_a_bad_key_is_refused(api: httpx.AsyncClient, body: dict):
    answer = await api.post("/keys", json=body)
    assert answer.status_code == 422 and answer.json()["error"]["details"]


def test_a_mistyped_key_is_known_without_asking():
    secret = identity.new_secret()
    assert identity.well_formed(secret) and secret.startswith("nxd_") and len(secret) == 40
    assert not any(
        identity.well_formed(bad) for bad in (secret[:-1], secret + "x", secret[:10] + "!" + secret[11:], "", "nxd_")
    )


async def test_tokens_and_sessions_are_stored_hashed(site: Site, anybody: httpx.AsyncClient):
    token = token_of(site)
    cookie = (await anybody.post("/session", json={"token": token})).cookies["nexod_session"]
    with sqlite3.connect(site.settings.data / "nexod.db") as conn:
        dump = "\n".join(conn.iterdump())
    assert token not in dump and cookie not in dump
