"""Fields read from a document, by name (model.field_to_dict)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("documents") as documents:
        documents.add_column(sa.Column("fields", sa.JSON(), nullable=False, server_default="{}"))
