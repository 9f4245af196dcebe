"""The API behind its real server, in a process of its own, for tests that talk to it through sockets."""

from __future__ import annotations

import multiprocessing
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from search_api.app import create_app
from sohoa.settings import Settings
from storage.catalog import tokens
from storage.stores import open_stores


@dataclass(frozen=True, slots=True)
class Served:
    """A server in a process of its own, and a token's headers."""

    address: str
    process_id: int
    headers: dict[str, str]
    settings: Settings

    @property
    def home(self) -> Path:
        return self.settings.home

    def token(self) -> dict[str, str]:
        """The headers of another token."""
        return _token(self.settings)

    def peak_bytes(self) -> int:
        """The most memory that the process has had (proc(5), VmHWM)."""
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.process_id}/status").read_text())
        assert found is not None
        return int(found.group(1)) * 1024

    def upload(self, *, size_bytes: int, more: str = "") -> socket.socket:
        """A connection on which the head of an upload was sent, and nothing of its body."""
        host, port = self.address.removeprefix("http://").split(":")
        connection = socket.create_connection((host, int(port)), timeout=120)
        head = f"POST /v1/documents HTTP/1.1\r\nHost: x\r\nAuthorization: {self.headers['Authorization']}\r\n"
        connection.sendall(f"{head}{more}Content-Length: {size_bytes}\r\n\r\n".encode())
        return connection


@contextmanager
def served_api(settings: Settings) -> Iterator[Served]:
    """The API with these settings, until the block ends."""
    headers = _token(settings)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        context = multiprocessing.get_context("fork")
        process = context.Process(target=_serve, args=(settings, listening))
        process.start()
        assert process.pid is not None
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            yield Served(address, process.pid, headers, settings)
        finally:
            process.terminate()
            process.join(10)


def _token(settings: Settings) -> dict[str, str]:
    with open_stores(settings) as stores, stores.database.write() as connection:
        _, secret = tokens.create(
            connection, name="t", scopes=["ingest", "read"], actor="person:lan", now=stores.clock.now()
        )
    return {"Authorization": f"Bearer {secret}"}


def _serve(settings: Settings, listening: socket.socket) -> None:
    with open_stores(settings) as stores:
        server = uvicorn.Server(uvicorn.Config(create_app(stores), log_level="error"))
        server.run(sockets=[listening])
