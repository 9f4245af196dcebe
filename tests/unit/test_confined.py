"""A call in a confined process answers as usual, and one that goes out of bounds ends that process and nothing else."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.confined import Confined, OutOfBoundsError
from ingest.inspect_original import inspect
from ingest.sniff import Kind
from sohoa.errors import Refused
from sohoa.settings import Settings
from tests.support import files

MEGABYTE = 1024 * 1024


def do(what: str, amount: int = 0) -> int:
    """What a confined process is asked for in these tests; gives its own process id."""
    if what == "grow":
        bytearray(amount)
    elif what == "spin":
        signal.pause()
    elif what == "die":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif what == "refuse":
        raise Refused("no", code="too_many_pages")
    elif what == "break":
        raise ValueError("quotes a paper")
    return os.getpid()


@pytest.fixture
def confined() -> Iterator[Confined[..., int]]:
    made: Confined[..., int] = Confined(do, memory_bytes=512 * MEGABYTE, timeout_s=120)
    yield made
    made.close()


def test_calls_are_answered_by_one_other_process(confined: Confined[..., int]) -> None:
    confined.start()
    first = confined("grow", 100 * MEGABYTE)
    assert first != os.getpid()
    with pytest.raises(Refused) as refused:
        confined("refuse")
    assert (refused.value.code, refused.value.detail) == ("too_many_pages", "no")
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(confined("look"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [first] * 8


@pytest.mark.slow
@pytest.mark.parametrize("what", ["grow", "spin", "die", "break"])
def test_a_call_out_of_bounds_ends_its_process_and_the_next_one_gets_another(
    confined: Confined[..., int], capfd: pytest.CaptureFixture[str], what: str
) -> None:
    first = confined("look")
    started, patient_s = time.monotonic(), confined._timeout_s
    if what == "spin":
        confined._timeout_s = 0.5
    with pytest.raises(OutOfBoundsError):
        confined(what, 2048 * MEGABYTE)
    assert time.monotonic() - started < 60
    confined._timeout_s = patient_s
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
    assert confined("look") != first
    assert "quotes a paper" not in capfd.readouterr().err


@pytest.mark.slow
def test_a_process_that_died_meanwhile_is_replaced_unnoticed(confined: Confined[..., int]) -> None:
    first = confined("look")
    os.kill(first, signal.SIGKILL)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
    assert confined("look") != first


@pytest.mark.slow
def test_a_small_pdf_that_unfolds_is_left_to_the_worker_and_costs_intake_no_memory(tmp_path: Path) -> None:
    bomb = files.write(tmp_path / "bomb.pdf", files.unfolding_pdf(megabytes=512))
    plain = files.write(tmp_path / "plain.pdf", files.pdf_bytes((595, 842)))
    assert bomb.stat().st_size < 3 * MEGABYTE
    inspect(plain, Kind.PDF, settings=Settings())
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    inspect(bomb, Kind.PDF, settings=Settings())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 20 * 1024
    with pytest.raises(Refused):
        inspect(plain, Kind.PDF, settings=Settings(max_page_side_m=0.1))
