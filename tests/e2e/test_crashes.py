"""Killing whatever can be killed, at any moment: afterwards every receipt is one document, once, and nothing is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from math import isqrt
from pathlib import Path

import psutil
import pytest
from PIL import Image
from sqlalchemy import text

from ocr_workers.local_worker import NICENESS
from tests.support.office import (
    PROMPTLY_S,
    Office,
    blank_sheet,
    dense_sheet,
    ended,
    first_line,
    kill_group,
    letter,
    slip,
    wait_until,
)

pytestmark = pytest.mark.slow

SENTENCE = (
    "Ủy ban nhân dân phường chứng thực bản sao đúng với bản chính do công dân xuất trình khi nộp hồ sơ ở một cửa."
)


def test_kill_9_at_any_moment_of_a_batch_loses_nothing_and_does_nothing_twice(office: Office, tmp_path: Path) -> None:
    office = office.with_settings(SOHOA_MAX_ATTEMPTS="30")
    papers = _papers(tmp_path / "in", count=24)
    chance = random.Random(20260105)
    for number in range(10):
        process = office.start("archive", "--json", *papers[: 6 + 2 * number])
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=chance.uniform(0.5, 6.0))
        kill_group(process)
        process.communicate()
    results = office.archive(*papers)
    assert {result["status"] for result in results} == {"archived"}
    assert len({result["document_id"] for result in results}) == len(papers)
    _forget_private_files(office)
    kept = office.assert_in_order()
    assert {document.document_id for document in kept} == {result["document_id"] for result in results}
    found = {hit["document_id"] for hit in office.search("chứng từ")}
    assert found == {result["document_id"] for result in results}


def test_a_command_killed_without_its_workers_leaves_nothing_to_the_next_one_but_to_go_on(
    office: Office, tmp_path: Path
) -> None:
    papers = _papers(tmp_path / "in", count=8)
    process = office.start("archive", "--json", *papers)
    first_line(process)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(children, timeout=PROMPTLY_S)
    assert alive == []
    results = office.archive(*papers)
    assert {result["status"] for result in results} == {"archived"}
    _forget_private_files(office)
    assert len(office.assert_in_order()) == len(papers)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_worker_that_dies_over_a_page_costs_one_try_of_that_page(
    office: Office, tmp_path: Path, number: signal.Signals
) -> None:
    dense_sheet(SENTENCE).save(tmp_path / "dense.png", dpi=(300, 300))
    papers = [tmp_path / "dense.png", *_papers(tmp_path / "in", count=3)]
    process = office.start("archive", "--json", "--jobs", "1", *papers)
    with _worker_at_a_page(office, process, of="dense.png") as worker:
        os.kill(worker.pid, number)
    run = ended(process)
    assert run.code == 0, run.err
    assert {result["status"] for result in run.lines} == {"archived"}
    assert [result["pages_failed"] for result in run.lines] == [[]] * len(papers)
    assert _lanes(office, "dense.png") == ["pytesseract"]
    _forget_private_files(office)
    assert len(office.assert_in_order()) == len(papers)
    assert len(office.search("phường chứng thực")) == 1


def test_a_page_over_its_time_limit_is_killed_and_read_by_the_second_chance(office: Office, tmp_path: Path) -> None:
    office = office.with_settings(SOHOA_PAGE_TIMEOUT_S="1.2")
    paper = _slow_second_page(tmp_path / "slow.tif")
    [result] = office.archive(paper, "--jobs", "1")
    assert (result["status"], result["pages"], result["pages_failed"]) == ("archived", 3, [])
    assert _lanes(office, "slow.tif")[1] == "pytesseract"
    assert [hit["pages"] for hit in office.search("phường chứng thực")] == [[2]]


def test_a_page_over_both_time_limits_is_failed_and_the_others_are_archived(office: Office, tmp_path: Path) -> None:
    office = office.with_settings(SOHOA_PAGE_TIMEOUT_S="12", SOHOA_SECOND_CHANCE_TIMEOUT_S="0.3")
    # Far too slow, while a busy machine has time for blank ones.
    paper = _slow_second_page(tmp_path / "slow.tif", sheets=9)
    [result] = office.archive(paper, "--jobs", "1")
    assert (result["status"], result["pages"], result["pages_failed"]) == ("archived", 3, [2])
    assert "page_failed" in result["warnings"]
    assert result["error"] is None
    [page] = [page for page in _record(office, "slow.tif") if page["number"] == 2]
    assert (page["status"], page["code"]) == ("failed", "timeout")
    assert office.search("phường chứng thực") == []
    assert len(office.assert_in_order()) == 1


def test_a_document_of_which_no_page_can_be_read_is_failed_and_tried_again_when_told_to(
    office: Office, tmp_path: Path
) -> None:
    paper = tmp_path / "dense.png"
    dense_sheet(SENTENCE).save(paper, dpi=(300, 300))
    hasty = {"SOHOA_PAGE_TIMEOUT_S": "0.5", "SOHOA_SECOND_CHANCE_TIMEOUT_S": "0.3"}
    [result] = office.archive(paper, code=3, **hasty)
    assert (result["status"], result["stage"], result["error"]["code"]) == ("failed", "compose", "no_page_read")
    assert len(office.assert_in_order()) == 1
    assert office.run("retry").code == 0
    [again] = office.archive(paper)
    assert (again["status"], again["document_id"], again["error"]) == ("archived", result["document_id"], None)
    assert (again["pages_failed"], again["warnings"]) == ([], ["not_colour"])
    assert len(office.assert_in_order()) == 1
    assert len(office.search("phường chứng thực")) == 1


def test_a_stopped_supervisor_loses_its_lease_and_its_late_result_is_thrown_away(
    office: Office, tmp_path: Path
) -> None:
    office = office.with_settings(SOHOA_LEASE_S="2", SOHOA_LOG_LEVEL="info")
    paper = tmp_path / "dense.png"
    dense_sheet(SENTENCE, lines=40).save(paper, dpi=(300, 300))
    process = office.start("archive", "--json", "--jobs", "1", paper)
    with _worker_at_a_page(office, process, of="dense.png"):
        os.killpg(process.pid, signal.SIGSTOP)
    other = office.start("work", "--jobs", "1")
    try:
        wait_until(lambda: office.documents()[0].status == "archived", running=other)
        os.killpg(process.pid, signal.SIGCONT)
        run = ended(process)
    finally:
        os.killpg(other.pid, signal.SIGTERM)
        ended(other)
    assert run.code == 0, run.err
    assert [result["status"] for result in run.lines] == ["archived"]
    assert '"job.lease_lost"' in run.err
    _forget_private_files(office)
    [document] = office.assert_in_order()
    assert document.version == 1


def test_two_commands_at_once_on_overlapping_folders_archive_each_file_once(office: Office, tmp_path: Path) -> None:
    office = office.with_settings(SOHOA_LEASE_S="300")  # one that runs out would be a word on standard error
    papers = _papers(tmp_path / "in", count=12)
    both = [office.start("archive", "--json", "--jobs", "1", *part) for part in (papers[:9], papers[:2:-1])]
    runs = [ended(process) for process in both]
    assert [run.code for run in runs] == [0, 0], [run.err for run in runs]
    assert [run.err for run in runs] == ["", ""]
    assert [len(run.lines) for run in runs] == [9, 9]
    ids = {result["document_id"] for run in runs for result in run.lines}
    assert len(ids) == len(papers)
    assert {document.document_id for document in office.assert_in_order()} == ids
    assert {document.version for document in office.documents()} == {1}
    assert {hit["document_id"] for hit in office.search("chứng từ")} == ids


def _papers(folder: Path, *, count: int) -> list[Path]:
    """Cheap papers of three kinds, all with the words `chứng từ`."""
    folder.mkdir()
    makers: list[Callable[[int], Path]] = [
        lambda number: slip(folder / f"{number}.jpg", f"Phiếu thu kèm chứng từ\nSố thứ tự {number}"),
        lambda number: letter(folder / f"{number}.pdf", [f"Bảng kê chứng từ thứ {number}", "Trang hai"]),
        lambda number: slip(folder / f"{number}.tif", f"Giao nhận chứng từ\nSố {number}", "Mặt sau", form="TIFF"),
    ]
    return [makers[number % len(makers)](number) for number in range(count)]


def _slow_second_page(path: Path, *, sheets: int = 1) -> Path:
    """Three pages: two blank ones, which cost the engine nothing, and between them one that takes it seconds, or as many times
    that as there are dense sheets beside each other on it (1, 4, 9)."""
    dense, side = dense_sheet(SENTENCE), isqrt(sheets)
    large = Image.new("L", (side * dense.width, side * dense.height), 255)
    for number in range(side * side):
        large.paste(dense, (number % side * dense.width, number // side * dense.height))
    pages: list[Image.Image] = [blank_sheet(), large, blank_sheet()]
    pages[0].save(path, "TIFF", save_all=True, append_images=pages[1:], compression="tiff_deflate", dpi=(300, 300))
    return path


@contextmanager
def _worker_at_a_page(office: Office, process: subprocess.Popen[str], *, of: str) -> Iterator[psutil.Process]:
    """The one worker of a command, while it reads a page of the document named `of`: it cannot end that inside the block, where
    nobody else can write to the catalogue."""
    with office.stores() as stores, ExitStack() as held:

        def busy() -> bool:
            with ExitStack() as looking:
                connection = looking.enter_context(stores.database.write())
                query = (
                    "SELECT 1 FROM jobs JOIN documents USING (document_id) "
                    "WHERE jobs.kind = 'recognise' AND jobs.state = 'leased' AND source_name = :name"
                )
                found = connection.execute(text(query), {"name": of}).first() is not None
                if found:
                    held.push(looking.pop_all())
            return found

        wait_until(busy, running=process)
        [worker] = [child for child in psutil.Process(process.pid).children(recursive=True) if child.nice() == NICENESS]
        yield worker


def _record(office: Office, name: str) -> list[dict[str, object]]:
    """The pages in the record.json of the document that was called `name`."""
    import json

    [document] = [document for document in office.documents() if document.source_name == name]
    assert document.object_id is not None
    with (
        office.stores() as stores,
        stores.archive.open_file(document.object_id, f"documents/{document.document_id}/record.json") as stream,
    ):
        pages: list[dict[str, object]] = json.load(stream)["pages"]
    return pages


def _lanes(office: Office, name: str) -> list[object]:
    return [page["lane"] for page in _record(office, name)]


def _forget_private_files(office: Office) -> None:
    """What a killed process was writing to no name yet; the store drops these after a day."""
    for leftover in (office.archive_root / ".tmp").iterdir():
        leftover.unlink()
