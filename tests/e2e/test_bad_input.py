"""Files that nobody should bring, in one batch with good ones: each gets its one line, and the rest of the batch goes on."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from tests.support import files, pdf_files
from tests.support.office import Office, ended, first_line, letter, slip, wait_until

pytestmark = pytest.mark.slow

LONG_NAME = "giấy\nmời\n" + "x" * (255 - len("giấy\nmời\n.pdf".encode())) + ".pdf"
EXPECTED = {
    "cut.jpg": ("held", "damaged"),
    "cut.pdf": ("held", "damaged"),
    "cut.tif": ("held", "damaged"),
    "empty.jpg": ("refused", "empty"),
    "good.jpg": ("archived", None),
    "good.pdf": ("archived", None),
    "huge.png": ("refused", "too_many_pixels"),
    "locked.pdf": ("held", "encrypted"),
    "long.pdf": ("refused", "page_too_big"),
    "loop.tif": ("held", "damaged"),
    "no_pages.pdf": ("refused", "no_pages"),
    "pipe.jpg": ("refused", "not_readable"),
    "scripts.pdf": ("archived", None),
    "text.pdf": ("refused", "unsupported_kind"),
    "xref.pdf": ("archived", None),
    LONG_NAME: ("archived", None),
}


@dataclass(frozen=True, slots=True)
class Batch:
    office: Office
    results: dict[str, dict[str, Any]]
    err: str


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    office = Office(tmp_path_factory.mktemp("bad"))
    folder = office.root / "in"
    folder.mkdir()
    whole = slip(folder / "good.jpg", "Giấy mời họp tổ dân phố").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    pages = slip(folder / "cut.tif", "Trang một", "Trang hai", form="TIFF").read_bytes()
    (folder / "cut.tif").write_bytes(pages[: len(pages) // 2])
    letter(folder / "good.pdf", ["Thư mời dự hội nghị"])
    pdf_files.changed(pdf_files.scan(folder / "cut.pdf", pages=3), lambda data: data[: len(data) // 2])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "huge.png").write_bytes(files.png_header(30_000, 30_000))
    pdf_files.encrypted(folder / "locked.pdf", user="mật khẩu")
    (folder / "long.pdf").write_bytes(files.pdf_bytes((14 / 0.0254 * 72, 842)))
    (folder / "loop.tif").write_bytes(files.looping_tiff())
    pdf_files.without_pages(folder / "no_pages.pdf")
    os.mkfifo(folder / "pipe.jpg")
    pdf_files.with_scripts_and_attachments(folder / "scripts.pdf")
    (folder / "text.pdf").write_bytes("Đây không phải là PDF.\n".encode() * 50)
    letter(folder / "xref.pdf", ["Công văn bị hỏng bảng tham chiếu"])
    pdf_files.changed(folder / "xref.pdf", lambda data: data[: data.rindex(b"startxref")] + b"startxref\n7\n%%EOF\n")
    letter(folder / LONG_NAME, ["Giấy có tên rất dài"])
    # A lease that runs out is a word on standard error.
    run = office.run("archive", "--json", folder, SOHOA_LEASE_S="300")
    assert run.code == 3
    return Batch(office, {Path(result["source"]).name: result for result in run.lines}, run.err)


def test_every_file_of_a_bad_batch_gets_one_result_and_the_good_ones_are_archived(batch: Batch) -> None:
    found = {
        name: (result["status"], None if result["error"] is None else result["error"]["code"])
        for name, result in batch.results.items()
    }
    assert found == EXPECTED


def test_an_error_is_one_line_that_says_what_to_do_and_standard_error_stays_empty(batch: Batch) -> None:
    details = [result["error"]["detail"] for result in batch.results.values() if result["error"]]
    assert len(details) == sum(code is not None for _, code in EXPECTED.values())
    assert all(detail and "\n" not in detail and detail.isprintable() for detail in details)
    assert batch.err == ""


def test_what_was_refused_leaves_nothing_and_what_was_accepted_is_safe(batch: Batch) -> None:
    kept = batch.office.assert_in_order()
    accepted = [name for name, (status, _) in EXPECTED.items() if status != "refused"]
    assert len(kept) == len(accepted)
    for name in accepted:
        original = (batch.office.root / "in" / name).stat().st_size
        assert batch.results[name]["original"]["size_bytes"] == original
    for name, (status, _) in EXPECTED.items():
        if status == "refused":
            assert batch.results[name]["document_id"] is None
            assert batch.results[name]["original"] is None


def test_the_pdf_of_a_paper_with_scripts_has_none_and_the_original_keeps_them(batch: Batch, tmp_path: Path) -> None:
    document_id = batch.results["scripts.pdf"]["document_id"]
    for what in ("pdf", "original"):
        assert batch.office.run("export", document_id, "--what", what, "--to", tmp_path / what).code == 0
    with pikepdf.open(tmp_path / "pdf") as pdf:
        assert pikepdf.Name.OpenAction not in pdf.Root
        assert pikepdf.Name.AA not in pdf.pages[0].obj
        assert not pdf.attachments
    with pikepdf.open(tmp_path / "original") as pdf:
        assert pikepdf.Name.OpenAction in pdf.Root
        assert list(pdf.attachments) == ["notes.txt"]


def test_a_name_with_line_breaks_is_shown_on_one_line_and_can_be_searched_for(batch: Batch) -> None:
    shown = batch.office.status(batch.results[LONG_NAME]["document_id"])
    assert "\n" not in shown["source"]
    hits = batch.office.search("rất dài")
    assert [hit["document_id"] for hit in hits] == [batch.results[LONG_NAME]["document_id"]]


def test_the_table_for_people_names_each_file_once_and_says_why(batch: Batch) -> None:
    run = batch.office.run("archive", batch.office.root / "in" / "empty.jpg", batch.office.root / "in" / "locked.pdf")
    assert run.code == 3
    assert "[empty]" in run.out
    assert "[encrypted]" in run.out
    assert "1 held, 1 refused" in run.out


def test_a_file_without_the_right_to_read_it_is_refused_and_the_rest_goes_on(office: Office, tmp_path: Path) -> None:
    secret = slip(tmp_path / "secret.jpg", "Không ai được đọc")
    secret.chmod(0)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    readable = letter(tmp_path / "open.pdf", ["Ai cũng đọc được"])
    run = ended(office.start("archive", "--json", secret, closed, readable, through=_without_root_rights()))
    closed.chmod(0o700)
    assert run.code == 3, run.err
    codes = {Path(line["source"]).name: (line["status"], (line["error"] or {}).get("code")) for line in run.lines}
    assert codes == {
        "secret.jpg": ("refused", "not_readable"),
        "closed": ("refused", "not_readable"),
        "open.pdf": ("archived", None),
    }


def test_a_missing_model_stops_the_command_with_one_line_and_a_later_run_finishes_what_was_accepted(
    office: Office, tmp_path: Path
) -> None:
    empty = tmp_path / "models"
    empty.mkdir()
    papers = [slip(tmp_path / f"{number}.jpg", f"Phiếu hẹn số {number}") for number in range(3)]
    run = office.run("archive", "--json", *papers, SOHOA_TESSDATA=str(empty))
    assert run.code == 2
    assert run.err.startswith("sohoa: ")
    assert run.err.endswith("[model_missing]\n")
    assert run.err.count("\n") == 1
    accepted = office.documents()
    assert {document.status for document in accepted} <= {"received"}
    results = office.archive(*papers)
    assert {result["status"] for result in results} == {"archived"}
    assert {document.document_id for document in accepted} <= {result["document_id"] for result in results}
    assert len(office.assert_in_order()) == 3


def test_too_little_free_disk_refuses_every_file_before_it_is_accepted(office: Office, tmp_path: Path) -> None:
    paper = letter(tmp_path / "paper.pdf", ["Không còn chỗ"])
    [result] = office.archive(paper, code=3, SOHOA_MIN_FREE_BYTES=str(10**18))
    assert (result["status"], result["error"]["code"]) == ("refused", "disk_low")
    assert office.assert_in_order() == []


def test_an_archive_whose_disk_runs_full_loses_nothing_and_goes_on_when_there_is_room(
    office: Office, tmp_path: Path
) -> None:
    with _small_disk(tmp_path / "disk", size="3m") as disk:
        office = office.with_settings(SOHOA_ARCHIVE_URL=f"file://{disk / 'archive'}")
        office.archive(letter(tmp_path / "first.pdf", ["Còn chỗ"]))
        filler = disk / "filler"
        filler.write_bytes(bytes(shutil.disk_usage(disk).free - 256 * 1024))
        papers = [slip(tmp_path / f"{number}.jpg", f"Phiếu số {number}\nHết chỗ giữa chừng") for number in range(8)]
        process = office.start("archive", "--json", *papers)
        with office.stores() as stores:

            def waits_for_room() -> bool:
                with stores.database.read() as connection:
                    query = "SELECT 1 FROM jobs WHERE last_code = 'disk_full'"
                    return connection.exec_driver_sql(query).first() is not None

            wait_until(waits_for_room, running=process)
        filler.unlink()
        run = ended(process)
        assert len(run.lines) == len(papers)
        for result in run.lines:
            refused = result["status"] == "refused" and result["error"]["code"] in ("disk_full", "disk_low")
            assert refused or result["status"] == "archived", result
        results = office.archive(*papers)
        assert {result["status"] for result in results} == {"archived"}
        assert len(office.assert_in_order()) == len(papers) + 1


def test_ctrl_c_in_the_middle_says_how_to_go_on_and_the_same_command_finishes_each_file_once(
    office: Office, tmp_path: Path
) -> None:
    papers = [
        slip(tmp_path / f"{number}.jpg", f"Biên nhận số {number}\nNgười nhận: Lê Thị Hoa") for number in range(14)
    ]
    process = office.start("archive", "--json", "--jobs", "1", *papers)
    assert process.stdout is not None
    fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)  # room for few results: it cannot come to its end unread
    first_line(process)
    os.killpg(process.pid, signal.SIGINT)
    run = ended(process)
    assert run.code == 130
    assert "Run the same command again" in run.err
    assert run.err.count("\n") == 1
    results = office.archive(*papers)
    assert len(results) == len(papers)
    assert {result["status"] for result in results} == {"archived"}
    assert len({result["document_id"] for result in results}) == len(papers)
    assert len(office.assert_in_order()) == len(papers)
    assert len(office.search("biên nhận")) == len(papers)


def _without_root_rights() -> tuple[str, ...]:
    """Root may read everything; a command run through this may not."""
    if os.getuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv (util-linux), to take from root the right to read everything")
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--")


@contextmanager
def _small_disk(folder: Path, *, size: str) -> Iterator[Path]:
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small disk to be had here (mounting needs rights): {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
