"""Load on the stack whose index holds a million papers: a thousand uploads from fifty clients, then searches at a fixed rate.

`make load` runs it and writes docs/load.md. A search's time counts from when it was due, so one that has to wait for others that
are slow is slow itself.
"""

from __future__ import annotations

import itertools
import json
import os
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import httpx
import numpy as np

from sohoa.settings import Settings
from storage.index import open_index
from storage.index.protocol import SearchIndex
from tests.benchmarks.corpus import QUERIES
from tests.benchmarks.scale_search import HITS, OFFICE, ask
from tests.e2e import long_run
from tests.e2e.filled import filled
from tests.e2e.measured_stack import Watch
from tests.support import stack
from tests.support.office import letter, slip
from tests.support.stack import Stack

UPLOADS, CLIENTS = 1_000, 50
MOST_CONNECTIONS = 100
"""Of PostgreSQL's, so many are its default (`max_connections`)."""
BESIDE_WORK_PER_S, ALONE_PER_S = 50, 200
SEARCHERS = 64
"""Searches that are under way at once, at most; the others wait, and their time runs."""
SETTINGS = {"SOHOA_TOKEN_REQUESTS": "0", "SOHOA_OFFICE_REQUESTS": "0"}
"""One token stands for fifty clients here."""
_ARCHIVED_WITHIN_S = 3_600.0


@dataclass(slots=True)
class Answers:
    """What a number of requests came to: milliseconds of those that were answered well, and how often each other status came."""

    took_ms: list[float] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    wall_s: float = 0.0

    def row(self, what: str) -> str:
        shares = (
            [f"{np.percentile(self.took_ms, share):.0f}" for share in (50, 95, 99, 100)] if self.took_ms else ["-"] * 4
        )
        others = ", ".join(f"{name}: {count}" for name, count in sorted(self.others.items())) or "none"
        rate = len(self.took_ms) / self.wall_s
        return f"| {what} | {len(self.took_ms):,} | {rate:.0f} | {' | '.join(shares)} | {others} |"


def upload(running: Stack, papers: list[Path]) -> tuple[Answers, dict[str, str]]:
    """All papers from CLIENTS clients, each as fast as it is answered and again when it is told to come later; ids by paper."""
    waiting, answers, ids, lock = iter(papers), Answers(), dict[str, str](), threading.Lock()

    def client() -> None:
        with httpx.Client(base_url=running.address, headers=running.headers, timeout=120) as http:
            while True:
                with lock:
                    paper = next(waiting, None)
                if paper is None:
                    return
                while True:
                    began_s = time.perf_counter()
                    answer = http.post("/v1/documents", params={"filename": paper.name}, content=paper.read_bytes())
                    took_ms = (time.perf_counter() - began_s) * 1000
                    with lock:
                        if answer.status_code == 202:
                            answers.took_ms.append(took_ms)
                            ids[paper.name] = answer.json()["document_id"]
                        else:
                            answers.others[str(answer.status_code)] += 1
                    if answer.status_code == 202:
                        break
                    assert answer.status_code in (429, 503), answer.text
                    time.sleep(float(answer.headers["Retry-After"]))

    began_s = time.perf_counter()
    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers.wall_s = time.perf_counter() - began_s
    return answers, ids


def search(running: Stack, token: str, *, per_s: int, seconds: float) -> Answers:
    """Searches begun at a fixed rate, whatever became of those before them.

    Each thread keeps a plain connection: a client library that shares a pool among so many spends more than the servers do.
    """
    answers, lock, own = Answers(), threading.Lock(), threading.local()
    queries = itertools.cycle(query for kind in QUERIES.values() for query in kind)
    address, headers = urlsplit(running.address).netloc, {"Authorization": f"Bearer {token}"}

    def ask(query: str, due_s: float) -> None:
        try:
            if not hasattr(own, "connection"):
                own.connection = HTTPConnection(address, timeout=60)
            own.connection.request("GET", f"/v1/search?{urlencode({'q': query, 'limit': HITS})}", headers=headers)
            answer = own.connection.getresponse()
            answer.read()
            status = str(answer.status)
        except (OSError, HTTPException) as error:
            own.connection.close()
            status = type(error).__name__
        took_ms = (time.perf_counter() - due_s) * 1000
        with lock:
            if status == "200":
                answers.took_ms.append(took_ms)
            else:
                answers.others[status] += 1

    began_s = time.perf_counter()
    with ThreadPoolExecutor(SEARCHERS) as pool:
        asked = []
        for number in range(int(per_s * seconds)):
            due_s = began_s + number / per_s
            time.sleep(max(0.0, due_s - time.perf_counter()))
            asked.append(pool.submit(ask, next(queries), due_s))
        pool.shutdown(cancel_futures=True)
    answers.wall_s = time.perf_counter() - began_s
    if left := sum(each.cancelled() for each in asked):
        answers.others["not begun when the time was over"] = left
    return answers


