"""Workers on the big engines: one against two through Celery, and against the embedded default; what each engine spent on it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
from sqlalchemy import create_engine, func, make_url, select, text

from ingest.receive import Intake, receive_path
from sohoa.settings import Settings
from sohoa.states import DocumentStatus
from storage.catalog import documents, tables
from storage.catalog.postgres import SOHOA, WRITING
from storage.stores import Stores, open_stores
from tests.benchmarks.processes import CommandFailed, sohoa
from tests.benchmarks.report import Figure, table
from tests.benchmarks.say import say
from tests.benchmarks.scale_capacity import LEAST_OF_LINEAR, SHOWN, WORKERS, Demand, Prediction, predict
from tests.benchmarks.scale_dispatch import DURABLE
from tests.benchmarks.scale_size import Size
from tests.support import brokers, postgres, press, servers
from tests.support.indexes import ELASTIC
from tests.support.object_stores import url_of

TWO_AGAINST_ONE = 1.8
MOST_OVERHEAD = {2: 0.20, 10: 0.08}
"""By pages of a document."""
ENGINES = ("PostgreSQL", "RabbitMQ", "SeaweedFS", "Elasticsearch")
WORKERS_CPU = "workers"
WRITER = "catalogue's writer"
TURNS = 2
CORES = 4
"""Of each engine's machine, in what is predicted."""
_AHEAD = (
    f"What more workers would do, each on a core of its own and each engine on a machine of its own with {CORES} cores, by mean "
    "value analysis of a closed network (docs/capacity.md):"
)
_SEED = 5_300
_WITHIN_S = 900.0
_LOOK_EVERY_S = 0.5
_SAMPLE_EVERY_S = 0.05
_RESTING_S = 60.0


@dataclass(frozen=True, slots=True)
class Run:
    """Papers that were read and archived. `cpu_s`: what the workers and each engine spent meanwhile; `writing_s`: how long
    somebody held the lock of the catalogue's writer (ADR 25), which nobody can share."""

    pages: int = 0
    wall_s: float = 0.0
    cpu_s: Mapping[str, float] = field(default_factory=dict)
    writing_s: float = 0.0

    def __add__(self, other: Run) -> Run:
        cpu_s = {name: self.cpu_s.get(name, 0.0) + spent_s for name, spent_s in other.cpu_s.items()}
        return Run(self.pages + other.pages, self.wall_s + other.wall_s, cpu_s, self.writing_s + other.writing_s)

    @property
    def s_a_page(self) -> float:
        return self.wall_s / self.pages


