"""The Celery application as both sides see it: queues, the form of a message, and how long a broker is waited for.

A message names a kind of job by its task, `sohoa.<kind>`, and carries `version`, and nothing else that matters. Whoever
receives one reads the fields that it knows and leaves the others alone, so two versions of Sohoa can share the queues; a
kind that only one of them knows has queues to which only that one listens.
"""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import urlsplit

from celery import Celery
from kombu import Exchange, Queue

from sohoa.states import JobKind
from storage.dispatch.work_queues import WorkQueue, queues_of

VERSION = 1
"""Of the messages. A field that is added keeps it; a higher one says that a field has another meaning."""
CONNECT_TIMEOUT_S = 2.0
ANSWER_TIMEOUT_S = 5.0
"""How long whoever sends a message, or asks how the broker is, waits for it."""
VISIBLE_AFTER_S = 2 * 3600
"""Redis gives a message that was not acknowledged for so long to another worker; longer than any job takes."""


def task_name(kind: JobKind) -> str:
    return f"sohoa.{kind}"


def new_app(url: str, **more: Any) -> Celery:
    """An application that knows the queues and no task. `more` are Celery's settings."""
    app = Celery("sohoa", broker=url, set_as_current=False)
    app.conf.update(
        task_queues=[_queue(queue) for queue in queues_of(tuple(JobKind))],
        task_create_missing_queues=False,
        task_default_queue=queues_of([JobKind.OPEN])[0].name,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        broker_connection_timeout=CONNECT_TIMEOUT_S,
        broker_use_ssl=_tls(url),
        **more,
    )
    return app


def _tls(url: str) -> dict[str, Any] | None:
    """What amqps:// and rediss:// mean: the certificate is that of the URL's host (amqp by itself looks at no name) and of an
    authority that this machine trusts, or that SSL_CERT_FILE names, as everywhere else in Sohoa."""
    broker = urlsplit(url)
    match broker.scheme:
        case "amqps":
            return {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": broker.hostname}
        case "rediss":
            return {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}
    return None


def answer_in_time(url: str) -> dict[str, Any]:
    """kombu's transport options for a connection on which nobody may wait for long."""
    if url.startswith("redis"):
        return {"socket_connect_timeout": CONNECT_TIMEOUT_S, "socket_timeout": ANSWER_TIMEOUT_S}
    return {"read_timeout": ANSWER_TIMEOUT_S, "write_timeout": ANSWER_TIMEOUT_S}


def patient(url: str) -> dict[str, Any]:
    """The same for a worker, which waits for messages as long as it takes."""
    return {"visibility_timeout": VISIBLE_AFTER_S, "socket_keepalive": True} if url.startswith("redis") else {}


def _queue(queue: WorkQueue) -> Queue:
    """A quorum queue: on a cluster of RabbitMQ it outlives a machine. Redis takes no notice of that."""
    return Queue(
        queue.name,
        Exchange("sohoa", type="direct", durable=True),
        routing_key=queue.name,
        queue_arguments={"x-queue-type": "quorum"},
    )
