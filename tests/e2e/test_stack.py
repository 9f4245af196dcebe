"""The main job on PostgreSQL, RabbitMQ or Redis, S3 and Elasticsearch: what comes out is what the embedded default makes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from ocr_workers.staged import DESCRIPTION, RENDITIONS
from sohoa.cli.context import read_settings
from sohoa.clock import FixedClock
from storage.archive.layout import document_folder
from storage.catalog import documents
from storage.stores import Stores, open_stores
from tests.support import press, servers, stack
from tests.support.office import Office, ended, letter, slip
from tests.support.stack import Stack
from tests.support.waiting import wait_until
from tests.support.working import take_in

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.brokers, pytest.mark.servers]
SETTLED_WITHIN_S = 240.0


@pytest.fixture(params=["rabbitmq", "redis"])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    (tmp_path / "stack").mkdir()
    with stack.running(tmp_path / "stack", request.param) as started:
        yield started


def _papers(folder: Path) -> list[Path]:
    folder.mkdir()
    drawn = press.write(press.draw("quyet_dinh", seed=21, level="clean", dpi=200, pages=1), folder, fmt="jpg")
    scan = slip(folder / "scan.tif", "Trang một", "Trang hai", "Trang ba", form="TIFF")
    invitation = letter(folder / "letter.pdf", ["Giấy mời dự lễ khánh thành trường mẫu giáo"])
    return [*drawn, scan, invitation]


def test_papers_become_the_same_as_in_the_embedded_default(running: Stack, office: Office, tmp_path: Path) -> None:
    papers = _papers(tmp_path / "in")
    embedded = {Path(each["source"]).name: each for each in office.archive(*papers)}
    ids = {paper.name: running.send(paper) for paper in papers}
    running.until_searchable(*ids.values(), within_s=SETTLED_WITHIN_S)

    for name, document_id in ids.items():
        told, alone = running.get(f"/v1/documents/{document_id}"), embedded[name]
        assert told["status"] == alone["status"] == "archived"
        assert _fields(told["fields"]) == _fields(alone["fields"])
        exported = tmp_path / f"{name}.pdf"
        assert office.run("export", alone["document_id"], "--to", exported).code == 0
        assert _drawn(running.fetch(f"/v1/documents/{document_id}/pdf").content) == _drawn(exported.read_bytes())
        text = office.run("text", alone["document_id"]).out.split()
        assert running.fetch(f"/v1/documents/{document_id}/text").text.split() == text
    (hit,) = running.get("/v1/search", q="khanh thanh truong mau giao")["hits"]
    assert hit["document_id"] == ids["letter.pdf"]
    assert json.loads(running.office.run("verify", "--json").out.splitlines()[-1])["findings"] == []


def test_files_are_equal_byte_for_byte_where_moment_and_id_are(running: Stack, office: Office, tmp_path: Path) -> None:
    papers = _papers(tmp_path / "in")
    with _held_still(running.office) as there, _held_still(office) as here:
        ids = [take_in(there, paper) for paper in papers]
        assert [take_in(here, paper) for paper in papers] == ids
        running.until_searchable(*ids, within_s=SETTLED_WITHIN_S)
        process = office.start("work", "--jobs", "1")
        wait_until(lambda: len(_archived(here)) == len(ids), "not all were archived", within_s=SETTLED_WITHIN_S)
        process.terminate()
        assert ended(process).code == 0
        made_here, made_there = _archived(here), _archived(there)
    assert made_there == made_here
    for made in made_here.values():
        assert made.keys() >= {*RENDITIONS, "quality.json"}


def test_a_worker_that_dies_and_a_broker_that_was_away_keep_no_paper_from_the_end(
    running: Stack, tmp_path: Path
) -> None:
    papers = [
        slip(tmp_path / f"{number}.tif", *(f"Tờ {number} trang {page}" for page in range(6)), form="TIFF")
        for number in range(4)
    ]
    running.broker.stop()
    ids = [running.send(paper) for paper in papers[:2]]
    running.broker.start()
    running.until_searchable(ids[0], within_s=SETTLED_WITHIN_S)  # the worker is at work
    running.processes["worker"].send_signal(signal.SIGKILL)
    ids += [running.send(paper) for paper in papers[2:]]
    running.start("worker")
    running.until_searchable(*ids, within_s=SETTLED_WITHIN_S)
    assert json.loads(running.office.run("verify", "--json").out.splitlines()[-1])["findings"] == []


def test_papers_that_the_api_s_machine_spooled_while_s3_was_away_are_archived_when_it_is_back(tmp_path: Path) -> None:
    (tmp_path / "stack").mkdir()
    with stack.running(tmp_path / "stack", "redis", apart=True) as running:
        servers.stop(running.s3, how=signal.SIGKILL)
        ids = [running.send(letter(tmp_path / f"{number}.pdf", [f"Giấy mời số {number}"])) for number in range(3)]
        assert {running.get(f"/v1/documents/{document_id}")["status"] for document_id in ids} == {"received"}
        running.s3 = servers.again(running.s3)
        running.until_searchable(*ids, within_s=SETTLED_WITHIN_S)
        assert json.loads(running.office.run("verify", "--json").out.splitlines()[-1])["findings"] == []


@contextmanager
def _held_still(office: Office) -> Iterator[Stores]:
    """The office's stores under a clock that stands, whose ids count up."""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in office.environment().items():
            patched.setenv(name, value)
        settings = read_settings()
    with open_stores(settings, clock=FixedClock()) as stores:
        yield stores


def _archived(stores: Stores) -> dict[str, dict[str, str]]:
    """The digests of each archived document's files, by name, but for the record of when and by what each was made. ALTO is
    taken without the time that it took to read each page."""
    found: dict[str, dict[str, str]] = {}
    with stores.database.read() as connection:
        archived = [each for each in documents.list_documents(connection).items if each.status == "archived"]
    for document in archived:
        files = stores.archive.files(document.archived_in)
        found[document.document_id] = made = {
            Path(name).name: str(file.sha256)
            for name, file in files.items()
            if document.document_id in name and Path(name).name not in DESCRIPTION
        }
        with stores.archive.open_file(
            document.archived_in, f"{document_folder(document.document_id)}alto.xml.gz"
        ) as packed:
            alto = gzip.decompress(packed.read())
        made["alto.xml.gz"] = hashlib.sha256(re.sub(rb"recognise_ms&quot;:[0-9]+", b"", alto)).hexdigest()
    return found


def _fields(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: (one["value"], one["accepted"], one["confidence"]) for name, one in fields.items()}


def _drawn(pdf: bytes) -> list[bytes]:
    """What each page draws: the file's dates and ids are of its own moment."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        return [b"".join(part.read_raw_bytes() for part in _streams(page)) for page in opened.pages]


def _streams(page: pikepdf.Page) -> list[pikepdf.Object]:
    page.contents_coalesce()
    return [page.Contents, *page.resources.get("/XObject", {}).values()]
