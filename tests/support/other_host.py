"""Another host on this machine: a network namespace with a cable that can be pulled, and the way from it to servers here.

Servers listen on this host's loopback or on a socket file; `way_to` opens a port on the cable's end that leads there. Wants
root and iproute2.
"""

from __future__ import annotations

import asyncio
import secrets
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_PIECE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class OtherHost:
    """`name` is its namespace, `gateway` this host's address on the cable, `cable` the cable's end here."""

    name: str
    cable: str
    gateway: str
    loop: asyncio.AbstractEventLoop

    @property
    def through(self) -> tuple[str, ...]:
        """What runs a command there."""
        return ("ip", "netns", "exec", self.name)

    def cut(self) -> None:
        """Pull the cable: what is sent is lost, and nobody is told."""
        _ip("link", "set", self.cable, "down")

    def heal(self) -> None:
        """Put it in again."""
        _ip("link", "set", self.cable, "up")

    def way_to(self, server: int | Path) -> str:
        """HOST:PORT by which that host reaches a port of this one's loopback, or a socket file."""

        async def open_way() -> str:
            async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                with suppress(OSError):
                    if isinstance(server, Path):
                        there = await asyncio.open_unix_connection(str(server))
                    else:
                        there = await asyncio.open_connection("127.0.0.1", server)
                    await asyncio.gather(_carry(reader, there[1]), _carry(there[0], writer))

            listening = await asyncio.start_server(lead, self.gateway, 0)
            return f"{self.gateway}:{listening.sockets[0].getsockname()[1]}"

        return asyncio.run_coroutine_threadsafe(open_way(), self.loop).result(10)


@contextmanager
def other_host() -> Iterator[OtherHost]:
    """A host that is gone, with its cable, when the block ends. Whoever started something there ends it before."""
    mark, network = secrets.token_hex(3), f"10.77.{secrets.randbelow(250)}"
    name, here, there = f"sohoa-{mark}", f"so{mark}a", f"so{mark}b"
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="ways", daemon=True)
    _ip("netns", "add", name)
    try:
        _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
        _ip("address", "add", f"{network}.1/24", "dev", here)
        _ip("link", "set", here, "up")
        _ip("-n", name, "address", "add", f"{network}.2/24", "dev", there)
        for device in ("lo", there):
            _ip("-n", name, "link", "set", device, "up")
        thread.start()
        yield OtherHost(name, here, f"{network}.1", loop)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        if thread.is_alive():
            thread.join()
        _ip("netns", "del", name)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(_PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
    writer.close()


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr.strip()}"
