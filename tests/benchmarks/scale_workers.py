"""Workers on the big engines: one against two through Celery, and against the embedded default; what each engine spent on it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
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
WRITER = "catalogue's writer"
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


@dataclass(frozen=True, slots=True)
class Run:
    """Papers that were read and archived. `engine_cpu_s`: what each engine spent meanwhile; `writing_s`: how long somebody held
    the lock of the catalogue's writer (ADR 25), which nobody can share."""

    papers: int
    pages: int
    wall_s: float
    engine_cpu_s: dict[str, float]
    writing_s: float = 0.0

    @property
    def s_a_page(self) -> float:
        return self.wall_s / self.pages


@dataclass(frozen=True, slots=True)
class Workers:
    """Runs by pages of a document: embedded with one worker, served with one, and served with two worker processes."""

    embedded: dict[int, Run]
    one: dict[int, Run]
    two: Run

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
        ahead = self.prediction()
        found.append(
            Figure(
                "capacity",
                f"predicted pages/s at {WORKERS} workers, from these service times",
                f"≥ {LEAST_OF_LINEAR} of linear",
                f"{ahead.of_linear:.2f} of linear, {ahead.pages_per_s[WORKERS]:.1f} pages/s; first: {ahead.bottleneck}",
                ahead.of_linear >= LEAST_OF_LINEAR,
            )
        )
        return found

    def prediction(self) -> Prediction:
        """For documents of two pages, which ask most of the engines; each of these has so many cores of its own."""
        run = self.one[2]
        demands = {name: Demand(spent_s / run.pages, CORES) for name, spent_s in run.engine_cpu_s.items()}
        return predict(run.s_a_page, {**demands, WRITER: Demand(run.writing_s / run.pages)})

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
                *(f"{run.engine_cpu_s.get(engine, 0.0) / run.pages * 1000:.0f}" for engine in ENGINES),
                f"{run.writing_s / run.pages * 1000:.0f}",
            )
            for name, run in named
        ]
        heads = ("Run", "pages", "seconds", "s a page", *(f"{engine} CPU ms a page" for engine in ENGINES))
        note = (
            "From the first paper's receipt to the last one's archiving, by workers that have read a paper before. Drawn papers, "
            "level typical, 300 dpi, JPEG in PDF; PostgreSQL with fsync, RabbitMQ, SeaweedFS and Elasticsearch on this machine's "
            "cores, so a second worker shares them with the engines."
        )
        return [
            note,
            "",
            *table((*heads, "ms a page under the writer's lock"), rows),
            "",
            _AHEAD,
            "",
            *table(
                ("Workers", "pages/s", "of linear", *(f"{name} busy" for name in (*ENGINES, WRITER))), self._ahead()
            ),
        ]

    def _ahead(self) -> Iterator[tuple[str, ...]]:
        ahead = self.prediction()
        for workers in SHOWN:
            rate = ahead.pages_per_s[workers]
            busy = (f"{ahead.in_use(name, workers):.0%}" for name in (*ENGINES, WRITER))
            yield str(workers), f"{rate:.1f}", f"{rate / (workers * ahead.pages_per_s[1]):.2f}", *busy


def measure(work: Path, size: Size) -> Workers:
    """Draw the papers and work them off five times. Raises CommandFailed."""
    say("drawing papers of two and ten pages")
    papers = {2: _drawn(work / "two", size.short_papers, 2), 10: _drawn(work / "ten", size.long_papers, 10)}
    embedded = {}
    for pages, paths in papers.items():
        say(f"embedded, one worker, {pages} pages each")
        settings = Settings(home=work / f"home-{pages}", min_free_bytes=0)
        embedded[pages] = _work_off(paths, pages, settings, workers=1, engines={})
    with _engines() as (settings_of, engines):
        one = {}
        for pages, paths in papers.items():
            say(f"served, one worker, {pages} pages each")
            one[pages] = _work_off(paths, pages, settings_of(work / f"one-{pages}"), workers=1, engines=engines)
        say("served, two worker processes")
        two = _work_off(papers[2], 2, settings_of(work / "two-workers"), workers=2, engines=engines)
    return Workers(embedded, one, two)


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


def _work_off(
    paths: list[Path], pages: int, settings: Settings, *, workers: int, engines: dict[str, list[psutil.Process]]
) -> Run:
    """Read and archive all papers but the first, which warms the workers up."""
    with open_stores(settings) as stores, ExitStack() as held:
        for number in range(workers):
            held.enter_context(_working(settings, settings.home / f"worker-{number}.log"))
        _until_archived(stores, [_take_in(stores, paths[0])])
        before = _spent(engines)
        with _writing(stores) as writing:
            taken = [_take_in(stores, path) for path in paths[1:]]
            _until_archived(stores, taken)
        spent = _spent(engines)
        with stores.database.read() as connection:
            done = [documents.get(connection, document_id) for document_id in taken]
    began_at = min(document.received_at for document in done)
    ended_at = max(document.archived_at for document in done if document.archived_at is not None)
    cost = {engine: spent[engine] - before[engine] for engine in engines}
    return Run(len(done), len(done) * pages, (ended_at - began_at).total_seconds(), cost, sum(writing))


def _take_in(stores: Stores, path: Path) -> str:
    intake = Intake(path.name, office="local", dossier=None, actor="system:benchmark")
    accepted = receive_path(
        path, intake, archive=stores.archive, database=stores.database, settings=stores.settings, clock=stores.clock
    )
    return accepted.document.document_id


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


@contextmanager
def _working(settings: Settings, log: Path) -> Iterator[None]:
    """`sohoa work` with one worker, in a home of its own unless everything is embedded there."""
    told = {
        f"SOHOA_{name.upper()}": str(getattr(value, "get_secret_value", lambda value=value: value)())
        for name, value in settings.model_dump(exclude_defaults=True).items()
    }
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as said:
        worker = subprocess.Popen(
            sohoa("work", "--jobs", "1"), env={**os.environ, **told}, stdout=said, stderr=said, stdin=subprocess.DEVNULL
        )
    try:
        yield
    finally:
        worker.send_signal(signal.SIGTERM)
        if worker.wait(60) != 0:
            raise CommandFailed(f"sohoa work ended with {worker.returncode}: {log.read_text()[-500:]}")


def _spent(engines: dict[str, list[psutil.Process]]) -> dict[str, float]:
    """Processor time of each engine so far, ended children with it."""
    return {engine: sum(sum(_times(one)) for one in processes) for engine, processes in engines.items()}


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
