"""Revisions: an original that is to replace or continue a document's, worked on beside it until the archive has it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("documents", sa.Column("appended", sa.JSON(none_as_null=True)))
    op.add_column("documents", sa.Column("revision", sa.JSON(none_as_null=True)))
    op.add_column("documents", sa.Column("revises", sa.String(26)))
    op.create_index(
        "uq_documents_revises",
        "documents",
        ["revises"],
        unique=True,
        sqlite_where=sa.text("revises IS NOT NULL"),
        postgresql_where=sa.text("revises IS NOT NULL"),
    )
