"""api_call: requests to the services that the step declares, and to no other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from engine import secrets
from engine.advice import advice
from engine.credentials import Auth, Pairs
from engine.errors import NodeError
from engine.node import Effect, NodeConfig
from engine.tools import ToolContext, tool

SAFE = ("GET", "HEAD")
PORTS = {"https": 443, "http": 80}
HOST = re.compile(r"(?P<scheme>https?://)?(?P<host>[\w.-]+|\[[\da-fA-F:]+\])(:(?P<port>\d{1,5}))?", re.A)
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


class Config(NodeConfig):
    hosts: list[str] = Field(
        title="Hosts",
        description="Where it may go: api.example.com, api.example.com:8443, http://intranet.example.com.",
        min_length=1,
        max_length=50,
    )
    methods: list[Method] = Field(
        default_factory=lambda: ["GET"],
        title="Methods",
        description="What it may do there.",
        min_length=1,
        json_schema_extra={"default": ["GET"]},
    )
    headers: Pairs = Field(
        default_factory=dict,
        title="Headers",
        description='Sent along, unseen by the model. A secret is written as {"$secret": "NAME"}.',
        json_schema_extra={"widget": "pairs"},
    )
    auth: Auth | None = Field(None, title="Authentication", json_schema_extra={"widget": "auth"})
    max_bytes: int = Field(100_000, title="Largest answer", ge=1, le=1_000_000)
    effect: Literal["auto", "keyed", "unsafe"] = Field(
        "auto",
        title="Repeating",
        description="unsafe: the server does not know idempotency keys, so never send twice without a person.",
        json_schema_extra={"widget": "select"},
    )

    @field_validator("hosts")
    @classmethod
    def plain(cls, hosts: list[str]) -> list[str]:
        for host in hosts:
            if not HOST.fullmatch(host):
                raise advice("bad_value", f"{host[:80]!r} is no host.", "Write it like api.example.com.")
        return hosts


def effect(config: Config, args: Mapping[str, Any] | None) -> Effect:
    """As the http step: GET and HEAD change nothing, anything else sends a key unless the server knows none."""
    methods = config.methods if args is None else [args.get("method", "GET")]
    if all(method in SAFE for method in methods):
        return Effect.PURE
    return Effect.UNSAFE if config.effect == "unsafe" else Effect.KEYED


@tool(title="API call", icon="http", effect=effect, config=Config, cap=2_000_000)
async def api_call(
    url: Annotated[str, Field(min_length=1, max_length=8000)],
    config: Config,
    ctx: ToolContext,
    method: Method = "GET",
    query: dict[str, Any] | None = None,
    body: Any = None,
) -> dict[str, Any]:
    """Sends one request to a service that was allowed, and answers its status and body, JSON parsed.

    url: the whole address, beginning with https://.
    method: what to do there; only methods that were allowed.
    query: names and values added to the address.
    body: JSON to send, or text as it is.
    """
    from engine import egress, requests

    if method not in config.methods:
        allowed = ", ".join(config.methods)
        raise NodeError(f"{method} is not allowed; {allowed} is.", code="bad_arguments", field="method")
    secrets.fill([query, body], _no_secret)
    inputs = {
        "url": url, "query": query or {}, "headers": config.headers, "body": body,
        "auth": config.auth.model_dump(by_alias=True) if config.auth else None,
    }  # fmt: skip
    wanted = {origin(host) for host in config.hosts}

    def may(address: Any) -> None:
        at = address.scheme, address.host.lower().rstrip("."), address.port or PORTS[address.scheme]
        if at not in wanted:
            shown = f"{at[0]}://{address.netloc.decode()}"
            hosts = ", ".join(config.hosts)
            raise NodeError(f"{shown} is not among the hosts: {hosts}.", code="host_not_allowed", field="url")

    may(egress.check(url))
    what = effect(config, {"method": method})
    outgoing = requests.prepare(method, inputs, ctx, keyed=what is not Effect.PURE)
    sent = await requests.send(outgoing, config.max_bytes, may)
    if sent.status >= 400:
        raise requests.failure(sent, again=what is not Effect.UNSAFE)
    return {"status": sent.status, "body": sent.body, **({"encoding": sent.encoding} if sent.encoding else {})}


def origin(host: str) -> tuple[str, str, int]:
    """Scheme, host and port of an entry; https unless it says http."""
    found = HOST.fullmatch(host)
    assert found, "checked by Config"
    scheme = (found["scheme"] or "https://")[:-3]
    return scheme, found["host"].strip("[]").lower().rstrip("."), int(found["port"] or PORTS[scheme])


def _no_secret(reference: Mapping[str, str]) -> str:
    raise NodeError("A secret is no argument; it belongs in the settings of the tool.", code="bad_arguments")
