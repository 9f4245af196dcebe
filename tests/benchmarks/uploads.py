"""Uploads: how long a 1 MB JPEG takes from the first byte sent to the durable receipt, while both workers recognise."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import environ
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from sohoa.settings import Settings
from sohoa.states import JobKind, JobState
from storage.catalog import jobs
from storage.catalog.database import Database
from tests.benchmarks.processes import CommandFailed, run, sohoa
from tests.benchmarks.report import Figure, table
from tests.benchmarks.say import say
from tests.benchmarks.size import Size
from tests.support import press

MOST_MS = 150.0
WORKERS = 2
FILE_BYTES = 1_000_000
_BACKLOG = 12
_SEED = 7_400
_PATIENCE_S = 60.0
_LOOK_EVERY_S = 0.1
_SEGMENT_BYTES = 65_000
_NOTE = (
    f"`sohoa serve --workers {WORKERS}` with a backlog; then different JPEGs of 1 MB as raw bodies, one after the other "
    "over one connection, from a client on the same cores. The workers had pages to read from the first to the last."
)


@dataclass(frozen=True, slots=True)
class Uploads:
    """Milliseconds to each receipt; `waiting` papers had yet to be opened or read when the last one came."""

    took_ms: tuple[float, ...]
    waiting: int

    def figures(self) -> list[Figure]:
        p95_ms = self._percentile(95)
        return [
            Figure(
                "upload",
                "upload of 1 MB to durable receipt, p95, while both cores recognise",
                f"≤ {MOST_MS:.0f} ms",
                f"{p95_ms:.0f} ms (p50 {self._percentile(50):.0f} ms)",
                p95_ms <= MOST_MS,
            )
        ]

    def details(self) -> list[str]:
        row = (len(self.took_ms), *(f"{self._percentile(share):.0f}" for share in (50, 95, 100)), self.waiting)
        return [
            _NOTE,
            "",
            *table(("Uploads", "p50 ms", "p95 ms", "worst ms", "papers waiting at the end"), [row]),
        ]

    def _percentile(self, share: float) -> float:
        return float(np.percentile(self.took_ms, share))


def measure(work: Path, size: Size) -> Uploads:
    """Start a server, give its workers work, upload. Raises CommandFailed where the workers ran out of work."""
    say(f"uploading {size.uploads} files while {WORKERS} workers recognise")
    home = work / "home"
    environment = {"SOHOA_HOME": str(home)}
    made = run(
        sohoa("token", "create", "benchmark", "--scope", "ingest", "--actor", "system:benchmark", "--json"),
        environment=environment,
    )
    headers = {"Authorization": f"Bearer {json.loads(made.stdout)['secret']}"}
    page = _page()
    database = Database(Settings(home=home).catalog())
    with _serving(environment) as url, httpx.Client(base_url=url, headers=headers, timeout=_PATIENCE_S) as client:
        for number in range(_BACKLOG):
            _upload(client, page, number)
        _wait_until_busy(database)
        took_ms = tuple(_upload(client, page, _BACKLOG + number) for number in range(size.uploads))
        waiting = _waiting(database)
    database.close()
    if not waiting:
        raise CommandFailed("the workers ran out of work during the uploads, so the figure would mean nothing")
    return Uploads(took_ms, waiting)


@contextmanager
def _serving(environment: dict[str, str]) -> Iterator[str]:
    """A server that is ready, at the address given; told to stop at the end, and killed if it does not."""
    port = _free_port()
    command = sohoa("serve", "--port", str(port), "--workers", str(WORKERS))
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(command, env={**environ, **environment}, stdout=log, stderr=log)
        try:
            _wait_until_up(f"http://127.0.0.1:{port}/healthz", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            try:
                server.wait(timeout=_PATIENCE_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_until_up(url: str, server: subprocess.Popen[bytes]) -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until_s and server.poll() is None:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            time.sleep(_LOOK_EVERY_S)
    raise CommandFailed(f"sohoa serve did not answer within {_PATIENCE_S:.0f} s")


def _wait_until_busy(database: Database) -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until_s:
        with database.read() as connection:
            if jobs.counts(connection).get(JobKind.RECOGNISE, {}).get(JobState.LEASED, 0) == WORKERS:
                return
        time.sleep(_LOOK_EVERY_S)
    raise CommandFailed(f"the workers of sohoa serve did not start to recognise within {_PATIENCE_S:.0f} s")


def _waiting(database: Database) -> int:
    """How many papers (of one page each) wait to be opened or read."""
    with database.read() as connection:
        counts = jobs.counts(connection)
    return sum(counts.get(kind, {}).get(JobState.READY, 0) for kind in (JobKind.OPEN, JobKind.RECOGNISE))


def _upload(client: httpx.Client, page: bytes, number: int) -> float:
    """Send the page as file `number`; the milliseconds until the receipt was there."""
    body = _padded(page, number)
    started_s = time.perf_counter()
    answer = client.post(
        "/v1/documents",
        params={"filename": f"scan-{number:04d}.jpg"},
        headers={"Content-Type": "image/jpeg"},
        content=body,
    )
    took_ms = (time.perf_counter() - started_s) * 1000
    if answer.status_code != 202:
        raise CommandFailed(f"an upload was answered with {answer.status_code}: {answer.text[:200]}")
    return took_ms


def _page() -> bytes:
    """A drawn A4 page as the best JPEG of less than FILE_BYTES."""
    image: Image.Image = press.draw("quyet_dinh", seed=_SEED, pages=1).pages[0].image
    for quality in range(95, 30, -5):
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality, dpi=(300, 300))
        if out.tell() < FILE_BYTES:
            return out.getvalue()
    raise CommandFailed(f"no JPEG of the drawn page is under {FILE_BYTES:,} bytes")


def _padded(image: bytes, number: int) -> bytes:
    """The JPEG with comments of noise of its own after the start marker, FILE_BYTES long but for a few bytes."""
    noise = np.random.default_rng(number)
    segments = []
    missing = FILE_BYTES - len(image)
    while missing > 4:
        content = noise.bytes(min(_SEGMENT_BYTES, missing - 4))
        segments.append(b"\xff\xfe" + (len(content) + 2).to_bytes(2, "big") + content)
        missing -= len(segments[-1])
    return b"".join([image[:2], *segments, image[2:]])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
