"""Chaos on the stack: each engine and each of our processes killed and frozen under load, alone and in pairs.

`make chaos BROKER=rabbitmq` runs it and writes docs/chaos.md. Papers are uploaded all the while, each again until it is
accepted, as one-stop systems do. After each blow: how long until every paper accepted so far is archived and found.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil

from tests.e2e import long_run
from tests.support import servers, stack
from tests.support.office import kill_group, letter
from tests.support.other_host import OtherHost, other_host
from tests.support.stack import Stack
from tests.support.waiting import wait_until

ENGINES = ("PostgreSQL", "broker", "S3", "Elasticsearch")
WAYS = ("killed", "frozen")
HURT_S = 8.0
"""How long something is away."""
FAR = "worker on another host"
"""A second worker; its network is cut, longer than its leases last."""
CUT_S = 25.0
LASTS_S = {**dict.fromkeys(WAYS, HURT_S), "cut off": CUT_S}
EVERY_S = 0.7
BEGUN_WITH = 5
"""Papers that are accepted before the first blow."""
RECOVERED_WITHIN_S = 180.0
SETTINGS = {"SOHOA_LEASE_S": "6"}
"""Shorter than an engine is away. Tries are as many as the product allows."""
TOLD_TO_WAIT = frozenset({409, 429, 503, 507})
"""What the API may answer while something is away. A 500 is a defect, whatever is away."""


@dataclass(frozen=True, slots=True)
class Blow:
    """What was hurt, how, and the seconds from its return until all that was accepted by then was archived and found."""

    victims: tuple[str, ...]
    way: str
    accepted: int
    recovered_s: float


class Sender:
    """Uploads a new paper every so often, each until it is accepted. `wrong` are answers that it should never have got."""

    def __init__(self, running: Stack, folder: Path, *, every_s: float = EVERY_S) -> None:
        self.accepted: dict[int, str] = {}
        self.refused = 0
        self.wrong: list[str] = []
        self._running = running
        self._folder = folder
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send_all, name="sender")

    def __enter__(self) -> Sender:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _send_all(self) -> None:
        number = 0
        while not self._stop.wait(self._every_s):
            number += 1
            paper = letter(self._folder / f"{number}.pdf", [f"Giấy mời số {number} dự lễ khánh thành"])
            while (document_id := self._send(number, paper)) is None and not self._stop.is_set():
                self.refused += 1
                self._stop.wait(self._every_s)
            if document_id is not None:
                self.accepted[number] = document_id
            paper.unlink()

    def _send(self, number: int, paper: Path) -> str | None:
        headers = {**self._running.headers, "Idempotency-Key": f"paper-{number}"}
        try:
            answer = httpx.post(
                f"{self._running.address}/v1/documents?filename={paper.name}",
                content=paper.read_bytes(),
                headers=headers,
                timeout=20,
            )
        except httpx.TransportError:
            return None
        if answer.status_code in (200, 202):
            return str(answer.json()["document_id"])
        if answer.status_code not in TOLD_TO_WAIT:
            self.wrong.append(f"{answer.status_code} {answer.text}")
        return None


@contextmanager
def hurt(running: Stack, host: OtherHost, victim: str, way: str) -> Iterator[None]:
    """The victim is away for as long as the block lasts, and back after it."""
    if way == "cut off":
        _wait_for_work_of(running, victim)
        host.cut()
        yield
        host.heal()
        return
    if way == "frozen":
        held = [each for pid in _processes(running, victim) for each in _family(pid)]
        for process in held:
            process.suspend()
        yield
        for process in held:
            process.resume()
        return
    back = _kill(running, victim)
    yield
    back()


def _kill(running: Stack, victim: str) -> Callable[[], None]:
    """End it as a crash does; how it is started again."""
    if victim == "PostgreSQL":
        running.database.stop(how="immediate")
        return running.database.start
    if victim == "broker":
        running.broker.stop()
        return running.broker.start
    if victim in ("S3", "Elasticsearch"):
        name = "s3" if victim == "S3" else "index"
        server = getattr(running, name)
        servers.stop(server, how=signal.SIGKILL)
        return lambda: setattr(running, name, servers.again(server))
    kill_group(running.processes[victim])
    return lambda: running.start(victim)


def _processes(running: Stack, victim: str) -> list[int]:
    match victim:
        case "PostgreSQL":
            return [int((running.database.folder / "data/postmaster.pid").read_text().splitlines()[0])]
        case "broker":
            return [process.pid for process in running.broker.processes]
        case "S3":
            return [running.s3.pid]
        case "Elasticsearch":
            return [running.index.pid]
    return [running.processes[victim].pid]


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def blows(rng: random.Random, *, pairs: int) -> list[tuple[tuple[str, ...], str]]:
    """What is hurt in which order: everything alone in both ways, and so many pairs in one."""
    every = (*ENGINES, *stack.OURS)
    alone = [((victim,), way) for victim in every for way in WAYS]
    together = [(pair, rng.choice(WAYS)) for pair in itertools.combinations(every, 2)]
    rng.shuffle(together)
    return [*alone, ((FAR,), "cut off"), *together[:pairs]]


def strike(running: Stack, host: OtherHost, sender: Sender, victims: tuple[str, ...], way: str) -> Blow:
    """Hurt them at once, and wait until everything is well again. Raises AssertionError where it never is, or where the API
    gave an answer that is none."""
    with ExitStack() as held:
        for victim in victims:
            held.enter_context(hurt(running, host, victim, way))
        time.sleep(LASTS_S[way])
    back_s, accepted = time.monotonic(), dict(sender.accepted)
    told = f"not all was well {RECOVERED_WITHIN_S:.0f} s after {' and '.join(victims)} had been {way}"
    wait_until(lambda: _all_found(running, accepted.values()), told, within_s=RECOVERED_WITHIN_S)
    if way == "cut off":
        _wait_for_work_of(running, *victims)
    assert sender.wrong == [], (victims, way, sender.wrong[:3], _why(running))
    return Blow(victims, way, len(accepted), time.monotonic() - back_s)


def _why(running: Stack) -> list[str]:
    """What the API's log says of its last defects."""
    lines = (running.office.root / "api.log").read_text().splitlines()
    return [line for line in lines if "request.failed" in line][-3:]