def run(broker: str, *, uploads: int, folder: Path, seconds: float) -> str:
    """All of it; the page that tells. `folder` holds a filled Elasticsearch (tests/e2e/filled.py), of which a copy is used."""
    with ExitStack() as held:
        root = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="sohoa-load-", dir="/var/tmp")))
        (root / "in").mkdir()
        papers = [letter(root / "in" / f"{n}.pdf", [f"Giấy mời số {n} dự lễ khánh thành"]) for n in range(uploads)]
        server, url = held.enter_context(filled(folder))
        indexed = Settings(home=root, index_url=url)
        with open_index(indexed, mode="read") as index:
            documents = index.count()
        running = held.enter_context(stack.running(root, broker, server, apart=True, SOHOA_INDEX_URL=url, **SETTINGS))
        token = _token(running)
        with Watch(running, 1.0) as watch:
            uploaded, ids = upload(running, papers)
            assert len(set(ids.values())) == uploads
            began_s = time.perf_counter()
            running.until_searchable(*ids.values(), within_s=_ARCHIVED_WITHIN_S)
            rows = [uploaded.row(f"uploads, {CLIENTS} clients, workers at work")]
            settled_s = time.perf_counter() - began_s
            _verify(running)
            scans = [_scan(root / "in" / f"{n}.tif", n) for n in range(int(seconds / 5) + 1)]
            for scan in scans:
                running.send(scan)
            beside = search(running, token, per_s=BESIDE_WORK_PER_S, seconds=seconds)
            left = sum(running.office.status()["documents"].get(status, 0) for status in ("received", "recognised"))
            rows.append(
                beside.row(
                    f"{BESIDE_WORK_PER_S} searches/s beside workers ({left} of {len(scans)} scans left at the end)"
                )
            )
            running.processes["worker"].terminate()
            running.processes["worker"].wait()
            rows.append(
                search(running, token, per_s=ALONE_PER_S, seconds=seconds).row(f"{ALONE_PER_S} searches/s, no workers")
            )
            with open_index(indexed, mode="read") as index:
                rows.append(_one_by_one(index).row("one search after the other, of the index itself"))
    moment = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores"
    lines = "\n".join(rows)
    return f"""# Load

`make load` (tests/e2e/load.py), {moment}; {broker}. Everything (PostgreSQL, the broker, SeaweedFS,
Elasticsearch, the API, a worker a core, and the clients) is on this one machine. The index was filled with {documents:,} made-up
papers first. Then {uploads:,} papers of one page were uploaded; {settled_s:.0f} s after the last receipt all were archived and
found, and `sohoa verify` found nothing but the made-up papers. Then it was searched for {seconds:.0f} s at each rate, under a
token of one office, 20 hits with highlights. A search counts from when it was due. The last row is one process that asks
the index, without the API between.

| What | done | /s | p50 ms | p95 ms | p99 ms | worst ms | other answers |
|---|---|---|---|---|---|---|---|
{lines}

PostgreSQL had {watch.connections} connections at most (its default bound is {MOST_CONNECTIONS}).
"""


def _verify(running: Stack) -> None:
    """Nothing is wrong but that the index finds made-up papers which the catalogue has never heard of."""
    told = running.office.run("verify", "--json")
    codes = {found["code"] for found in json.loads(told.out)["findings"]}
    assert codes == {"index_surplus"}, told.out[-2000:]


def _one_by_one(index: SearchIndex) -> Answers:
    """What bench-scale asks, of an index that has been asked already."""
    began_s = time.perf_counter()
    answers = Answers([took for each in ask(index).values() for took in each])
    answers.wall_s = time.perf_counter() - began_s
    return answers


def _token(running: Stack) -> str:
    said = ("--scope", "read", "--actor", "system:load", "--office", OFFICE, "--json")
    made = running.office.run("token", "create", "office", *said)
    assert made.code == 0, made.err
    return str(json.loads(made.out)["secret"])


def _scan(path: Path, number: int) -> Path:
    return slip(path, *(f"Tờ {number} trang {page}" for page in range(6)), form="TIFF")


def main() -> int:
    parser = long_run.arguments("load", __doc__)
    parser.add_argument("--uploads", type=int, default=UPLOADS)
    parser.add_argument("--filled", type=Path, required=True, help="what python -m tests.e2e.filled FOLDER has left")
    parser.add_argument("--seconds", type=float, default=300.0)
    asked = long_run.begin(parser)
    page = run(asked.broker, uploads=asked.uploads, folder=asked.filled, seconds=asked.seconds)
    long_run.tell(page, asked)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
