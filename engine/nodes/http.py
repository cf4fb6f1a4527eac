"""http: one request to the outside."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from engine.credentials import Auth, Pairs
from engine.node import Effect, Group, Inputs, NodeConfig, RunContext, Step, Text, Values, node

SAFE = ("GET", "HEAD")


@node
class Http(Step):
    """Sends one request over HTTP and goes on with the answer: `{ status, headers, body }`, JSON parsed.

    - **Address** is public http or https; private and local addresses are refused (`egress_refused`) unless the
      operator allowed them with `NEXOD_EGRESS_ALLOW`.
    - **Query**, **Headers** and **Body** may hold `{{ expressions }}`. A body of text is sent as it is, anything
      else as JSON.
    - **Authentication** names a secret, which is only ever sent to the hosts that the operator declared for it.
    - **Fail on error status** makes 400 and above fail the step with `http_status`; without it the answer goes on
      like any other and a condition can ask for `{{ <id>.status }}`.

    **What is safe to repeat.** GET and HEAD change nothing. Every other method sends an `Idempotency-Key` that stays
    the same in each retry, so a server that knows such keys acts once. If yours does not, set **Repeating** to
    *unsafe*: then a request that may have gone out is never repeated, and a person is asked instead.

    Redirects are followed for GET and HEAD, up to five; keys and headers do not travel to another host.
    """

    kind, title, group, icon = "http", "HTTP request", Group.INTEGRATION, "globe"
    summary = "{method} · {url}"
    secret_fields = frozenset({"query", "headers", "body"})

    class Config(NodeConfig):
        url: Text = Field(
            title="Address",
            description="https://… May hold {{ expressions }}.",
            min_length=1,
            json_schema_extra={"widget": "text"},
        )
        method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] = Field(
            "GET", title="Method", json_schema_extra={"widget": "select"}
        )
        query: Pairs = Field(
            default_factory=dict,
            title="Query",
            description="Added to the address; a list repeats its name.",
            json_schema_extra={"widget": "pairs"},
        )
        headers: Pairs = Field(
            default_factory=dict,
            title="Headers",
            description='Sent along. A secret is written as {"$secret": "NAME"}.',
            json_schema_extra={"widget": "pairs"},
        )
        body: Values = Field(
            None,
            title="Body",
            description="Text as it is, or JSON whose strings hold {{ expressions }}.",
            json_schema_extra={"widget": "json"},
        )
        auth: Auth | None = Field(None, title="Authentication", json_schema_extra={"widget": "auth"})
        fail_on_status: bool = Field(
            True,
            title="Fail on error status",
            description="400 and above fails the step.",
            json_schema_extra={"widget": "switch"},
        )
        max_bytes: int = Field(
            1_000_000,
            title="Largest answer",
            description="Decompressed; a larger one fails the step.",
            ge=1,
            le=4_000_000,
            json_schema_extra={"widget": "number", "unit": "bytes"},
        )
        effect: Literal["auto", "keyed", "unsafe"] = Field(
            "auto",
            title="Repeating",
            description="unsafe: the server does not know idempotency keys, so never send twice without a person.",
            json_schema_extra={"widget": "select"},
        )

    sample: ClassVar[dict[str, Any]] = {"url": "https://example.com/", "method": "GET"}

    def effect(self, config: Config) -> Effect:
        if config.effect != "auto":
            return Effect(config.effect)
        return Effect.PURE if config.method in SAFE else Effect.KEYED

    async def run(self, config: Config, inputs: Inputs, ctx: RunContext) -> dict[str, Any]:
        # Not above: httpx takes a fifth of a second, and only workers send.
        from engine import requests

        effect = self.effect(config)
        outgoing = requests.prepare(config.method, inputs, ctx, keyed=effect is not Effect.PURE)
        if effect is Effect.UNSAFE:
            await ctx.intend({"method": config.method, "url": outgoing.shown})
        sent = await requests.send(outgoing, config.max_bytes)
        if config.fail_on_status and sent.status >= 400:
            raise requests.failure(sent, again=effect is not Effect.UNSAFE)
        return sent.to_json()