@dataclass(frozen=True, slots=True)
class Workers:
    """Runs by pages of a document: embedded with one worker, served with one, and served with two worker processes. `resting`
    is what the served ones spend where there is nothing to do, however many pages there are else."""

    embedded: dict[int, Run]
    one: dict[int, Run]
    two: Run
    resting: Run

    def figures(self) -> list[Figure]:
        ratio = self.one[2].s_a_page / self.two.s_a_page
        found = [
            Figure(
                "two",
                "two worker processes against one, through Celery, pages/s",
                f"≥ {TWO_AGAINST_ONE} ×",
                f"{ratio:.2f} ×",
                ratio >= TWO_AGAINST_ONE,
            )
        ]
        for pages, most in MOST_OVERHEAD.items():
            more = self.one[pages].s_a_page / self.embedded[pages].s_a_page - 1
            found.append(
                Figure(
                    f"overhead-{pages}",
                    f"Celery, PostgreSQL, S3 and Elasticsearch against the embedded default, time a page, {pages}-page documents",
                    f"≤ {most:.0%} more",
                    f"{more:+.1%}",
                    more <= most,
                )
            )
        for pages in MOST_OVERHEAD:
            ahead = self.prediction(pages)
            found.append(
                Figure(
                    f"capacity-{pages}",
                    f"predicted pages/s at {WORKERS} workers, from these service times, {pages}-page documents",
                    f"≥ {LEAST_OF_LINEAR} of linear",
                    f"{ahead.of_linear:.2f} of linear, {ahead.pages_per_s[WORKERS]:.1f} pages/s; first: {ahead.bottleneck}",
                    ahead.of_linear >= LEAST_OF_LINEAR,
                )
            )
        return found

    def prediction(self, pages: int) -> Prediction:
        """For documents of so many pages; each engine has CORES cores of its own."""
        run, resting = self.one[pages], self.resting

        def of_a_page(spent_s: float, at_rest_s: float) -> float:
            return max(0.0, spent_s - at_rest_s / resting.wall_s * run.wall_s) / run.pages

        demands = {name: Demand(of_a_page(run.cpu_s[name], resting.cpu_s[name]), CORES) for name in ENGINES}
        return predict(run.s_a_page, {**demands, WRITER: Demand(of_a_page(run.writing_s, resting.writing_s))})

    def details(self) -> list[str]:
        named = [
            *((f"embedded, one worker, {pages} pages each", run) for pages, run in self.embedded.items()),
            *((f"served, one worker, {pages} pages each", run) for pages, run in self.one.items()),
            ("served, two worker processes, 2 pages each", self.two),
        ]
        rows = [
            (
                name,
                run.pages,
                f"{run.wall_s:.1f}",
                f"{run.s_a_page:.2f}",
                *(f"{run.cpu_s.get(name, 0.0) / run.pages * 1000:.0f}" for name in (WORKERS_CPU, *ENGINES)),
                f"{run.writing_s / run.pages * 1000:.0f}",
            )
            for name, run in named
        ]
        heads = ("Run", "pages", "seconds", "s a page", *(f"{name} CPU ms a page" for name in (WORKERS_CPU, *ENGINES)))
        note = (
            "From the first paper's receipt to the last one's archiving, by workers that have read a paper before; the ways take "
            "turns, a few papers at a time, for a machine that others share is not as fast at all times. Drawn papers, level "
            "typical, 300 dpi, JPEG in PDF; PostgreSQL with fsync, RabbitMQ, SeaweedFS and Elasticsearch on this machine's "
            "cores, so a second worker shares them with the engines."
        )
        return [
            note,
            "",
            *table((*heads, "ms a page under the writer's lock"), rows),
            "",
            _resting(self.resting),
            "",
            _AHEAD,
            "",
            *table(
                ("Pages each", "workers", "pages/s", "of linear", *(f"{name} busy" for name in (*ENGINES, WRITER))),
                (row for pages in MOST_OVERHEAD for row in self._ahead(pages)),
            ),
        ]

    def _ahead(self, pages: int) -> Iterator[tuple[str, ...]]:
        ahead = self.prediction(pages)
        for workers in SHOWN:
            rate = ahead.pages_per_s[workers]
            busy = (f"{ahead.in_use(name, workers):.0%}" for name in (*ENGINES, WRITER))
            yield str(pages), str(workers), f"{rate:.1f}", f"{rate / (workers * ahead.pages_per_s[1]):.2f}", *busy


def measure(work: Path, size: Size) -> Workers:
    """Draw the papers and work them off, each way in its turn. Raises CommandFailed."""
    embedded, one, two = {2: Run(), 10: Run()}, {2: Run(), 10: Run()}, Run()
    with _engines() as (settings_of, engines), ExitStack() as held:
        say("drawing papers of two and ten pages")
        short, long = _drawn(work / "two", size.short_papers, 2), _drawn(work / "ten", size.long_papers, 10)
        alone = held.enter_context(_site(Settings(home=work / "embedded", min_free_bytes=0), {}))
        served = held.enter_context(_site(settings_of(work / "served"), engines))
        for site in (alone, served):
            site.add_worker()
            site.work_off(short[:1], 2)
        for pages, papers in ((10, long[1:]), (2, short[1:])):
            for turn in range(TURNS):
                say(f"{pages} pages each, turn {turn + 1}: embedded, served")
                embedded[pages] += alone.work_off(papers[turn::TURNS], pages)
                one[pages] += served.work_off(papers[turn::TURNS], pages)
        served.add_worker()
        served.work_off(short[:4], 2)
        for turn in range(TURNS):  # all papers, for in the end one of two workers has nothing to do
            say(f"turn {turn + 1}: served, two worker processes, one")
            two += served.work_off(short[1:], 2)
            served.drop_worker()
            one[2] += served.work_off(short[1 + turn :: TURNS], 2)
            served.add_worker()
            served.work_off(short[:4], 2)
        say("served, at rest")
        served.drop_worker()  # what is predicted comes from runs with one
        resting = served.rest()
    return Workers(embedded, one, two, resting)


