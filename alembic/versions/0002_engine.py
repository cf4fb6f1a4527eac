"""Which engine a queued run needs, so that a worker loads it before it claims and not under the lease."""

import sqlalchemy as sa

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("engine", sa.String(), nullable=False, server_default="langgraph")
    op.add_column("run_queue", column)


def downgrade() -> None:
    op.drop_column("run_queue", "engine")
