"""What a PostgreSQL server's errors mean to whoever runs Sohoa: one line each, and never a password.

By SQLSTATE (PostgreSQL's documentation, appendix A). An error before there is a session has none, only libpq's text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from sohoa.errors import SetupError, SohoaError, StoreUnavailable


@contextmanager
def named(url: URL) -> Iterator[None]:
    """Raise what :func:`explained` says in place of the driver's errors."""
    try:
        yield
    except DBAPIError as error:
        meaning = explained(error, url)
        if meaning is None:
            raise
        raise meaning from error


def explained(error: DBAPIError, url: URL) -> SohoaError | None:
    """The meaning of a driver's error; None for one that is a defect of the caller (a constraint, a wrong statement)."""
    where = _where(url)
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        is_connection = isinstance(error, OperationalError | InterfaceError)
        return _without_state(str(error.orig), url, where) if is_connection else None
    match state:
        case "57014":
            return StoreUnavailable(f"a statement took too long on {where}; try again", code="catalog_timeout")
        case "55P03":
            return StoreUnavailable(f"another process kept the catalogue locked for too long on {where}; try again")
        case "40001" | "40P01":
            return StoreUnavailable(f"two changes of the catalogue on {where} were in each other's way; try again")
        case "53100":
            return StoreUnavailable(f"the disk of {where} is full; free some space and try again", code="catalog_full")
        case "53300":
            return _too_many(where)
        case "42501":
            detail = f"user {url.username} may not do this on {where}: GRANT ALL ON DATABASE, and CREATE on its schema"
            return SetupError(detail, code="store_denied")
        case "42P01" | "42703":
            return SetupError(f"{where} lacks tables of the catalogue: start `sohoa serve` or `sohoa status` once")
        case "28P01" | "28000":
            return _denied(url, where)
        case "3D000":
            return _no_database(url, where)
        case "XX001" | "XX002":
            return SetupError(
                f"the catalogue on {where} is damaged: restore it, then `sohoa rebuild --from-storage`",
                code="catalog_damaged",
            )
    if state == "0A000" and "recovery" in str(error.orig):
        return StoreUnavailable(f"{where} is a standby that takes no writes: name the primary", code="catalog_away")
    if state[:2] in ("08", "53", "57", "58") or state == "25P03":
        return StoreUnavailable(f"the connection to {where} was lost or the server is in trouble ({state}); try again")
    return None


def _without_state(said: str, url: URL, where: str) -> SohoaError:
    """libpq's text is the server's, in the language that the server speaks; what is not understood is a server away."""
    if re.search(
        r"password authentication failed|no password supplied|role .* does not exist|no pg_hba\.conf entry", said
    ):
        return _denied(url, where)
    if re.search(r"database .* does not exist", said):
        return _no_database(url, where)
    if re.search(r"too many clients|too many connections|connection slots are reserved|no more connections", said):
        return _too_many(where)
    if re.search(r"invalid (connection option|sslmode|integer|port)|could not (read|open) .*(certificate|key)", said):
        return SetupError(f"SOHOA_CATALOG_URL cannot be used on {where}: an option after the ? is wrong")
    if re.search(r"certificate verify failed|server certificate for .* does not match|root certificate file", said):
        return StoreUnavailable(
            f"{where} shows a certificate that is another host's, or that no authority in sslrootcert has signed",
            code="catalog_away",
        )
    return StoreUnavailable(
        f"{where} does not answer: see that it runs and that host and port are right", code="catalog_away"
    )


def _where(url: URL) -> str:
    host = url.host or url.query.get("host") or "this machine"
    return f"PostgreSQL at {host}{'' if url.port is None else f':{url.port}'} (database {url.database})"


def _denied(url: URL, where: str) -> SetupError:
    return SetupError(f"{where} refuses user {url.username}: correct name or password", code="store_denied")


def _no_database(url: URL, where: str) -> SetupError:
    return SetupError(f"{where} is not there: createdb -E UTF8 -T template0 {url.database}", code="catalog_missing")


def _too_many(where: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"{where} has no connection left: raise max_connections, or put PgBouncer between", code="catalog_busy"
    )
