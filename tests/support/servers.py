"""The real servers that tests need: installed into .tools, started unprivileged on free loopback ports, stopped again.

python -m tests.support.servers start [NAME…]    what `make servers` does
python -m tests.support.servers stop             stops what was started here, and nothing else
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.support import server_programs
from tests.support.waiting import wait_until

STARTED = server_programs.TOOLS / "servers"
"""One file a running server: how to reach it, and which process it is."""
_RUNNING: list[subprocess.Popen[bytes]] = []
"""Kept, for a process that is forgotten while it runs is warned of; `stop` ends it by its pid."""
_AGAIN: dict[str, S3Server] = {}
"""The newest process of each server that was started again, by its folder."""
_GIVEN: set[int] = set()
"""The ports that this process was given."""
_UP_WITHIN_S = 180.0
"""Elasticsearch takes 8 s on an idle machine, and a minute on a busy one."""
_DOWN_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running server; the keys are an S3 server's. `born` is its process's start time in clock ticks, for a pid may be
    another's by now."""

    name: str
    endpoint: str
    access_key: str
    secret_key: str
    folder: str
    command: tuple[str, ...]
    pid: int
    born: int

    @property
    def log(self) -> Path:
        return Path(self.folder) / "server.log"


def main(arguments: list[str]) -> int:
    match arguments:
        case ["start", *names]:
            for name in names or server_programs.PROGRAMS:
                print(f"{name}: {start(name).endpoint}")
        case ["stop"]:
            for file in sorted(STARTED.glob("*.json")):
                server = _read(file)
                stop(server)
                shutil.rmtree(server.folder, ignore_errors=True)
                file.unlink()
                print(f"{file.stem}: stopped")
        case _:
            print(__doc__)
            return 2
    return 0


def start(name: str) -> S3Server:
    """The server that `make servers` started, or a new one, installed first where it is missing."""
    running = started(name)
    if running is not None:
        return running
    server_programs.install(name)
    server = launch(name)
    STARTED.mkdir(parents=True, exist_ok=True)
    file = STARTED / f"{name}.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(asdict(server)))
    return server


def started(name: str) -> S3Server | None:
    """The server of that name that `make servers` started, None where none runs."""
    file = STARTED / f"{name}.json"
    if not file.exists():
        return None
    server = _read(file)
    return server if _born(server.pid) == server.born else None


def wanted(name: str) -> S3Server:
    """The running server. Skips the test where there is none, and fails it where SOHOA_REQUIRE names it."""
    server = started(name)
    if server is not None:
        return server
    message = absent(name)
    if name in os.environ.get("SOHOA_REQUIRE", "").split(","):
        pytest.fail(message)
    pytest.skip(message)


def absent(name: str) -> str:
    """Why a test is left out."""
    return f"{name} is not running: make servers"


@contextmanager
def own(name: str, *more: str, data: Path | None = None) -> Iterator[S3Server]:
    """A server of the test's own, which it may kill and restart (:func:`stop`, :func:`again`); skips as `wanted` does.
    `more` are further words of its command line, `data` what one like it has left in its folder."""
    wanted(name)
    server = launch(name, *more, data=data)
    try:
        yield server
    finally:
        stop(_AGAIN.pop(server.folder, server))
        shutil.rmtree(server.folder, ignore_errors=True)


def launch(name: str, *more: str, data: Path | None = None) -> S3Server:
    """Start a server with a folder, ports and keys of its own, and wait until it answers."""
    folder = Path(tempfile.mkdtemp(prefix=f"sohoa-{name}-", dir="/var/tmp"))
    access_key, secret_key = f"sohoa{secrets.token_hex(4)}", secrets.token_urlsafe(24)
    program = server_programs.for_everyone(name, folder)
    command, port = server_programs.PROGRAMS[name].command(program, folder, access_key, secret_key, free_ports)
    if data is not None:
        shutil.copytree(data, folder / "data")
    return _run(name, (*command, *more), folder, port, (access_key, secret_key))


def again(server: S3Server) -> S3Server:
    """Start a stopped server again on its folder and its ports."""
    port = int(server.endpoint.rpartition(":")[2])
    started_again = _run(server.name, server.command, Path(server.folder), port, (server.access_key, server.secret_key))
    _AGAIN[server.folder] = started_again
    return started_again


def stop(server: S3Server, *, how: signal.Signals = signal.SIGTERM) -> None:
    """End the server's processes, if they are still the ones that were started. Its folder stays for `again`."""
    if _born(server.pid) != server.born:
        return
    with suppress(ProcessLookupError):
        os.killpg(server.pid, how)
    if not _gone_within(server, _DOWN_WITHIN_S):
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        _gone_within(server, _DOWN_WITHIN_S)


def free_ports(count: int) -> list[int]:
    """So many loopback ports that nobody listens on just now, below those that outgoing connections are given. Nobody else who
    runs tests is given them while this process lives: a server begins to listen a minute later, and may be stopped and started
    again."""
    with ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            port = 10_000 + secrets.randbelow(20_000)
            if port in _GIVEN:
                continue
            listener = held.enter_context(socket.socket())
            with suppress(OSError):
                listener.bind(("127.0.0.1", port))
                fcntl.lockf(_book_of_ports(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
                _GIVEN.add(port)
                ports.append(port)
        return ports


@cache
def _book_of_ports() -> int:
    """A file of which each process has locked a byte for each port that it was given; never closed, which would end them all."""
    return os.open(f"/var/tmp/sohoa-ports-{os.geteuid()}", os.O_CREAT | os.O_RDWR, 0o600)


def _run(name: str, command: tuple[str, ...], folder: Path, port: int, keys: tuple[str, str]) -> S3Server:
    access_key, secret_key = keys
    user = _unprivileged()
    if user is not None:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid)
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)}
            | server_programs.PROGRAMS[name].environment(folder, access_key, secret_key),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            user=None if user is None else user.pw_uid,
            group=None if user is None else user.pw_gid,
            extra_groups=None if user is None else [],
        )
    _RUNNING.append(process)
    born = _born(process.pid)
    assert born is not None, f"{name} did not start: see {folder}/server.log"
    server = S3Server(name, f"http://127.0.0.1:{port}", access_key, secret_key, str(folder), command, process.pid, born)
    try:
        wait_until(
            lambda: _answers(server, process), f"{name} did not come up: see {server.log}", within_s=_UP_WITHIN_S
        )
    except BaseException:
        stop(server)
        raise
    return server


def _unprivileged() -> pwd.struct_passwd | None:
    """Who runs the servers: `nobody` where we are root, else ourselves."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _answers(server: S3Server, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"{server.name} ended at once: see {server.log}")
    try:
        with urllib.request.urlopen(server.endpoint + server_programs.PROGRAMS[server.name].health, timeout=2):
            return True
    except urllib.error.HTTPError as error:
        return error.code in {403, 405}
    except OSError:
        return False


def _gone_within(server: S3Server, limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        with suppress(ChildProcessError):
            os.waitpid(server.pid, os.WNOHANG)
        if _born(server.pid) != server.born:
            return True
        time.sleep(0.02)
    return False


def _born(pid: int) -> int | None:
    """When a living process was started, in clock ticks since the machine was (proc(5)); None for a dead one."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else int(fields[19])


def _read(file: Path) -> S3Server:
    found = json.loads(file.read_text())
    return S3Server(**(found | {"command": tuple(found["command"])}))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
