"""Whose work a job is, so that offices can take turns, and how much of what it may ask for each office and token has left."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("office", sa.String(), nullable=False, server_default=""))
    if op.get_bind().dialect.name == "sqlite":  # on PostgreSQL it is made while others write: online_indexes.py
        op.create_index(
            "ix_jobs_office",
            "jobs",
            ["office", "turn", "job_id", "run_after", "kind"],
            sqlite_where=sa.text("state = 'ready'"),
        )
    op.create_table(
        "allowances",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("remaining", sa.Float(precision=53), nullable=False),
        sa.Column("told_s", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_allowances"),
    )
