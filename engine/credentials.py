"""How a request says who sends it, as the config of steps and tools: names of secrets, never their values."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from engine.advice import advice
from engine.node import Mark, NodeConfig, Text

Pairs = Annotated[dict[str, Any], Mark("values")]


class Secret(NodeConfig):
    """The name of a secret; its value stays in the environment."""

    name: str = Field(
        alias="$secret", title="Secret", description="NAME of NEXOD_SECRET_NAME.", pattern=r"^[A-Z][A-Z0-9_]*$"
    )


class Auth(NodeConfig):
    type: Literal["bearer", "basic"] = Field("bearer", title="Kind", json_schema_extra={"widget": "select"})
    username: Text | None = Field(None, title="User name", json_schema_extra={"widget": "text"})
    token: Secret | None = Field(None, title="Token", json_schema_extra={"widget": "secret"})
    password: Secret | None = Field(None, title="Password", json_schema_extra={"widget": "secret"})

    @model_validator(mode="after")
    def whole(self) -> Auth:
        if self.type == "bearer" and self.token is None:
            raise advice("missing_field", "token is missing.", 'Name a secret: {"$secret": "NAME"}.')
        if self.type == "basic" and (self.username is None or self.password is None):
            raise advice("missing_field", "Basic authentication needs username and password.", "Fill in both.")
        return self
