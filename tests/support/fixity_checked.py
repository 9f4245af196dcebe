"""An archive with papers of every kind, and the rolling fixity check run over it, stopped and looked at."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocr_workers import fixity_duty
from ocr_workers.fixity_duty import FixityDuty, Interrupted
from storage.archive import premis
from storage.archive.chain import Link, read_chain
from storage.archive.fixity import NAME, Cover, Stretch, Unit, read_cover
from storage.archive.layout import ledger_key, object_id_of, object_root, receipt_key
from storage.catalog.documents import Document
from tests.support.archived import Api, opened_api
from tests.support.verified import DOSSIER, fill

OBJECT = object_id_of("", DOSSIER)
DAY_S = 86_400.0


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Document]]:
    home = tmp_path_factory.mktemp("filled")
    with pytest.MonkeyPatch.context() as patch, opened_api(home) as opened:
        patch.setattr("os.fsync", lambda descriptor: None)
        return home, fill(opened)


@pytest.fixture
def api(tmp_path: Path, filled: tuple[Path, dict[str, Document]]) -> Iterator[Api]:
    shutil.copytree(filled[0], tmp_path / "home")
    with opened_api(tmp_path / "home", fixity_rate_mb_s=10_000.0) as opened:
        opened.clock.advance(seconds=3600)
        for _ in range(40):  # ids that the filled archive has drawn already are not drawn again
            opened.clock.new_ulid()
        yield opened


@pytest.fixture
def papers(filled: tuple[Path, dict[str, Document]]) -> dict[str, Document]:
    return filled[1]


def root_of(api: Api) -> Path:
    return api.stores.settings.folder_of("")


def duty(api: Api) -> FixityDuty:
    return FixityDuty(api.stores, stop=threading.Event(), has_lease=lambda: True)


def run(api: Api) -> Cover:
    """One round; the cover after it."""
    api.clock.advance(seconds=16 * DAY_S)
    again = duty(api)
    assert again.is_due()
    again.run()
    return cover(api)


def interrupted(api: Api, when: Callable[[Stretch], bool]) -> None:
    """Begin or go on with a round, and be told to stop as soon as what has been read is so."""
    stop, really = threading.Event(), fixity_duty._with_unit

    def stopping(stretch: Stretch, unit: Unit) -> Stretch:
        read = really(stretch, unit)
        if when(read):
            stop.set()
        return read

    running = FixityDuty(api.stores, stop=stop, has_lease=lambda: True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fixity_duty, "_with_unit", stopping)
        with pytest.raises(Interrupted):
            running.run()


def cover(api: Api) -> Cover:
    found = read_cover(api.stores.archive.objects, api.clock)
    assert found is not None
    return found


def stretches(api: Api) -> list[dict[str, object]]:
    links = read_chain(api.stores.archive.objects, NAME)
    return [link.body["stretch"] for link in links if isinstance(link, Link) and link.next_day is None]


FAILED = {"eventOutcome": "failure"}


def events(api: Api, document: Document) -> list[dict[str, object]]:
    """The failed fixity checks among a document's events."""
    path = f"documents/{document.document_id}/premis.jsonl"
    with api.stores.archive.open_file(object_id_of(document.document_id, document.dossier), path) as stream:
        found = premis.from_jsonl(stream.read())
    return [
        event for event in found if event["eventType"] == "fixity check" and event["eventOutcomeInformation"] == FAILED
    ]


def files(papers: dict[str, Document]) -> dict[str, str]:
    """One file of every kind that the check answers for, by its key."""
    root, document = object_root(OBJECT), papers["first"].document_id
    content = ("original.png", "document.pdf", "text.txt", "alto.xml.gz", "record.json", "premis.jsonl", "quality.json")
    return {
        **{name: f"{root}/v1/content/documents/{document}/{name}" for name in content},
        "dossier.json": f"{root}/v1/content/dossier.json",
        "inventory": f"{root}/v2/inventory.json",
        "sidecar": f"{root}/v2/inventory.json.sha256",
        "newest inventory": f"{root}/v4/inventory.json",
        "root inventory": f"{root}/inventory.json",
        "root sidecar": f"{root}/inventory.json.sha256",
        "declaration": f"{root}/0=ocfl_object_1.1",
        "storage root": "ocfl/0=ocfl_1.1",
        "layout": "ocfl/ocfl_layout.json",
        "receipt": receipt_key(document),
        "last receipt": receipt_key(papers["received"].document_id),
        "first ledger entry": ledger_key(1),
        "ledger entry": ledger_key(4),
        "last ledger entry": ledger_key(7),
    }
