"""A PostgreSQL server of the test run's own: Debian's, unprivileged, in a folder of its own, on a Unix socket only."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from storage.catalog.database import Database

NAME = "postgres"
OWNER = "sohoa"
PASSWORD = "mật-khẩu ' 42"
"""Of the user `guarded`, whom the server asks for it."""
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "lc_messages": "C",
    "log_min_messages": "fatal",
}


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server. `folder` holds its data, its socket and its log."""

    folder: Path
    programs: Path

    @property
    def socket(self) -> Path:
        """The socket file that it listens on."""
        return self.folder / ".s.PGSQL.5432"

    def url(self, database: str, *, user: str = OWNER, password: str = "") -> str:
        """The catalogue's URL of a database."""
        secret = f":{password}" if password else ""
        return f"postgresql+psycopg://{user}{secret}@/{database}?host={self.folder}"

    def run(self, *statements: str, database: str = "postgres", user: str = OWNER) -> list[tuple[object, ...]]:
        """What the last of some statements gives, each in a transaction of its own."""
        with psycopg.connect(host=str(self.folder), dbname=database, user=user, autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(sql.SQL(statement))
            return cursor.fetchall() if cursor.description else []

    def create(self, *, template: str = "template0") -> str:
        """A new database, and its name."""
        name = f"t_{secrets.token_hex(6)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, database: str) -> None:
        """End every connection to a database, and drop it."""
        self.run(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def start(self, **settings: str) -> None:
        """Start the server, and wait until it answers."""
        told = " ".join(f"-c {name}={value or chr(39) * 2}" for name, value in {**_SETTINGS, **settings}.items())
        options = f"{told} -c unix_socket_directories={self.folder}"
        self._control("start", "-w", "-o", options, "-l", str(self.folder / "server.log"))

    def stop(self, *, how: str = "fast") -> None:
        """Stop the server: `fast` ends every connection first, `immediate` is a crash."""
        self._control("stop", "-w", "-m", how)

    def _control(self, *arguments: str) -> None:
        _as_user([str(self.programs / "pg_ctl"), *arguments, "-t", "180", "-D", str(self.folder / "data")], self.folder)


def wanted() -> Path:
    """The folder of the server's programs. Skips the test where it is not installed, and fails it where SOHOA_REQUIRE
    names it."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    message = absent()
    if NAME in os.environ.get("SOHOA_REQUIRE", "").split(","):
        pytest.fail(message)
    pytest.skip(message)


def absent() -> str:
    """Why a test is left out."""
    return f"{NAME} is not installed: apt-get install postgresql"


@contextmanager
def running(**settings: str) -> Iterator[Postgres]:
    """A server that ends with the block."""
    programs = wanted()
    folder = Path(tempfile.mkdtemp(prefix="sohoa-pg-", dir="/var/tmp"))
    try:
        user = unprivileged()
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        locale = ["--encoding=UTF8", "--locale=C.UTF-8", "--auth=trust", f"--username={OWNER}", "--no-sync"]
        _as_user([str(programs / "initdb"), *locale, "-D", str(folder / "data")], folder)
        rules = folder / "data/pg_hba.conf"
        rules.write_text("local all guarded scram-sha-256\n" + rules.read_text())
        server = Postgres(folder, programs)
        server.start(**settings)
        try:
            server.run(f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD.replace(chr(39), chr(39) * 2)}'")
            yield server
        finally:
            server.stop(how="immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def database(server: Postgres, *, template: str = "template0") -> Iterator[str]:
    """A new database, dropped afterwards."""
    name = server.create(template=template)
    try:
        yield name
    finally:
        server.drop(name)


def migrated(server: Postgres) -> str:
    """A database with the newest tables, for others to be made from."""
    name = server.create()
    catalogue = Database(server.url(name), alone=True)
    catalogue.migrate()
    catalogue.close()
    return name


def _as_user(command: list[str], folder: Path) -> None:
    user = unprivileged()
    subprocess.run(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"},
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        user=None if user is None else user.pw_uid,
        group=None if user is None else user.pw_gid,
        extra_groups=None if user is None else [],
    )


def unprivileged() -> pwd.struct_passwd | None:
    """Who runs the server, which refuses root: `nobody` where we are root, else ourselves."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None
