"""Sohoa on its big engines, each a plain process: what docker-compose.yml runs in containers, with no Docker.

python -m tests.support.stack [rabbitmq|redis]    what `make stack` does: runs until Ctrl-C, and leaves nothing behind
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.support import brokers, postgres, servers
from tests.support.brokers import TestBroker
from tests.support.indexes import ELASTIC, elastic_url
from tests.support.object_stores import url_of
from tests.support.office import COMMAND, Office
from tests.support.other_host import OtherHost
from tests.support.postgres import OWNER, Postgres
from tests.support.servers import S3Server
from tests.support.waiting import wait_until

COMPOSE = Path(__file__).parents[2] / "docker-compose.yml"
OURS = ("api", "worker", "housekeeper")
"""The services of docker-compose.yml that are Sohoa; the others are engines."""
_S3 = "seaweedfs"
_UP_WITHIN_S, _DOWN_WITHIN_S = 240.0, 120.0


@dataclass(slots=True)
class Stack:
    """Everything that runs, and who speaks HTTP to it. A process may be killed: the engines by their own means."""

    office: Office
    database: Postgres
    broker: TestBroker
    s3: S3Server
    index: S3Server
    address: str
    token: str
    processes: dict[str, subprocess.Popen[str]]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def send(self, paper: Path) -> str:
        """Upload a paper; its id."""
        answer = httpx.post(
            f"{self.address}/v1/documents",
            params={"filename": paper.name},
            content=paper.read_bytes(),
            headers=self.headers,
            timeout=60,
        )
        assert answer.status_code == 202, answer.text
        document_id: str = answer.json()["document_id"]
        return document_id

    def start_on(self, host: OtherHost, name: str, *command: str) -> None:
        """A further worker on another host, which reaches every engine by its cable; once it listens."""
        settings = self.office.settings
        database = settings["SOHOA_CATALOG_URL"].partition("@/")[2].partition("?")[0]
        here = {
            "SOHOA_CATALOG_URL": f"postgresql+psycopg://{OWNER}@{host.way_to(self.database.socket)}/{database}",
            **{
                setting: _by_way(settings[setting], host)
                for setting in ("SOHOA_BROKER_URL", "SOHOA_ARCHIVE_URL", "SOHOA_INDEX_URL")
            },
        }
        log, home = self.office.root / f"{name}.log", str(self.office.root / name)
        here["SOHOA_LOG_LEVEL"] = "info"
        self.processes[name] = _started(self.office, log, *command, through=host.through, SOHOA_HOME=home, **here)
        wait_until(
            lambda: "worker.ready" in log.read_text(), f"{name} did not come up: see {log}", within_s=_UP_WITHIN_S
        )

    def start(self, name: str) -> None:
        """One of our services, the first time or again, as whoever watches over it does."""
        log, home = self.office.root / f"{name}.log", str(self.office.root / name)
        at = ("--port", self.address.rpartition(":")[2]) if name == "api" else ()
        self.processes[name] = _started(self.office, log, *commands()[name], *at, SOHOA_HOME=home)

    def get(self, path: str, **params: str) -> Any:
        return self.fetch(path, **params).json()

    def fetch(self, path: str, **params: str) -> httpx.Response:
        return httpx.get(self.address + path, params=params, headers=self.headers, timeout=60)

    def until_searchable(self, *document_ids: str, within_s: float) -> None:
        def is_found() -> bool:
            told = [self.get(f"/v1/documents/{document_id}") for document_id in document_ids]
            assert not [each for each in told if each["status"] in ("failed", "held")], told
            return all(each["searchable_at"] for each in told)

        wait_until(is_found, "not all became searchable", within_s=within_s)


def commands() -> dict[str, list[str]]:
    """What each of our services runs, after docker-compose.yml."""
    services = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    return {name: [str(word) for word in services[name]["command"]] for name in OURS}


@contextmanager
def running(
    root: Path, broker: str, index: S3Server | None = None, /, *, apart: bool = False, **settings: str
) -> Iterator[Stack]:
    """All of it, on databases, buckets and an index of its own; skips as the servers' `wanted` do. `apart`: no engine is one
    that others use as well, so that it may be stopped. `index` is an Elasticsearch that there is already."""
    with ExitStack() as held:
        s3 = held.enter_context(servers.own(_S3)) if apart else servers.wanted(_S3)
        if index is None:
            index = held.enter_context(servers.own(ELASTIC)) if apart else servers.wanted(ELASTIC)
        database = held.enter_context(postgres.running())
        messages = held.enter_context(brokers.running(broker))
        office = Office(
            root,
            {
                "SOHOA_CATALOG_URL": database.url(database.create()),
                "SOHOA_BROKER_URL": messages.url,
                "SOHOA_ARCHIVE_URL": url_of(s3),
                "SOHOA_S3_ACCESS_KEY": s3.access_key,
                "SOHOA_S3_SECRET_KEY": s3.secret_key,
                "SOHOA_INDEX_URL": held.enter_context(elastic_url(index)),
                "SOHOA_LOG_LEVEL": "warning",
                **settings,
            },
        )
        held.callback(office.close)
        scopes = ("--scope", "ingest", "--scope", "read")
        made = office.run("token", "create", "stack", *scopes, "--actor", "person:lan", "--json")
        assert made.code == 0, made.err
        (port,) = servers.free_ports(1)
        address = f"http://127.0.0.1:{port}"
        stack = Stack(office, database, messages, s3, index, address, json.loads(made.out)["secret"], {})
        for name in OURS:
            stack.start(name)
        held.callback(_end, stack)
        wait_until(lambda: _answers(stack), f"the API did not come up: see {root}/api.log", within_s=_UP_WITHIN_S)
        yield stack


def _by_way(url: str, host: OtherHost) -> str:
    """The same place as another host reaches it."""
    (place,) = re.findall(r"127\.0\.0\.1:(\d+)", url)
    return url.replace(f"127.0.0.1:{place}", host.way_to(int(place)))


def _started(
    office: Office, log: Path, *arguments: str, through: Sequence[str] = (), **settings: str
) -> subprocess.Popen[str]:
    """A command of the office that says what it has to say to a file."""
    with log.open("a") as said:
        process = subprocess.Popen(
            [*through, str(COMMAND), *arguments],
            env=office.environment(**settings),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            text=True,
            start_new_session=True,
        )
    office.started.append(process)
    return process


def _answers(stack: Stack) -> bool:
    for name, process in stack.processes.items():
        assert process.poll() is None, f"{name} ended with {process.returncode}"
    try:
        return bool(httpx.get(f"{stack.address}/readyz", timeout=5).json()["status"] == "ok")
    except httpx.TransportError:
        return False


def _end(stack: Stack) -> None:
    """All end as a service manager ends them, and none has lost its temper."""
    for process in stack.processes.values():
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for name, process in stack.processes.items():
        code, log = process.wait(_DOWN_WITHIN_S), stack.office.root / f"{name}.log"
        assert code in (0, -signal.SIGTERM, -signal.SIGKILL), f"{name} ended with {code}: {log.read_text()[-2000:]}"
        before, traceback, rest = log.read_text().partition("Traceback")
        assert not traceback, f"{name} lost its temper: {before[-500:]}{traceback}{rest[:3000]}"


def main(arguments: list[str]) -> int:
    broker = arguments[0] if arguments else "rabbitmq"
    if broker not in ("rabbitmq", "redis"):
        print(__doc__)
        return 2
    for name in (_S3, ELASTIC):
        servers.start(name)
    with tempfile.TemporaryDirectory(prefix="sohoa-stack-") as root, running(Path(root), broker) as stack:
        print(f"API      {stack.address}")
        print(f"token    {stack.token}")
        print(f"logs     {root}/*.log")
        upload = f"--data-binary @paper.pdf '{stack.address}/v1/documents?filename=paper.pdf'"
        print(f"upload   curl -H 'Authorization: Bearer {stack.token}' {upload}")
        print("Ctrl-C ends it and throws everything away.", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print("ending")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
