"""Which queues a transaction asks work in, so that workers can be told once it is committed, and not before."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from storage.dispatch.work_queues import WorkQueue

_NAME = "sohoa_asked"


def listen(conn: Connection) -> list[WorkQueue]:
    """From now on, whatever is asked in this transaction is added to the list."""
    asked: list[WorkQueue] = []
    conn.execution_options(**{_NAME: asked})
    return asked


def ask(conn: Connection, queues: Iterable[WorkQueue]) -> None:
    """A job was put into each of these queues; nothing happens where nobody listens."""
    asked: list[WorkQueue] = conn.get_execution_options().get(_NAME, [])
    asked.extend(queues)