def _wait_for_work_of(running: Stack, worker: str) -> None:
    """Until that worker has archived one more paper."""
    log = running.office.root / f"{worker}.log"
    before = log.read_text().count("document.committed")
    told = f"the {worker} did nothing: see {log}"
    wait_until(lambda: log.read_text().count("document.committed") > before, told, within_s=RECOVERED_WITHIN_S)


def _all_found(running: Stack, document_ids: Iterable[str]) -> bool:
    """Whether each of these is archived and in the index."""
    wanted = set(document_ids)
    found: set[str] = set()
    cursor: str | None = None
    try:
        while True:
            more = {} if cursor is None else {"cursor": cursor}
            answer = running.fetch("/v1/search", q="khanh thanh", limit="100", **more)
            if answer.status_code != 200:
                is_over = cursor is not None and answer.status_code == 400  # the point in time went with its node
                assert is_over or answer.status_code in TOLD_TO_WAIT, (answer.status_code, answer.text)
                return False
            page = answer.json()
            found |= {hit["document_id"] for hit in page["hits"]}
            cursor = page["next_cursor"]
            if cursor is None or not page["hits"]:
                return found >= wanted
    except httpx.TransportError:
        return False


def assert_nothing_lost(running: Stack, sender: Sender) -> None:
    """Each accepted paper is one document, archived, found by its own words; nothing is stuck; every byte is as it was."""
    accepted = sender.accepted
    assert len(set(accepted.values())) == len(accepted)
    wait_until(lambda: _all_found(running, accepted.values()), "not every paper is found", within_s=RECOVERED_WITHIN_S)
    for document_id in accepted.values():
        assert running.get(f"/v1/documents/{document_id}")["status"] == "archived"
    verified = running.office.run("verify", "--json")
    assert verified.code == 0, verified.out
    told = json.loads(verified.out.splitlines()[-1])
    assert told["findings"] == [], told["findings"][:5]


def run(broker: str, *, pairs: int, seed: int, only: str | None) -> tuple[list[Blow], Sender]:
    """All blows (or those to `only`), one after the other, on a stack of its own."""
    with tempfile.TemporaryDirectory(prefix="sohoa-chaos-") as name:
        root = Path(name)
        (root / "in").mkdir()
        with other_host() as host, stack.running(root, broker, apart=True, **SETTINGS) as running:
            running.start_on(host, FAR, "work", "--jobs", "1")
            done = []
            with Sender(running, root / "in") as sender:
                told = "no papers come in"
                wait_until(lambda: len(sender.accepted) >= BEGUN_WITH, told, within_s=RECOVERED_WITHIN_S)
                for victims, way in blows(random.Random(seed), pairs=pairs):
                    if only not in (None, " and ".join(victims)):
                        continue
                    blow = strike(running, host, sender, victims, way)
                    print(f"{' and '.join(victims)} {way}: well after {blow.recovered_s:.1f} s", flush=True)
                    done.append(blow)
            assert_nothing_lost(running, sender)
            return done, sender


def report(done: list[Blow], sender: Sender, *, broker: str, seed: int) -> str:
    """docs/chaos.md."""
    rows = "\n".join(
        f"| {' and '.join(blow.victims)} | {blow.way} | {blow.accepted} | {blow.recovered_s:.1f} |" for blow in done
    )
    moment = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores"
    return f"""# Chaos

`make chaos BROKER={broker}` (tests/e2e/chaos.py, seed {seed}), {moment}, everything on one machine: PostgreSQL, {broker},
SeaweedFS, Elasticsearch, the API, a worker and the housekeeper as plain processes, while a paper of one page comes in every
{EVERY_S} s. Each was away for {HURT_S:.0f} s, killed (SIGKILL; PostgreSQL: an immediate stop) or frozen (SIGSTOP). A second
worker ran in a network namespace; its cable was pulled for {CUT_S:.0f} s, longer than its leases last
({SETTINGS["SOHOA_LEASE_S"]} s).

At the end all {len(sender.accepted)} accepted papers were archived once and found, and `sohoa verify` found nothing.
{sender.refused} uploads had been refused meanwhile, none with a 500, and were sent again with the same `Idempotency-Key`.
A stage was tried no more often than the product does unless told otherwise.

For the cut cable, the seconds last until that worker has also archived a paper again.

| Away | How | Papers accepted so far | Seconds from its return until all of them were archived and found |
|---|---|---|---|
{rows}

{sum(len(blow.victims) > 1 for blow in done)} of the 21 pairs were hurt (`--pairs`). Load from many clients: `make load`.
"""


def main() -> int:
    parser = long_run.arguments("chaos", __doc__)
    parser.add_argument("--pairs", type=int, default=21, help="of all 21")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", metavar="VICTIM", help="one of them, or a pair as the page names it (A and B)")
    asked = long_run.begin(parser)
    done, sender = run(asked.broker, pairs=asked.pairs, seed=asked.seed, only=asked.only)
    long_run.tell(report(done, sender, broker=asked.broker, seed=asked.seed), asked)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