def _resting(run: Run) -> str:
    spent = (f"{name} {run.cpu_s[name] / run.wall_s * 1000:.0f} ms of CPU" for name in (WORKERS_CPU, *ENGINES))
    return (
        f"With one worker and nothing to do, a second costs {', '.join(spent)}; the writer's lock is held "
        f"{run.writing_s / run.wall_s * 1000:.0f} ms of it. What is predicted leaves that out of a page's part."
    )


def _drawn(folder: Path, count: int, pages: int) -> list[Path]:
    """So many papers and one more, to begin with."""
    folder.mkdir(parents=True)
    papers = [press.draw("quyet_dinh", seed=_SEED + number, pages=pages) for number in range(count + 1)]
    return [
        press.write(replace(paper, name=f"{number:03d}"), folder, fmt="pdf")[0] for number, paper in enumerate(papers)
    ]


@contextmanager
def _engines() -> Iterator[tuple[Callable[[Path], Settings], dict[str, list[psutil.Process]]]]:
    """All engines: settings that name them, with databases, buckets and an index of their own, and their processes."""
    with ExitStack() as held:
        database = held.enter_context(postgres.running(**DURABLE))
        broker = held.enter_context(brokers.running("rabbitmq"))
        s3, elastic = held.enter_context(servers.own("seaweedfs")), held.enter_context(servers.own(ELASTIC))

        def settings_of(home: Path) -> Settings:
            return Settings.model_validate(
                {
                    "home": home,
                    "min_free_bytes": 0,
                    "catalog_url": database.url(database.create()),
                    "broker_url": broker.url,
                    "archive_url": url_of(s3),
                    "s3_access_key": s3.access_key,
                    "s3_secret_key": s3.secret_key,
                    "index_url": f"{elastic.endpoint}/{home.name.replace('-', '_')}",
                }
            )

        postmaster = int((database.folder / "data/postmaster.pid").read_text().splitlines()[0])
        first = (postmaster, broker.processes[-1].pid, s3.pid, elastic.pid)
        yield settings_of, {engine: [psutil.Process(pid)] for engine, pid in zip(ENGINES, first, strict=True)}


@dataclass(slots=True)
class _Site:
    """Stores, and the workers on them."""

    stores: Stores
    engines: dict[str, list[psutil.Process]]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    rounds: int = 0

    def work_off(self, papers: list[Path], pages: int) -> Run:
        """Read and archive these papers, each as one that never came before."""
        self.rounds += 1
        processes = self._processes()
        before = _spent(processes)
        with _writing(self.stores) as writing:
            taken = [self._take_in(path) for path in papers]
            _until_archived(self.stores, taken)
        after = _spent(processes)
        with self.stores.database.read() as connection:
            done = [documents.get(connection, document_id) for document_id in taken]
        began_at = min(document.received_at for document in done)
        ended_at = max(document.archived_at for document in done if document.archived_at is not None)
        cost = {name: after[name] - before[name] for name in processes}
        return Run(len(done) * pages, (ended_at - began_at).total_seconds(), cost, sum(writing))

    def rest(self) -> Run:
        """Nothing to do."""
        processes = self._processes()
        before, began_s = _spent(processes), time.monotonic()
        with _writing(self.stores) as writing:
            time.sleep(_RESTING_S)
        after, wall_s = _spent(processes), time.monotonic() - began_s
        return Run(0, wall_s, {name: after[name] - before[name] for name in processes}, sum(writing))

    def _processes(self) -> dict[str, list[psutil.Process]]:
        return {WORKERS_CPU: [psutil.Process(worker.pid) for worker in self.workers], **self.engines}

    def _take_in(self, path: Path) -> str:
        stores, office = self.stores, f"office-{self.rounds}"
        accepted = receive_path(
            path,
            Intake(path.name, office=office, dossier=None, actor="system:benchmark"),
            archive=stores.archive,
            database=stores.database,
            settings=stores.settings,
            clock=stores.clock,
        )
        return accepted.document.document_id

    def add_worker(self) -> None:
        """`sohoa work` with one worker."""
        settings = self.stores.settings
        told = {
            f"SOHOA_{name.upper()}": str(getattr(value, "get_secret_value", lambda value=value: value)())
            for name, value in settings.model_dump(exclude_defaults=True).items()
        }
        with self._log().open("w") as said:
            worker = subprocess.Popen(
                sohoa("work", "--jobs", "1"),
                env={**os.environ, **told},
                stdout=said,
                stderr=said,
                stdin=subprocess.DEVNULL,
            )
        self.workers.append(worker)

    def drop_worker(self) -> None:
        """Raises CommandFailed where it does not end well."""
        log, worker = self._log(less=1), self.workers.pop()
        worker.send_signal(signal.SIGTERM)
        if worker.wait(60) != 0:
            raise CommandFailed(f"sohoa work ended with {worker.returncode}: {log.read_text()[-500:]}")

    def _log(self, less: int = 0) -> Path:
        return self.stores.settings.home / f"worker-{len(self.workers) - less}.log"


