"""What workers have done: jobs and their time, by kind, how they ended, and how long they took at most."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "work_done",
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("ending", sa.String(16), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("upto_ms", sa.Integer, nullable=False),
        sa.Column("jobs", sa.BigInteger, nullable=False),
        sa.Column("total_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("kind", "ending", "code", "upto_ms", name="pk_work_done"),
    )
