"""The tables of the catalogue; migrations/versions builds the same ones, and a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    and_,
    literal_column,
)
from sqlalchemy.types import TypeDecorator

from sohoa.states import CopyOf, DocumentStatus, JobKind, JobState, PageStatus, Review

HEAD = "0010"
"""The newest migration: what `alembic_version` says of a catalogue that this version made."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """An aware moment, kept as whole microseconds since 1970-01-01 UTC: sorts and compares alike everywhere."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + value * _MICROSECOND


class Choice(TypeDecorator[StrEnum]):
    """A member of one StrEnum, kept as its value."""

    impl = String
    cache_ok = True

    def __init__(self, choices: type[StrEnum]) -> None:
        super().__init__(16)
        self.choices = choices

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else self.choices(value).value

    def process_result_value(self, value: Any, dialect: Dialect) -> StrEnum | None:
        return None if value is None else self.choices(value)


def constant(choice: StrEnum) -> ColumnElement[Any]:
    """A value written into the statement itself: a partial index serves only queries that state its condition."""
    return literal_column(f"'{choice.value}'", Choice(type(choice)))


def _serial() -> BigInteger:
    """The type of a key that counts up: SQLite only counts an INTEGER PRIMARY KEY."""
    return BigInteger().with_variant(Integer, "sqlite")


def _document_key() -> Column[str]:
    return Column("document_id", String(26), ForeignKey("documents.document_id", ondelete="CASCADE"), nullable=False)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