@contextmanager
def _site(settings: Settings, engines: dict[str, list[psutil.Process]]) -> Iterator[_Site]:
    """Workers end with the block."""
    with open_stores(settings) as stores:
        settings.home.mkdir(exist_ok=True)
        site = _Site(stores, engines)
        try:
            yield site
        finally:
            while site.workers:
                site.drop_worker()


def _until_archived(stores: Stores, document_ids: list[str]) -> None:
    column = tables.documents.c
    counted = select(column.status, func.count()).where(column.document_id.in_(document_ids)).group_by(column.status)

    def are_archived() -> bool:
        with stores.database.read() as connection:
            found = {DocumentStatus(status): count for status, count in connection.execute(counted)}
        if stopped := found.keys() & {DocumentStatus.FAILED, DocumentStatus.HELD}:
            raise CommandFailed(f"papers are {', '.join(stopped)}")
        return found.get(DocumentStatus.ARCHIVED) == len(document_ids)

    until_s = time.monotonic() + _WITHIN_S
    while not are_archived():
        if time.monotonic() > until_s:
            raise CommandFailed(f"not all papers were archived within {_WITHIN_S:.0f} s")
        time.sleep(_LOOK_EVERY_S)


def _spent(named: Mapping[str, list[psutil.Process]]) -> dict[str, float]:
    """Processor time of each so far, ended children with it."""
    return {name: sum(sum(_times(one)) for one in processes) for name, processes in named.items()}


def _times(process: psutil.Process) -> Iterator[float]:
    times = process.cpu_times()
    yield times.children_user + times.children_system
    for each in (process, *process.children(recursive=True)):
        times = each.cpu_times()
        yield times.user + times.system


@contextmanager
def _writing(stores: Stores) -> Iterator[list[float]]:
    """Seconds that somebody was the catalogue's writer, from looking who is at random moments; none on SQLite, which does not
    say. To be added up after the block."""
    found: list[float] = []
    url, over = make_url(stores.settings.catalog()), threading.Event()
    if not url.drivername.startswith("postgresql"):
        yield found
        return
    held = text(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = :sohoa AND objid = :writer"
    )
    with create_engine(url.set(drivername="postgresql+psycopg")).connect() as connection:

        def look() -> None:
            chance, looked_at_s = random.Random(0), time.monotonic()
            while not over.wait(chance.uniform(0, 2 * _SAMPLE_EVERY_S)):
                count = connection.execute(held, {"sohoa": SOHOA, "writer": WRITING}).scalar_one()
                connection.rollback()
                now_s = time.monotonic()
                found.append(count * (now_s - looked_at_s))
                looked_at_s = now_s

        looking = threading.Thread(target=look)
        looking.start()
        try:
            yield found
        finally:
            over.set()
            looking.join()
