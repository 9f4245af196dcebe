"""What happens to the stack's processes meanwhile: memory and connections, looked at every so often from a thread of its own."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

import psutil

from tests.support.stack import OURS, Stack


@dataclass(slots=True)
class Watch:
    """`memory` holds, by process, (seconds since the begin, bytes that are its own); `connections` the most that the catalogue's
    server had at once."""

    running: Stack
    every_s: float
    memory: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
    connections: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Watch:
        self._thread = threading.Thread(target=self._look, name="watch")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        began_s = time.monotonic()
        while True:
            at_s = time.monotonic() - began_s
            for name, own_bytes in memory_of(self.running).items():
                self.memory.setdefault(name, []).append((at_s, own_bytes))
            ((count,),) = self.running.database.run(
                "SELECT count(*) FROM pg_stat_activity WHERE client_port IS NOT NULL"
            )
            self.connections = max(self.connections, int(str(count)))
            if self._over.wait(self.every_s):
                return


def memory_of(running: Stack) -> dict[str, int]:
    """Bytes of memory that are each process's own (USS), with its children's: each of ours, and each engine."""
    first = {name: running.processes[name].pid for name in OURS}
    first["PostgreSQL"] = int((running.database.folder / "data/postmaster.pid").read_text().splitlines()[0])
    first["broker"] = running.broker.processes[-1].pid
    first |= {"S3": running.s3.pid, "Elasticsearch": running.index.pid}
    return {name: _own_bytes(pid) for name, pid in first.items()}


def _own_bytes(pid: int) -> int:
    total = 0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):  # a child that has just ended
                total += each.memory_full_info().uss
    return total