documents = Table(
    "documents",
    metadata,
    Column("document_id", String(26), primary_key=True),
    Column("office", String, nullable=False),
    Column("dossier", String),
    Column("source_name", String, nullable=False),
    Column("source", JSON, nullable=False),
    Column("original_sha256", String(64), nullable=False),
    Column("original_size_bytes", BigInteger, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("media_type", String(64), nullable=False),
    Column("status", Choice(DocumentStatus), nullable=False),
    Column("code", String(64)),
    Column("stage", String(16)),
    Column("detail", String),
    Column("review", Choice(Review), nullable=False),
    Column("pages_total", Integer),
    Column("pages_pending", Integer, nullable=False),
    Column("pages_failed", JSON, nullable=False),
    Column("warnings", JSON, nullable=False),
    Column("external_id", String),
    Column("declared", JSON, nullable=False),
    Column("fields", JSON, nullable=False, server_default="{}"),
    Column("actor", String, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("archived_at", Moment),
    Column("searchable_at", Moment),
    Column("object_id", String),
    Column("version", Integer),
    Column("sequence", BigInteger),
    Column("pdf_sha256", String(64)),
    Column("pdf_size_bytes", BigInteger),
    Column("conformance", String(32)),
    Column("changed_seq", BigInteger, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("appended", JSON(none_as_null=True)),
    Column("revision", JSON(none_as_null=True)),
    Column("revises", String(26)),
    Column("checks", JSON(none_as_null=True)),
    Column("wanted", JSON(none_as_null=True)),
    Column("split_into", JSON(none_as_null=True)),
    Index("uq_documents_changed_seq", "changed_seq", unique=True),
    Index("ix_documents_office", "office", "changed_seq"),
    Index("ix_documents_office_status", "office", "status", "changed_seq"),
    Index("ix_documents_office_dossier", "office", "dossier", "changed_seq"),
    Index("ix_documents_office_external_id", "office", "external_id", "changed_seq"),
    Index("ix_documents_changed_at", "changed_at", "changed_seq"),
)


def _unique_bytes(name: str, *columns: str, condition: Any) -> Index:
    """The same bytes in the same place are one document, unless it was withdrawn (design.md, "Words")."""
    where = and_(documents.c.status != constant(DocumentStatus.WITHDRAWN), condition)
    return Index(
        name, *(documents.c[column] for column in columns), unique=True, sqlite_where=where, postgresql_where=where
    )


_unique_bytes(
    "uq_documents_bytes_in_dossier", "office", "dossier", "original_sha256", condition=documents.c.dossier.is_not(None)
)
_unique_bytes("uq_documents_bytes_in_office", "office", "original_sha256", condition=documents.c.dossier.is_(None))

Index(
    "uq_documents_revises",
    documents.c.revises,
    unique=True,
    sqlite_where=documents.c.revises.is_not(None),
    postgresql_where=documents.c.revises.is_not(None),
)

_waits_for_review = documents.c.review.in_([constant(Review.NEEDED), constant(Review.CLAIMED)])
Index(
    "ix_documents_review",
    documents.c.received_at,
    documents.c.document_id,
    sqlite_where=_waits_for_review,
    postgresql_where=_waits_for_review,
)

claims = Table(
    "claims",
    metadata,
    Column("document_id", String(26), ForeignKey("documents.document_id", ondelete="CASCADE"), primary_key=True),
    Column("actor", String, nullable=False),
    Column("claimed_at", Moment, nullable=False),
    Column("claimed_until", Moment, nullable=False),
    Index("ix_claims_claimed_until", "claimed_until"),
)
"""Who has a paper before them just now (storage/catalog/reviews.py); never archived."""

pages = Table(
    "pages",
    metadata,
    Column("document_id", String(26), ForeignKey("documents.document_id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("status", Choice(PageStatus), nullable=False),
    Column("code", String(64)),
    Column("lane", String(16), nullable=False),
    Column("recognise_ms", Integer, nullable=False),
    Column("quality", JSON(none_as_null=True)),
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", _serial(), primary_key=True),
    Column("kind", Choice(JobKind), nullable=False),
    _document_key(),
    Column("page", Integer, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("state", Choice(JobState), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("run_after", Moment, nullable=False),
    Column("owner", String),
    Column("leased_until", Moment),
    Column("last_code", String(64)),
    Column("office", String, nullable=False, server_default=""),
    Index("uq_jobs_work", "document_id", "kind", "page", unique=True),
    sqlite_autoincrement=True,
)


def _jobs_in_state(state: JobState, name: str, *columns: Any, online: bool = False) -> Index:
    """`online`: PostgreSQL's is made while others write, after the migrations (online_indexes.py)."""
    where = jobs.c.state == constant(state)
    return Index(name, *columns, sqlite_where=where, postgresql_where=where, info={"online": online})


_jobs_in_state(JobState.READY, "ix_jobs_ready", jobs.c.turn, jobs.c.job_id, jobs.c.run_after, jobs.c.kind, jobs.c.state)
_jobs_in_state(
    JobState.READY,
    "ix_jobs_office",
    jobs.c.office,
    jobs.c.turn,
    jobs.c.job_id,
    jobs.c.run_after,
    jobs.c.kind,
    online=True,
)
_jobs_in_state(JobState.READY, "ix_jobs_run_after", jobs.c.run_after)
_jobs_in_state(JobState.LEASED, "ix_jobs_leased", jobs.c.leased_until)

outbox = Table(
    "outbox",
    metadata,
    Column("outbox_id", _serial(), primary_key=True),
    _document_key(),
    Column("put_at", Moment, nullable=False),
    sqlite_autoincrement=True,
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("owner", String, nullable=False),
    Column("leased_until", Moment, nullable=False),
)

allowances = Table(
    "allowances",
    metadata,
    Column("subject", String, primary_key=True),
    Column("remaining", Float(precision=53), nullable=False),
    Column("told_s", Float(precision=53), nullable=False),
)
"""What offices and tokens may still ask for, as told last, in seconds since 1970 (storage/catalog/allowances.py); never
archived."""

tokens = Table(
    "tokens",
    metadata,
    Column("token_id", String(26), primary_key=True),
    Column("secret_sha256", String(64), nullable=False),
    Column("name", String, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("actor", String, nullable=False),
    Column("office", String),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("revoked_at", Moment),
    Index("uq_tokens_secret_sha256", "secret_sha256", unique=True),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("token_id", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("request_digest", String(64), nullable=False),
    Column("response", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("ix_idempotency_keys_created_at", "created_at"),
)

viewings = Table(
    "viewings",
    metadata,
    Column("viewing_id", String(26), primary_key=True),
    Column("viewed_at", Moment, nullable=False),
    Column("actor", String, nullable=False),
    Column("through", String(8), nullable=False),
    Column("what", String(32), nullable=False),
    Column("page", Integer),
    Column("documents", JSON, nullable=False),
    Column("outcome", String(16), nullable=False),
)
"""Those that the audit in the archive does not have yet. No foreign key: they outlive a catalogue that is made anew."""

audit_head = Table(
    "audit_head",
    metadata,
    Column("chain", String(16), primary_key=True),
    Column("key", String, nullable=False),
    Column("sha256", String(64), nullable=False),
)
"""One row: key and digest of the audit's entry that was written last, so that one cut off its end is missed."""

counters = Table(
    "counters",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""`documents` is the last changed_seq given out; `least_form`, where there is one, is form.py's; `moves` is how often the store
was moved (storage/moving/marks.py). Rows that are updated, not sequences, so that numbers become visible in the order in which
they were given, and nobody who follows changes by number can miss one."""

work_done = Table(
    "work_done",
    metadata,
    Column("kind", Choice(JobKind), primary_key=True),
    Column("ending", String(16), primary_key=True),
    Column("code", String(64), primary_key=True),
    Column("upto_ms", Integer, primary_key=True, autoincrement=False),
    Column("jobs", BigInteger, nullable=False),
    Column("total_ms", BigInteger, nullable=False),
)
"""What workers have done, to be shown to who watches (storage/catalog/work_done.py); nothing else goes by it."""

moved = Table(
    "moved",
    metadata,
    Column("part", String(16), primary_key=True),
    Column("place", String, primary_key=True),
    Column("lies_at", String, nullable=False),
    Column("moved_at", Moment, nullable=False),
)
"""Where parts of the store lie no longer, or not yet, and where they lie instead: who names such a place is refused
(storage/moving/marks.py)."""

copies = Table(
    "copies",
    metadata,
    Column("of", Choice(CopyOf), primary_key=True),
    Column("place", String, primary_key=True),
    Column("made_at", Moment, nullable=False),
)
"""When the catalogue was last backed up, and the archive last copied to each place (storage/catalog/copies.py)."""
