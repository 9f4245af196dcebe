"""Runs commands to their end and tells what each cost: time on the clock, processor time, and memory of its workers."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

_LOOK_EVERY_S = 0.05
_WORKER_MARK = "multiprocessing.forkserver"
_PR_SET_CHILD_SUBREAPER = 36


class CommandFailed(Exception):
    """A measured command did not do what it should; the message says which and how."""


@dataclass(frozen=True, slots=True)
class Run:
    """One finished command. `cpu_s` is user and system time of the command and of all processes that came of it."""

    wall_s: float
    cpu_s: float
    stdout: str
    exit_code: int
    peak_worker_bytes: int


@dataclass(frozen=True, slots=True)
class Archived:
    """What `sohoa archive` did: its cost and its JSON, one object a file."""

    run: Run
    documents: list[dict[str, Any]]

    @property
    def pages(self) -> int:
        return sum(int(document["pages"]) for document in self.documents)


def sohoa(*arguments: str | Path) -> list[str]:
    """The command line of the `sohoa` that is installed beside this Python."""
    return [str(Path(sys.executable).with_name("sohoa")), *map(str, arguments)]


def archive(files: Sequence[Path], *, home: Path, workers: int, watch_memory: bool = False) -> Archived:
    """`sohoa archive` on `files` into `home`. Raises CommandFailed unless every file is archived."""
    done = run(
        sohoa("archive", "--json", "--jobs", str(workers), *files),
        environment={"SOHOA_HOME": str(home)},
        watch_memory=watch_memory,
        leaves_processes=True,
    )
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    wrong = [document for document in documents if document["status"] != "archived"]
    if wrong or len(documents) != len(files):
        errors = [document["error"] for document in wrong]
        raise CommandFailed(f"{len(documents) - len(wrong)} of {len(files)} files were archived: {errors}")
    return Archived(done, documents)


def run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    watch_memory: bool = False,
    exit_codes: Collection[int] = (0,),
    leaves_processes: bool = False,
) -> Run:
    """Run `command` to its end. Raises CommandFailed, with the last lines it wrote, where it ends with another code.

    `leaves_processes`: it has processes that outlive it a little, whose processor time counts; no other command may run
    beside it then, for it would be taken for one of them.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        ctypes.CDLL(None).prctl(
            _PR_SET_CHILD_SUBREAPER, 1
        )  # the server that forks workers outlives its command a little
        before = {child.pid for child in psutil.Process().children()}
        started_s = time.perf_counter()
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=out, stderr=errors)
        watch = _MemoryWatch(process.pid) if watch_memory else None
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started_s
        process.returncode = os.waitstatus_to_exitcode(status)
        peak_bytes = watch.stop() if watch is not None else 0
        cpu_s = usage.ru_utime + usage.ru_stime + (_cpu_s_of_orphans(before) if leaves_processes else 0.0)
        out.seek(0)
        errors.seek(0)
        if process.returncode not in exit_codes:
            tail = errors.read().decode(errors="replace")[-2000:]
            raise CommandFailed(f"{Path(command[0]).name} {command[1]} ended with {process.returncode}\n{tail}")
        return Run(wall_s, cpu_s, out.read().decode(), process.returncode, peak_bytes)


def _cpu_s_of_orphans(before: Collection[int]) -> float:
    """Wait for the processes that a finished command left to end, and tell what they (and their children) used.

    `before` are the children that this process had before the command.
    """
    cpu_s = 0.0
    while orphans := [child.pid for child in psutil.Process().children() if child.pid not in before]:
        _, _, usage = os.wait4(orphans[0], 0)
        cpu_s += usage.ru_utime + usage.ru_stime
    return cpu_s


class _MemoryWatch:
    """Looks at a command's worker processes until stopped, and keeps the highest peak that any of them has had."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak_bytes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        self._stop.set()
        self._thread.join()
        return self._peak_bytes

    def _look(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            try:
                command = psutil.Process(self._pid)
                workers = [child for child in command.children(recursive=True) if _is_worker(child, command)]
            except psutil.NoSuchProcess:
                continue
            for worker in workers:
                self._peak_bytes = max(self._peak_bytes, _peak_of(worker.pid))


def _is_worker(process: psutil.Process, command: psutil.Process) -> bool:
    """Workers, unlike the server that they are forked from, are nicer than the command that they belong to."""
    try:
        return process.nice() > command.nice() and any(_WORKER_MARK in part for part in process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


def _peak_of(pid: int) -> int:
    """The most resident memory that the process has had (VmHWM of proc(5)), 0 where it has just ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
