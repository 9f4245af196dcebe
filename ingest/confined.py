"""Calls on hostile bytes, made in a child process that may neither grow nor go on for long."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from threading import Lock
from typing import Any, Generic, ParamSpec, TypeVar

from sohoa.errors import SetupError, SohoaError

P = ParamSpec("P")
T = TypeVar("T")

_START_S = 60.0
"""How long a child may take to start: some tenths of a second, unless the machine is very busy."""


class OutOfBoundsError(Exception):
    """The call wanted more memory or time than it may have, or what it called broke on these bytes."""


class Confined(Generic[P, T]):
    """`function`, to be called as before, but run in a child process: one call at a time, for all threads.

    `function` is one of a module (it is found there by the child); what it takes and gives can be pickled. The child
    stays for the next call. It is killed where a call takes longer than `timeout_s` or needs more than `memory_bytes`
    of private memory (files mapped for reading do not count), and the next call starts another one.
    """

    def __init__(self, function: Callable[P, T], *, memory_bytes: int, timeout_s: float) -> None:
        self._function = function
        self._memory_bytes = memory_bytes
        self._timeout_s = timeout_s
        self._lock = Lock()
        self._child: _Child | None = None

    def start(self) -> None:
        """Begin to start the child, so that the first call need not wait for it."""
        with self._lock:
            self._running()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """What `function` gives. Raises its SohoaErrors as they are, OutOfBoundsError for anything else that ends it.

        Raises SetupError where no child can be started.
        """
        with self._lock:
            child = self._running()
            answered = False
            try:
                child.wait_until_ready()
                child.pipe.send((args, kwargs))
                if not child.pipe.poll(self._timeout_s):
                    raise OutOfBoundsError(f"it took longer than {self._timeout_s:g} s")
                outcome = child.pipe.recv()
                if isinstance(outcome, OutOfBoundsError):
                    raise outcome
                answered = True
            except (EOFError, ConnectionError):
                child.process.join()
                raise OutOfBoundsError(f"its process ended with {child.process.exitcode}") from None
            finally:
                if not answered:
                    self._end()
        if isinstance(outcome, SohoaError):
            raise outcome
        result: T = outcome[0]
        return result

    def close(self) -> None:
        """End the child. A later call starts another one."""
        with self._lock:
            self._end()

    def _running(self) -> _Child:
        if self._child is not None and self._child.parent != os.getpid():
            self._child = None  # this process was forked, and the child is another one's
        if self._child is not None and not self._child.process.is_alive():
            self._end()
        if self._child is None:
            context = multiprocessing.get_context("spawn")
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_serve, args=(theirs, self._function, self._memory_bytes, self._timeout_s), daemon=True
            )
            process.start()
            theirs.close()
            self._child = _Child(process, ours, parent=os.getpid())
        return self._child

    def _end(self) -> None:
        if self._child is not None:
            self._child.process.kill()
            self._child.process.join()
            self._child.process.close()
            self._child.pipe.close()
            self._child = None


@dataclass(slots=True)
class _Child:
    process: SpawnProcess
    pipe: Connection
    parent: int
    ready: bool = False

    def wait_until_ready(self) -> None:
        if self.ready:
            return
        try:
            self.ready = self.pipe.poll(_START_S) and self.pipe.recv() == "ready"
        except (EOFError, ConnectionError):
            self.ready = False
        if not self.ready:
            raise SetupError("a process that looks at papers cannot be started: is the machine out of memory?")


def _serve(pipe: Connection, function: Callable[..., Any], memory_bytes: int, timeout_s: float) -> None:
    """The life of the child: call and answer, until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    with suppress(EOFError, ConnectionError):  # the parent is gone
        _answer(pipe, function, timeout_s)


def _answer(pipe: Connection, function: Callable[..., Any], timeout_s: float) -> None:
    pipe.send("ready")
    while True:
        args, kwargs = pipe.recv()
        _allow_cpu(timeout_s)
        try:
            outcome: object = (function(*args, **kwargs),)
        except SohoaError as error:
            outcome = error
        except Exception as error:  # noqa: BLE001 the edge of a worker; what the error says may quote the paper
            pipe.send(OutOfBoundsError(f"it raised {type(error).__qualname__}"))
            return
        pipe.send(outcome)


def _allow_cpu(timeout_s: float) -> None:
    """So much more processor time: a child whose parent was killed does not go on for ever."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit_s = int(used.ru_utime + used.ru_stime + timeout_s) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (limit_s, resource.RLIM_INFINITY))
