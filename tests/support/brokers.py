"""RabbitMQ and Redis of a test's own: Debian's, unprivileged, on free ports of this machine, in a folder of their own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sohoa.errors import StoreUnavailable
from sohoa.states import JobKind
from storage.dispatch import messages
from storage.dispatch.broker import Broker
from storage.dispatch.messages import new_app, task_name
from storage.dispatch.work_queues import WorkQueue, queues_of
from tests.support.certificates import HOST
from tests.support.postgres import unprivileged
from tests.support.servers import free_ports
from tests.support.waiting import wait_until

NAMES = ("rabbitmq", "redis")
MARKED = [pytest.param(name, marks=pytest.mark.brokers) for name in NAMES]
_UP_WITHIN_S = 180.0
_DOWN_WITHIN_S = 60.0
_ANSWERS_WITHIN_S = 30.0
"""For this process, which has more patience with a broker on a busy machine than Sohoa has."""
_PLAIN_PATH = f"{os.environ['PATH']}:/usr/sbin:/usr/lib/erlang/bin"


@dataclass(slots=True)
class TestBroker:
    """A broker that may be stopped, killed and started again on the same port with what it kept."""

    __test__ = False

    name: str
    folder: Path
    port: int
    commands: list[list[str]]
    environment: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    tls: bool = False

    @property
    def url(self) -> str:
        host, tls = (HOST, "s") if self.tls else ("127.0.0.1", "")
        return (
            f"amqp{tls}://guest@{host}:{self.port}//"
            if self.name == "rabbitmq"
            else f"redis{tls}://{host}:{self.port}/0"
        )

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self.folder / "said").open("ab") as said:
            for command in self.commands:
                process = subprocess.Popen(
                    command, stdout=said, stderr=said, start_new_session=True, **self._as_itself()
                )
                self.processes.append(process)
        wait_until(self.answers, f"{self.name} did not come up: {self.folder}/said", within_s=_UP_WITHIN_S)

    def control(self, *words: str) -> None:
        """What its operator tells RabbitMQ."""
        program = Path(str(_program("rabbitmq"))).with_name("rabbitmqctl")
        subprocess.run([program, *words], stdout=subprocess.DEVNULL, check=True, timeout=300, **self._as_itself())

    def answers(self) -> bool:
        """Whether it can be used."""
        assert self.processes[-1].poll() is None, (self.folder / "said").read_text()[-2000:]
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", self.port)) != 0:
                return False
        try:
            Broker(self.url).check()
        except StoreUnavailable:
            return False
        return True

    def send(self, queue: WorkQueue, **said: Any) -> None:
        """A message as another version of Sohoa may send it."""
        app = new_app(self.url)
        with app.connection_for_write() as connection, app.amqp.Producer(connection) as producer:
            app.send_task(task_name(queue.kind), kwargs=said, queue=queue.name, producer=producer, retry=False)

    def waiting(self) -> dict[WorkQueue, int]:
        """How many messages wait in each queue where any do."""
        with self._channel() as (app, channel):
            found = {}
            for queue in queues_of(tuple(JobKind)):
                arguments = app.amqp.queues[queue.name].queue_arguments
                app.amqp.queues[queue.name](channel).declare()
                counted = channel.queue_declare(queue.name, durable=True, auto_delete=False, arguments=arguments)
                found[queue] = int(counted.message_count)
        return {queue: count for queue, count in found.items() if count}

    def forget(self) -> None:
        """Drop every message; queues that are not there are made."""
        with self._channel() as (app, channel):
            for queue in queues_of(tuple(JobKind)):
                queue = app.amqp.queues[queue.name](channel)
                queue.declare()
                queue.purge()

    def _as_itself(self) -> dict[str, Any]:
        """Where, and as whom, its programs run."""
        user = unprivileged()
        return {
            "cwd": self.folder,
            "env": {"PATH": _PLAIN_PATH, "HOME": str(self.folder), "LC_ALL": "C.UTF-8", **self.environment},
            "stdin": subprocess.DEVNULL,
            "user": None if user is None else user.pw_uid,
            "group": None if user is None else user.pw_gid,
            "extra_groups": None if user is None else [],
        }

    @contextmanager
    def _channel(self) -> Iterator[tuple[Any, Any]]:
        app = new_app(self.url)
        with app.connection_for_write() as connection:
            yield app, connection.default_channel

    def stop(self, *, how: signal.Signals = signal.SIGKILL) -> None:
        """End it; SIGKILL is a crash."""
        for process in reversed(self.processes):
            os.killpg(process.pid, how)
            process.wait(_DOWN_WITHIN_S)
        self.processes.clear()


def wanted(name: str) -> None:
    """Skips the test where the broker is not installed, and fails it where SOHOA_REQUIRE names it."""
    if _program(name) is None:
        message = absent(name)
        (pytest.fail if name in os.environ.get("SOHOA_REQUIRE", "").split(",") else pytest.skip)(message)


def absent(name: str) -> str:
    """Why a test is left out."""
    return f"{name} is not installed: apt-get install {name}-server"


@contextmanager
def running(name: str, *, certificate: Path | None = None, told: str = "") -> Iterator[TestBroker]:
    """A broker that ends with the block. With a certificate, whose key lies beside it, it speaks TLS alone. `told` is what
    else RabbitMQ is told, as Erlang takes it."""
    wanted(name)
    folder = Path(tempfile.mkdtemp(prefix=f"sohoa-{name}-", dir="/var/tmp"))
    user = unprivileged()
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    broker = _rabbitmq(folder) if name == "rabbitmq" else _redis(folder)
    if told:
        broker.environment["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = told
    if certificate is not None:
        _speak_tls(broker, certificate)
        if user is not None:
            os.chown(folder / certificate.with_suffix(".key").name, user.pw_uid, user.pw_gid)
    try:
        with pytest.MonkeyPatch.context() as patience:
            patience.setattr(messages, "CONNECT_TIMEOUT_S", _ANSWERS_WITHIN_S)
            patience.setattr(messages, "ANSWER_TIMEOUT_S", _ANSWERS_WITHIN_S)
            broker.start()
            if name == "rabbitmq":
                broker.forget()
                wait_until(lambda: _has_written_queues(folder), "RabbitMQ did not write its queues down")
            yield broker
    finally:
        broker.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _has_written_queues(folder: Path) -> bool:
    """Whether RabbitMQ would know all queues if it were killed now. 3.10 writes about once a second which ones it has; killed
    before, it comes back with one that nobody leads (INTERNAL_ERROR 541) until it is deleted (docs/operations/celery.md)."""
    (names,) = folder.glob("mnesia/*/quorum/*/names.dets")
    written = names.read_bytes()
    return all(queue.name.encode() in written for queue in queues_of(tuple(JobKind)))


def _program(name: str) -> str | None:
    if name == "redis":
        return shutil.which("redis-server", path=_PLAIN_PATH)
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    return str(found[-1]) if found else None


def _redis(folder: Path) -> TestBroker:
    (port,) = free_ports(1)
    options = f"--port {port} --bind 127.0.0.1 --dir {folder} --appendonly yes --save".split()
    return TestBroker("redis", folder, port, [[str(_program("redis")), *options, ""]])


def _speak_tls(broker: TestBroker, made: Path) -> None:
    certificate, key = (Path(shutil.copy(path, broker.folder)) for path in (made, made.with_suffix(".key")))
    broker.tls = True
    if broker.name == "redis":
        plain = broker.commands[0]
        at = plain.index("--port")
        plain[at : at + 2] = ["--port", "0", "--tls-port", str(broker.port), "--tls-auth-clients", "no"]
        plain[1:1] = [
            "--tls-cert-file",
            str(certificate),
            "--tls-key-file",
            str(key),
            "--tls-ca-cert-file",
            str(certificate),
        ]
    else:
        options = (
            f"ssl_options.certfile = {certificate}\nssl_options.keyfile = {key}\nssl_options.verify = verify_none\n"
        )
        listeners = f"listeners.tcp = none\nlisteners.ssl.1 = 127.0.0.1:{broker.port}\n"
        (broker.folder / "rabbitmq.conf").write_text(f"{listeners}{options}ssl_options.fail_if_no_peer_cert = false\n")
        del broker.environment["RABBITMQ_NODE_PORT"], broker.environment["RABBITMQ_NODE_IP_ADDRESS"]


def _rabbitmq(folder: Path) -> TestBroker:
    """With its own epmd, which would otherwise outlive it."""
    port, distribution, names = free_ports(3)
    environment = {
        "RABBITMQ_NODENAME": f"sohoa-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "ERL_EPMD_PORT": str(names),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
    commands = [["epmd", "-port", str(names), "-address", "127.0.0.1"], [str(_program("rabbitmq"))]]
    return TestBroker("rabbitmq", folder, port, commands, environment)
