"""Which form a catalogue's tables have, by their newest migration, and which versions of Sohoa may use it (docs/decisions/0032).

A migration that only adds (tables, columns with a default, indexes) leaves older versions at work: they name their columns. One
that takes away says so, with the migration that a version must know at least: `serves_from`.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select, text

from sohoa.errors import SetupError
from storage.catalog.tables import HEAD, counters

_LEAST = "least_form"


def form_of(conn: Connection) -> str | None:
    """The newest migration that a catalogue has had; None where it has had none."""
    if not conn.dialect.has_table(conn, "alembic_version"):
        return None
    return conn.execute(text("SELECT version_num FROM alembic_version")).scalar()


def is_served(conn: Connection) -> bool:
    """Whether this version can use the tables as they are: its own, or newer ones to which was only added.

    False where migrations are missing. Raises SetupError (`catalog_newer`) where this version is too old for them.
    """
    found = form_of(conn)
    if found is None or not found.isdecimal() or int(found) <= int(HEAD):
        return found == HEAD
    least = conn.execute(select(counters.c.value).where(counters.c.name == _LEAST)).scalar() or 0
    if least > int(HEAD):
        raise _newer(found, f"it no longer serves versions before migration {least:04}")
    return True


def check_own(conn: Connection) -> None:
    """Raises SetupError (`catalog_newer`) where the tables are newer than this version knows, and so may hold what it would
    lose."""
    found = form_of(conn)
    if found != HEAD:
        raise _newer(str(found), "what is written anew here would lack what that one added")


def serves_from(conn: Connection, migration: str) -> None:
    """For a migration that takes away: versions that do not know `migration` can no longer use the catalogue."""
    conn.execute(delete(counters).where(counters.c.name == _LEAST))
    conn.execute(insert(counters).values(name=_LEAST, value=int(migration)))


def _newer(found: str, why: str) -> SetupError:
    detail = (
        f"a newer Sohoa has brought the catalogue to migration {found}, this one knows {HEAD}: {why}; use the newer one"
    )
    return SetupError(detail, code="catalog_newer")
