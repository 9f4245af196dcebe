"""Debian's PgBouncer before a test's PostgreSQL server, giving each transaction whatever connection is free."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.support.postgres import OWNER, Postgres, unprivileged
from tests.support.servers import free_ports
from tests.support.waiting import wait_until

NAME = "pgbouncer"


@contextmanager
def running(server: Postgres, *, most: int) -> Iterator[Callable[[str], str]]:
    """The catalogue's URL of a database, through a pool of `most` connections. Skips where it is not installed, and fails
    where SOHOA_REQUIRE names it."""
    program = shutil.which(NAME, path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        message = f"{NAME} is not installed: apt-get install pgbouncer"
        (pytest.fail if NAME in os.environ.get("SOHOA_REQUIRE", "").split(",") else pytest.skip)(message)
    (port,) = free_ports(1)
    folder = server.folder / f"bouncer-{port}"
    folder.mkdir()
    (folder / "users.txt").write_text(f'"{OWNER}" ""\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={server.folder}\n[pgbouncer]\nunix_socket_dir = {folder}\nlisten_port = {port}\n"
        f"auth_type = trust\nauth_file = {folder}/users.txt\npool_mode = transaction\ndefault_pool_size = {most}\n"
        f"logfile = {folder}/log\n"
    )
    user = unprivileged()
    if user is not None:
        for path in (folder, *folder.iterdir()):
            os.chown(path, user.pw_uid, user.pw_gid)
    process = subprocess.Popen(
        [program, "-q", str(folder / "pgbouncer.ini")],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=None if user is None else user.pw_uid,
        group=None if user is None else user.pw_gid,
        extra_groups=None if user is None else [],
    )
    try:
        wait_until(lambda: _answers(process, folder, port), f"{NAME} did not come up")
        yield lambda database: f"postgresql+psycopg://{OWNER}@/{database}?host={folder}&port={port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _answers(process: subprocess.Popen[bytes], folder: Path, port: int) -> bool:
    assert process.poll() is None, f"{NAME} ended at once"
    try:
        psycopg.connect(host=str(folder), port=port, dbname="postgres", user=OWNER).close()
    except psycopg.OperationalError:
        return False
    return True
