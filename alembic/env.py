"""Runs migrations inside the caller's transaction, or on the configured database when called by hand."""

from __future__ import annotations

from sqlalchemy import Connection
from sqlmodel import SQLModel

import engine.store.models  # noqa: F401 - fills SQLModel.metadata
from alembic import context
from engine.store.migrate import compared


def run(connection: Connection) -> None:
    context.configure(
        connection=connection, target_metadata=SQLModel.metadata, compare_type=True, include_name=compared
    )
    with context.begin_transaction():
        context.run_migrations()


def by_hand() -> None:
    from engine.settings import Settings
    from engine.store.database import Database

    with Database.open(Settings.read().database_url).begin() as connection:
        run(connection)


given = context.config.attributes.get("connection")
if given is None:
    by_hand()
else:
    run(given)
