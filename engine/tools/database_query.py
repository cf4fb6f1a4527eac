"""database_query: questions to a database that the operator named, and nothing but questions.

NEXOD_DB_<NAME> holds the address of a connection; a workflow only ever knows its name.
"""

from __future__ import annotations

import asyncio
import os
from typing import Annotated, Any

from pydantic import Field

from engine.errors import NodeError
from engine.node import NodeConfig
from engine.tools import ToolContext, tool

PREFIX = "NEXOD_DB_"


class Config(NodeConfig):
    connection: str = Field(
        title="Connection",
        description="NAME of NEXOD_DB_NAME.",
        pattern=r"^[A-Z][A-Z0-9_]*$",
        max_length=100,
        json_schema_extra={"widget": "text"},
    )
    max_rows: int = Field(100, title="Rows at most", ge=1, le=5000, json_schema_extra={"widget": "number"})
    timeout_s: float = Field(
        20, title="Time at most", ge=0.1, le=50, json_schema_extra={"widget": "number", "unit": "s"}
    )


@tool(title="Database query", icon="retrieve", config=Config)
async def database_query(
    sql: Annotated[str, Field(min_length=1, max_length=20_000)],
    config: Config,
    ctx: ToolContext,
    parameters: dict[str, str | int | float | bool | None] | None = None,
) -> dict[str, Any]:
    """Asks a database with one SELECT and answers its rows. Nothing can be changed.

    sql: one SELECT (or WITH … SELECT); values stand in it as `:name`.
    parameters: the values of those names. Never write values into the text itself.

    To see what is there, ask `information_schema.columns` in PostgreSQL, `sqlite_master` in SQLite.
    """
    from engine.store import external  # sqlalchemy takes a third of a second, and only workers ask

    url = os.environ.get(PREFIX + config.connection, "").strip()
    if not url:
        hint = f"The operator sets {PREFIX}{config.connection}."
        raise NodeError(f"There is no connection {config.connection!r}.", code="unknown_connection", hint=hint)
    return await asyncio.to_thread(external.query, url, sql, parameters or {}, config.max_rows, config.timeout_s)
