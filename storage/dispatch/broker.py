"""Wakes Celery's workers through RabbitMQ or Redis, from a thread of its own: nobody who asks for work waits for a broker.

What cannot be sent is dropped. The sweeper compares what is due with what waits in the broker (`top_up`), so a broker that was
down, or lost messages, is caught up with a few seconds after it is back.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from queue import Empty, Full, Queue
from typing import Any

import structlog
from celery import Celery
from kombu import Connection, Producer
from kombu.exceptions import KombuError

from sohoa.errors import StoreUnavailable
from sohoa.states import JobKind
from storage.dispatch.messages import VERSION, answer_in_time, new_app, task_name
from storage.dispatch.protocol import BrokerHealth
from storage.dispatch.work_queues import WorkQueue, queues_of

MOST_WAITING = 10_000
"""Hints that a process keeps for its thread; one that is too many is dropped."""
AFTER_TROUBLE_S = 5.0
"""How long nothing is tried after the broker did not answer."""
LAST_WORDS_S = 1.0
"""How long a process that ends waits for its thread."""

log = structlog.get_logger()


class Broker:
    """The broker at one URL. Connections belong to the process that made them: a forked child makes its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._starting = threading.Lock()
        self._sender: _Sender | None = None

    def wake(self, queues: Iterable[WorkQueue]) -> None:
        with suppress(RuntimeError):  # no thread can be started, as in a process that is about to end
            sender = self._ours()
            for queue in queues:
                sender.put(queue)

    def top_up(self, due: Mapping[WorkQueue, int]) -> int:
        sent = 0
        with _connected(self._url) as (app, connection):
            channel, producer = connection.default_channel, Producer(connection)
            for queue, jobs_due in due.items():
                missing = jobs_due - _declared(app, channel, queue).message_count
                for _ in range(missing):
                    _send(app, producer, queue)
                sent += max(missing, 0)
        return sent

    def health(self) -> BrokerHealth:
        with _connected(self._url) as (app, connection):
            channel = connection.default_channel
            found = {queue: _declared(app, channel, queue) for queue in queues_of(tuple(JobKind))}
            is_redis = connection.transport.driver_type == "redis"
            if is_redis:
                name = f"Redis {channel.client.info('server')['redis_version']}"
            else:
                name = "{product} {version}".format_map(connection.connection.server_properties)
        unheard = None if is_redis else tuple(queue for queue, each in found.items() if each.consumer_count == 0)
        return BrokerHealth(name, sum(each.message_count for each in found.values()), unheard)

    def check(self) -> None:
        with _connected(self._url):
            return

    def close(self) -> None:
        sender, self._sender = self._sender, None
        if sender is not None and sender.process_id == os.getpid():
            sender.close()

    def _ours(self) -> _Sender:
        sender = self._sender
        if sender is None or sender.process_id != os.getpid():
            with self._starting:
                sender = self._sender
                if sender is None or sender.process_id != os.getpid():
                    sender = self._sender = _Sender(self._url)
        return sender


class _Sender:
    """The thread that sends, with the one connection that it keeps."""

    def __init__(self, url: str) -> None:
        self.process_id = os.getpid()
        self._url = url
        self._waiting: Queue[WorkQueue | None] = Queue(MOST_WAITING)
        self._unsent: list[WorkQueue] = []
        self._tried_again = False
        self._thread = threading.Thread(target=self._run, name="dispatch", daemon=True)
        self._thread.start()

    def put(self, queue: WorkQueue | None) -> None:
        with suppress(Full):
            self._waiting.put_nowait(queue)

    def close(self) -> None:
        with suppress(
            Empty
        ):  # who has too much to send has not been heard for long: the sweeper asks for what is left out
            while self._waiting.full():
                self._waiting.get_nowait()
        self.put(None)
        self._thread.join(LAST_WORDS_S)

    def _run(self) -> None:
        going_on = True
        while going_on:
            try:
                with _connected(self._url) as (app, connection):
                    producer = Producer(connection)
                    while going_on := self._has_next():
                        _send(app, producer, self._unsent[0])
                        self._unsent.clear()
            except StoreUnavailable as error:
                # Firewalls cut connections that rest, and a broker that was started anew knows none: tried once more at once.
                if not self._tried_again and self._unsent:
                    self._tried_again = True
                    continue
                log.warning("dispatch.broker_away", code=error.code, detail=error.detail)
                going_on = self._drop_for(AFTER_TROUBLE_S)
            except Exception:
                log.exception("dispatch.bug")
                going_on = self._drop_for(AFTER_TROUBLE_S)

    def _has_next(self) -> bool:
        """Wait for something to send; False when told to end."""
        if not self._unsent:
            self._tried_again = False
            queue = self._waiting.get()
            if queue is None:
                return False
            self._unsent.append(queue)
        return True

    def _drop_for(self, seconds: float) -> bool:
        """Leave what is asked meanwhile to the sweeper; False when told to end."""
        self._unsent.clear()
        going_on, until_s = True, time.monotonic() + seconds
        while going_on and (left_s := until_s - time.monotonic()) > 0:
            with suppress(Empty):
                going_on = self._waiting.get(timeout=left_s) is not None
        while going_on and not self._waiting.empty():
            going_on = self._waiting.get() is not None
        return going_on


@contextmanager
def _connected(url: str) -> Iterator[tuple[Celery, Connection]]:
    """An open connection. Raises StoreUnavailable (`broker_away`) for whatever goes wrong on it, and names no password."""
    app = new_app(url, broker_transport_options=answer_in_time(url))
    with app.connection_for_write() as connection:
        try:
            connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
            yield app, connection
        except _errors(connection) as error:
            place = f"{connection.transport.driver_type}://{connection.hostname}:{connection.port}"
            said = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise StoreUnavailable(
                f"the broker {place} does not answer ({said[:200]}); papers are taken in all the same, and their work "
                "begins by itself when it is back",
                code="broker_away",
            ) from error


def _errors(connection: Connection) -> tuple[type[BaseException], ...]:
    return (KombuError, OSError, *connection.connection_errors, *connection.channel_errors)


def _declared(app: Celery, channel: Any, queue: WorkQueue) -> Any:
    """The queue, made where it is missing, with its `message_count` and `consumer_count`."""
    wanted = app.amqp.queues[queue.name](channel)
    wanted.declare()
    return channel.queue_declare(queue.name, durable=True, auto_delete=False, arguments=wanted.queue_arguments)


def _send(app: Celery, producer: Producer, queue: WorkQueue) -> None:
    app.send_task(task_name(queue.kind), kwargs={"version": VERSION}, queue=queue.name, producer=producer, retry=False)
